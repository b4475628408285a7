"""HumanName, Address and ContactPoint as XPN, XAD and XTN; the other way round as to_fhir/persons.py."""

from collections.abc import Mapping
from typing import Final

from mappers.hl7v2.message import Component
from mappers.hl7v2.tables import ADDRESS_TYPE, ADDRESS_USE, NAME_USE
from mappers.hl7v2.times import timestamp
from mappers.mapped import Resource

NAME_TYPES: Final = {use: code for code, use in reversed(NAME_USE.items())} | {"official": "L", "old": "NOUSE"}
ADDRESS_TYPES: Final = {use: code for code, use in reversed(ADDRESS_USE.items())} | {"work": "O", "old": "BA"}
POSTAL: Final = next(iter(ADDRESS_TYPE))
TELECOM_USES: Final = {"home": "PRN", "work": "WPN", "temp": "VHN", "mobile": "PRS"}
EQUIPMENT: Final = {"phone": "PH", "fax": "FX", "pager": "BP", "email": "Internet", "other": "MD", "sms": "CP"}
MOBILE: Final = "CP"
STREET_PARTS: Final = 3
"""Of a SAD."""

Components = tuple[Component, ...]


def xpn(name: Resource) -> Components:
    first, *others = [*name.get("given", ()), ""]
    dates = _dates(name)
    joined = [
        " ".join(part for part in parts if part) for parts in (others, name.get("suffix", ()), name.get("prefix", ()))
    ]
    head = (str(name.get("family", "")), first, *joined, "", _of(NAME_TYPES, name.get("use")))
    return *head, "", "", "", "", *dates


def xad(address: Resource) -> Components:
    """Its lines in the order they are read again: the street in its parts, the other designation, the addressee."""
    lines = list(address.get("line", ()))
    street, rest = (
        (lines[:1], lines[1:])
        if len(lines) < STREET_PARTS
        else (lines[:-1][:STREET_PARTS], lines[len(lines[:-1][:STREET_PARTS]) :])
    )
    other, addressee = rest[0] if rest else "", " ".join(rest[1:])
    kind = (
        POSTAL if address.get("type") == "postal" and "use" not in address else _of(ADDRESS_TYPES, address.get("use"))
    )
    parts = [str(address.get(part, "")) for part in ("city", "state", "postalCode", "country")]
    start, end = _dates(address)
    head = (tuple(street), other, *parts, kind, "", str(address.get("district", "")))
    return *head, "", "", "", start, end, "", "", "", "", addressee


def xtn(point: Resource) -> Components:
    """A number stands in component 1, where every version looks for it."""
    system, use = str(point.get("system", "phone")), str(point.get("use", ""))
    value, rank = str(point.get("value", "")), str(point.get("rank", ""))
    said = _of(TELECOM_USES, use)
    equipment = MOBILE if use == "mobile" and system == "phone" else EQUIPMENT.get(system, "PH")
    if system == "email":
        return "", said or "NET", equipment, value, *[""] * 13, rank
    return value, said, equipment, *[""] * 14, rank


def _of(table: Mapping[str, str], use: object) -> str:
    return table.get(str(use), "")


def _dates(element: Resource) -> tuple[str, str]:
    period = element.get("period", {})
    return timestamp(period.get("start", "")), timestamp(period.get("end", ""))
