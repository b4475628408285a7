"""Practitioner as XCN, and who a reference is to; the other way round as to_fhir/practitioner.py."""

from typing import Any, Final

from mappers.hl7v2.from_fhir.identifiers import authority, type_code
from mappers.hl7v2.from_fhir.sending import Sending
from mappers.hl7v2.message import Component
from mappers.hl7v2.tables import IDENTIFIER_SYSTEMS
from mappers.mapped import Resource

DEA: Final = IDENTIFIER_SYSTEMS["DEA"]
Xcn = tuple[Component, ...]


def xcn(reference: Any, sending: Sending) -> Xcn | str:
    """Nothing where nobody is referred to; a display alone is a name."""
    if not reference:
        return ""
    someone = sending.at(reference)
    identifier: Resource = next(iter(someone.get("identifier", ())), {})
    if not identifier and "name" not in someone:
        return ("", reference.get("display", ""))
    return _xcn(identifier, someone, sending)


def dea_number(reference: Any, sending: Sending) -> Xcn | str:
    """The DEA number of who is referred to, with his name; nothing where none is known."""
    someone = sending.resources.get((reference or {}).get("reference", ""), {})
    known = (one for one in someone.get("identifier", ()) if one.get("system") == DEA or type_code(one) == "DEA")
    identifier: Resource = next(known, {})
    return _xcn(identifier, someone, sending) if identifier.get("value") else ""


def _xcn(identifier: Resource, someone: Resource, sending: Sending) -> Xcn:
    name: Resource = next(iter(someone.get("name", ())), {})
    given = [*name.get("given", ()), "", ""]
    suffix = [*name.get("suffix", ()), "", ""]
    prefix = " ".join(name.get("prefix", ()))
    number = str(identifier.get("value", ""))
    of = authority(identifier.get("system", ""), sending.making) if identifier else ""
    names = (name.get("family", ""), given[0], " ".join(given[1:]).strip(), suffix[0], prefix, suffix[1])
    return (number, *names, "", of, "", "", "", type_code(identifier))
