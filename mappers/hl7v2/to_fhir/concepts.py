"""CWE, CE, CNE, CF, IS and ID as CodeableConcept, Coding and code.

https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-datatype-cwe-to-codeableconcept.html
"""

import re
from collections.abc import Mapping
from typing import Final

from mappers.hl7v2.message import Value
from mappers.hl7v2.tables import CODE_SYSTEMS, OIDS, V2, Coded
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.to_fhir.identifiers import OID
from mappers.making import Making
from mappers.mapped import Resource

TRIPLES: Final = ((1, 2, 3, 7, 14), (4, 5, 6, 8, 17), (10, 11, 12, 13, 20))
"""Code, text, system, its version and its OID (from 2.7): the code, the alternate and the second alternate one."""
TABLE: Final = re.compile(r"HL7-?(\d{4})", re.IGNORECASE)
SYSTEM: Final = re.compile(r"(?:urn:|[A-Za-z][A-Za-z0-9+.-]*://)\S+", re.IGNORECASE)
CODE: Final = re.compile(r"[^\s]+(\s[^\s]+)*")
"""https://hl7.org/fhir/R4/datatypes.html#code"""
NOT_OF_TABLE: Final = "is not a code of its table"
NO_SYSTEM: Final = "is no URI that its sender may name, and is taken for a word"

Table = Mapping[str, Coded]


def code_system(name: str, making: Making, oid: str = "") -> str:
    """The URI of a coding system as CWE-3 names it (table 0396); without a name, the partner's own.

    What is no URI, or the system of another partner, is only the partner's word for it.
    """
    table = TABLE.fullmatch(name)
    if table is not None:
        return f"{V2}{table[1]}"
    known = making.authorities.get(name) or CODE_SYSTEMS.get(name.upper()) or OIDS.get(name)
    if known is None and OID.fullmatch(oid):
        known = OIDS.get(oid, f"urn:oid:{oid}")
    is_uri = SYSTEM.fullmatch(name) and making.may_name(name)
    return known or (name if is_uri else making.system_of(name))


def codings(value: Value, making: Making, table: Table | None = None) -> list[Resource]:
    """At most three. A code of `table` is what the table says, unless its sender names another system than HL7's."""
    said = (triple for triple in TRIPLES if triple[0] <= value.components)
    found = (_coding(value, triple, making, table or {}) for triple in said)
    return [one for one in found if one]


def codeable_concept(value: Value, making: Making, table: Table | None = None) -> Resource:
    """{} where it says nothing. A text without a code is its text."""
    found = codings(value, making, table)
    text = value.text(9) or value.text(2) or value.text(5)
    shown = any("display" in one for one in found)
    return filled(coding=found, text=text or (None if shown else value.text(1) or value.text(4)))


def coding(value: Value, making: Making, table: Table | None = None) -> Resource:
    """The first one, {} where there is none."""
    return next(iter(codings(value, making, table)), {})


def code(value: Value, table: Mapping[str, str], component: int = 1) -> str | None:
    """What a table of plain codes says; one that it lacks is left with a reason."""
    text = value.text(component)
    if component == 1:
        value.texts()  # its display and its system say no more
    found = table.get(text) or table.get(text.upper())
    if text and found is None:
        value.leave(component, NOT_OF_TABLE)
    return found


def coded(one: Coded) -> Resource:
    system, code_, display = one
    return {"system": system, "code": code_, "display": display}


def _coding(value: Value, triple: tuple[int, int, int, int, int], making: Making, table: Table) -> Resource:
    text, display, name, version, oid = (value.text(component) for component in triple)
    if not CODE.fullmatch(text):
        return {}
    found = table.get(text) if not name or TABLE.fullmatch(name) else None
    if found is not None:
        return coded(found)
    system = code_system(name, making, oid)
    if ":" in name and name not in making.authorities and system == making.system_of(name):
        value.leave(triple[2], NO_SYSTEM)
    return filled(system=system, version=version, code=text, display=display)
