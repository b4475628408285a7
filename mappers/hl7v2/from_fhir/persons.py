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
    given = list(name.get("given", ()))
    others = (given[1:], name.get("suffix", ()), name.get("prefix", ()))
    joined = [" ".join(parts) for parts in others]
    head = (str(name.get("family", "")), next(iter(given), ""), *joined, "", _of(NAME_TYPES, name.get("use")))
    return *head, "", "", "", "", *_dates(name)


def xad(address: Resource) -> Components:
    """Its lines in the order they are read again: the street in its parts, the other designation, the addressee."""
    lines = list(address.get("line", ()))
    streets = 1 if len(lines) < STREET_PARTS else min(len(lines) - 1, STREET_PARTS)
    street: Component = tuple(lines[:streets])
    other, addressee = "".join(lines[streets : streets + 1]), " ".join(lines[streets + 1 :])
    use = _of(ADDRESS_TYPES, address.get("use"))
    kind = use or (POSTAL if address.get("type") == "postal" else "")
    parts = [str(address.get(part, "")) for part in ("city", "state", "postalCode", "country")]
    head = (street, other, *parts, kind, "", str(address.get("district", "")))
    return *head, "", "", "", *_dates(address), "", "", "", "", addressee


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
