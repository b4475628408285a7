"""CodeableConcept and Coding as CWE; the other way round as to_fhir/concepts.py."""

from collections.abc import Iterable, Mapping
from typing import Final

from mappers.hl7v2.from_fhir.identifiers import namespace_of
from mappers.hl7v2.message import Component
from mappers.hl7v2.tables import CODE_SYSTEMS, V2, Coded
from mappers.making import Making
from mappers.mapped import Resource

NAMES: Final = {uri: name for name, uri in reversed(CODE_SYSTEMS.items())}
"""The first name of table 0396 for each system."""
Cwe = tuple[Component, ...]


def system_name(system: str, making: Making) -> str:
    """What CWE-3 calls a system; "" for the partner's own."""
    own = namespace_of(system, making)
    if own is not None:
        return own
    if system.startswith(V2):
        return f"HL7{system.removeprefix(V2)}"
    return next((name for name, known in making.authorities.items() if known == system), NAMES.get(system, system))


def cwe(concept: Resource, making: Making) -> Cwe:
    """The first coding and the text, which stands in CWE-9 where it is not the coding's display."""
    first: Resource = next(iter(concept.get("coding", ())), {})
    text = concept.get("text", "")
    if not first:
        return ("", text)
    triple = of_coding(first, making)
    if not text or text == (triple[1] or triple[0]):
        return triple
    return (*triple, "", "", "", "", "", text)


def of_coding(coding: Resource, making: Making) -> Cwe:
    return (coding.get("code", ""), coding.get("display", ""), system_name(coding.get("system", ""), making))


def code_in(concepts: Iterable[Resource], *systems: str) -> str:
    """The first code of one of the systems."""
    codings = (coding for concept in concepts for coding in concept.get("coding", ()))
    return str(next((one.get("code", "") for one in codings if one.get("system") in systems), ""))


def code_of(concept: Resource, table: Mapping[str, Coded]) -> str:
    """What a table of HL7 v2 calls one of the codings; "" where it has none of them."""
    said = {(one.get("system"), one.get("code")) for one in concept.get("coding", ())}
    return next((code for code, (system, own, _) in table.items() if (system, own) in said), "")
