"""Dosage as the fields of RXE and RXD, with RXR and TQ1; the other way round as to_fhir/dosage.py."""

from itertools import pairwise
from typing import Final

from mappers.hl7v2.from_fhir.concepts import cwe
from mappers.hl7v2.from_fhir.quantity import amount, composite, number, one_unit, unit
from mappers.hl7v2.from_fhir.sending import Row, Sending, row
from mappers.hl7v2.from_fhir.timing import tq1
from mappers.hl7v2.message import Component, Field, Repetition
from mappers.hl7v2.pharmacy_tables import METHODS
from mappers.hl7v2.to_fhir.dosage import FIELDS, PER_UNITS
from mappers.mapped import Resource

NOTHING: Final[Resource] = {}
PER: Final = {unit_: letter for letter, unit_ in PER_UNITS.items()}
SNOMED_METHODS: Final = {snomed: (code, display) for code, (snomed, display) in METHODS.items()}
Coded = tuple[Component, ...]


def dosage_fields(dosages: list[Resource], name: str, sending: Sending) -> dict[int, Field]:
    """Dose, rate, daily maximum and words of the first one: a segment has one, whatever its TQ1 say."""
    first, fields = next(iter(dosages), NOTHING), FIELDS[name]
    rate = next(iter(first.get("doseAndRate", ())), NOTHING)
    if any(one.get("doseAndRate", [rate] if rate else []) != ([rate] if rate else []) for one in dosages):
        sending.note(name, "doses that differ from one Dosage to the next: only the first is written")
    found: dict[int, Field] = {}
    if fields.low:
        found |= _dose(rate, name, sending) | _rate(rate, name, sending)
    if fields.daily:
        found |= _daily(first, fields.daily, name, sending)
    if fields.text:
        found[fields.text] = _lines(first.get("text", ""))
    if fields.patient:
        coded = [cwe(one, sending.making) for one in first.get("additionalInstruction", ()) if one.get("coding")]
        found[fields.patient] = [*_lines(first.get("patientInstruction", "")), *coded]
    return found


def rxr(dosages: list[Resource], sending: Sending) -> list[Row]:
    """One for all, as the first says it."""
    first = next(iter(dosages), NOTHING)
    if any(one.get("route") != first.get("route") for one in dosages):
        sending.note("RXR", "routes that differ from one Dosage to the next: only the first is written")
    fields: dict[int, Field] = {
        1: cwe(first["route"], sending.making) if "route" in first else "",
        2: cwe(first["site"], sending.making) if "site" in first else "",
        4: _method(first["method"], sending) if "method" in first else "",
    }
    return [row("RXR", fields)]


def timings(dosages: list[Resource], priority: str, sending: Sending) -> list[Row]:
    """TQ1 of each."""
    sequences = [one.get("sequence", 1) for one in dosages]
    follows = [after > before for before, after in pairwise(sequences)] + [False]
    return [
        tq1(one, place, priority, sending, then=then)
        for place, (one, then) in enumerate(zip(dosages or [NOTHING], follows, strict=False), start=1)
    ]


def _dose(rate: Resource, name: str, sending: Sending) -> dict[int, Field]:
    fields = FIELDS[name]
    span = rate.get("doseRange") or {"low": rate.get("doseQuantity")}
    low, unit_low = amount(span.get("low"), sending.making)
    high, unit_high = amount(span.get("high"), sending.making)
    place = f"{name}-{fields.unit}"
    return {fields.low: low, fields.high: high, fields.unit: one_unit(place, unit_low, unit_high)}


def _rate(rate: Resource, name: str, sending: Sending) -> dict[int, Field]:
    fields, making = FIELDS[name], sending.making
    if "rateRange" in rate:
        sending.note(name, "a range of rates has no place in it")
    ratio = rate.get("rateRatio", NOTHING)
    quantity = ratio.get("numerator") or rate.get("rateQuantity") or NOTHING
    if not quantity:
        return {}
    time = ratio.get("denominator", NOTHING)
    letter = PER.get(time.get("code", ""), "")
    if time and not letter:
        sending.note(name, "the time of a rate is no unit of time")
    per = f"{letter}{number(time.get('value'))}" if letter else ""
    return {fields.per: per, fields.rate: number(quantity.get("value")), fields.rate_unit: unit(quantity, making)}


def _daily(dosage: Resource, field: int, name: str, sending: Sending) -> dict[int, Field]:
    maximum = dosage.get("maxDosePerPeriod", NOTHING)
    if not maximum:
        return {}
    period = maximum.get("denominator", NOTHING)
    if (number(period.get("value")), period.get("code")) != ("1", "d"):
        sending.note(name, "a maximum that is not of a day has no place in it")
        return {}
    return {field: composite(maximum.get("numerator", NOTHING), sending.making)}


def _lines(text: str) -> list[Repetition]:
    return [("", line) for line in text.split("\n") if line]


def _method(concept: Resource, sending: Sending) -> Coded:
    """Table 0165 where it has the method."""
    code = next((one.get("code", "") for one in concept.get("coding", ())), "")
    if code in SNOMED_METHODS:
        return (*SNOMED_METHODS[code], "HL70165")
    return cwe(concept, sending.making)
