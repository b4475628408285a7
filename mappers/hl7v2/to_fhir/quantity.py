"""Amounts with their units: NM beside CWE, and CQ. https://hl7.org/fhir/R4/datatypes.html#Quantity."""

from typing import Final

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.to_fhir.concepts import code_system
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.units import UCUM, UCUM_NAMES, ucum, ucum_as_said
from mappers.making import Making
from mappers.mapped import Resource

STANDARD: Final = frozenset({"ISO+", "ANS+", "ISO"})
"""Coding systems (table 0396) whose codes are units; in one of the sender's own, `S` may be a spray."""


def quantity(segment: Segment, amount: int, unit: int, draft: Draft) -> Resource:
    """Of two fields; {} where there is no amount. Raises Hl7Fault 102 where it is no number."""
    number = draft.number(segment, amount)
    if number is None:
        return {}
    return {"value": number} | unit_of(segment.value(unit), draft.making)


def composite(value: Value, place: str, draft: Draft) -> Resource:
    """Of a CQ, whose units are the sub-components of its second component. Raises Hl7Fault 102."""
    if not value.text():
        return {}
    return {"value": draft.number_of(value.text(), place)} | unit_of(value.inner(2), draft.making)


def ratio(numerator: Resource, denominator: Resource) -> Resource:
    """R4 wants both or none (rat-1): without a denominator it is so much in one."""
    return {"numerator": numerator, "denominator": denominator or {"value": 1}} if numerator else {}


def unit_of(value: Value, making: Making) -> Resource:
    """Of UCUM where it is such a unit, else the code of whoever sent it; a word without a code is a word."""
    code, text, system = (value.text(component) for component in (1, 2, 3))
    for alternate in (1, 4):
        said = ucum_as_said(value.text(alternate), value.text(alternate + 2))
        if said:
            return _ucum(said, value.text(alternate + 1))
    own = not system or system in UCUM_NAMES
    by_code, by_text = (ucum(one) if one else None for one in (code, text))
    found = by_code or by_text
    if found and (own or system in STANDARD or by_code == by_text):
        return _ucum(found, text or code)
    if not code or (own and not text):
        return filled(unit=text or code)
    return filled(unit=text or code, system=making.system_of("") if own else code_system(system, making), code=code)


def _ucum(code: str, text: str) -> Resource:
    return {"unit": text or code, "system": UCUM, "code": code}
