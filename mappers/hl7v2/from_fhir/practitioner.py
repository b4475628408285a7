"""Practitioner as XCN, and who a reference is to; the other way round as to_fhir/practitioner.py."""

from typing import Any

from mappers.hl7v2.from_fhir.identifiers import authority, type_code
from mappers.hl7v2.from_fhir.sending import Sending
from mappers.hl7v2.message import Component
from mappers.mapped import Resource

Xcn = tuple[Component, ...]


def xcn(reference: Any, sending: Sending) -> Xcn | str:
    """Nothing where nobody is referred to; a display alone is a name."""
    if not reference:
        return ""
    someone = sending.at(reference)
    identifier: Resource = next(iter(someone.get("identifier", ())), {})
    name: Resource = next(iter(someone.get("name", ())), {})
    if not identifier and not name:
        return ("", reference.get("display", ""))
    given = [*name.get("given", ()), "", ""]
    suffix = [*name.get("suffix", ()), "", ""]
    prefix = " ".join(name.get("prefix", ()))
    number = str(identifier.get("value", ""))
    of = authority(identifier.get("system", ""), sending.making) if identifier else ""
    names = (name.get("family", ""), given[0], " ".join(given[1:]).strip(), suffix[0], prefix, suffix[1])
    return (number, *names, "", of, "", "", "", type_code(identifier))
