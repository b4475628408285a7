"""Identifiers as CX, EI and HD; the other way round as to_fhir/identifiers.py."""

from typing import Final
from urllib.parse import unquote

from mappers.hl7v2.message import Component
from mappers.hl7v2.tables import OIDS
from mappers.hl7v2.times import timestamp
from mappers.making import Making
from mappers.mapped import Resource

BY_URI: Final = {uri: oid for oid, uri in OIDS.items()}
Hd = tuple[str, str, str]


def authority(system: str, making: Making) -> Hd:
    """A system as an HD: the partner's name for it, else what is told apart everywhere."""
    for namespace, known in making.authorities.items():
        if known == system:
            return (namespace, "", "")
    own = namespace_of(system, making)
    if own is not None:
        return (own, "", "")
    if system in BY_URI:
        return ("", BY_URI[system], "ISO")
    if system.startswith("urn:oid:"):
        return ("", system.removeprefix("urn:oid:"), "ISO")
    if system.startswith("urn:uuid:"):
        return ("", system.removeprefix("urn:uuid:"), "UUID")
    return ("", system, "URI") if system else ("", "", "")


def namespace_of(system: str, making: Making) -> str | None:
    """The word a partner has for a system of its own, "" where it needs none; None for a system of somebody else."""
    own = making.system_of("")
    if system == own:
        return ""
    return unquote(system.removeprefix(f"{own}:")) if system.startswith(f"{own}:") else None


def ei(identifier: Resource, making: Making) -> tuple[Component, ...]:
    return (identifier.get("value", ""), *authority(identifier.get("system", ""), making))


def cx(identifier: Resource, making: Making) -> tuple[Component, ...]:
    period = identifier.get("period", {})
    days = (timestamp(period.get(end, ""))[:8] for end in ("start", "end"))
    of = authority(identifier.get("system", ""), making)
    return (identifier.get("value", ""), "", "", of, type_code(identifier), "", *days)


def type_code(identifier: Resource) -> str:
    """`MR`, of table 0203, or the word that stands for a type."""
    kind = identifier.get("type", {})
    return str(next((one.get("code", "") for one in kind.get("coding", ())), kind.get("text", "")))


def of_type(identifiers: list[Resource], code: str) -> Resource | None:
    return next((one for one in identifiers if type_code(one) == code and one.get("value")), None)
