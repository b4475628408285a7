"""CodeableConcepts as CWE."""

from collections.abc import Mapping
from typing import Final

from mappers.hl7v2.from_fhir.identifiers import word_of
from mappers.hl7v2.message import Component
from mappers.hl7v2.tables import CODE_SYSTEMS, V2, Coded
from mappers.making import LOCAL_SYSTEM
from mappers.mapped import Resource

NAMES: Final = {system: name for name, system in reversed(CODE_SYSTEMS.items())}
"""The first name of table 0396 for a system."""
CODINGS_MAX: Final = 2
"""In a CWE before 2.7, and in a CE."""


def coding_system(system: str) -> str:
    """CWE-3: a name of table 0396, `HL70002`, the partner's own word, or else the URI."""
    if system.startswith(V2):
        return f"HL7{system.removeprefix(V2)}"
    if system.startswith(LOCAL_SYSTEM):
        return word_of(system)
    return NAMES.get(system, system)


def cwe(concept: Resource) -> tuple[Component, ...]:
    """Two codings and the text; a text alone is component 2, where every version looks for it."""
    codings = concept.get("coding", [])[:CODINGS_MAX]
    text = str(concept.get("text", ""))
    if not codings:
        return "", text
    parts: list[Component] = [part for one in codings for part in _triple(one)]
    parts += [""] * (3 * (CODINGS_MAX - len(codings)))
    said = text in [one.get("display") for one in codings] or text == codings[0].get("code")
    return (
        *parts,
        *(str(one.get("version", "")) for one in codings),
        *[""] * (CODINGS_MAX - len(codings)),
        "" if said else text,
    )


def code_of(concept: Resource, table: Mapping[str, Coded]) -> str:
    """The code of a table that one of the codings is; "" where it is none. Of several the first one stands."""
    said = {(one.get("system"), one.get("code")) for one in concept.get("coding", ())}
    return next((code for code, (system, meant, _) in table.items() if (system, meant) in said), "")


def _triple(one: Resource) -> tuple[str, str, str]:
    return str(one.get("code", "")), str(one.get("display", "")), coding_system(str(one.get("system", "")))
