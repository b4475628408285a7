"""How much, how often and by which way: RXO, RXE, RXG, RXD with TQ1 and RXR to Dosage.

https://hl7.org/fhir/R4/dosage.html. The dosage form (RXO-5, RXE-6) is Medication.form and no route.
"""

from dataclasses import dataclass
from typing import Any, Final

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.pharmacy_tables import METHODS, ROUTES, V2
from mappers.hl7v2.tables import Coded
from mappers.hl7v2.to_fhir.concepts import codeable_concept
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, told
from mappers.hl7v2.to_fhir.quantity import composite, quantity, ratio, unit_of
from mappers.hl7v2.to_fhir.timing import Schedule, numbered
from mappers.hl7v2.units import UCUM, ucum
from mappers.mapped import Resource

ROUTE_TABLE: Final[dict[str, Coded]] = {code: (f"{V2}0162", code, display) for code, display in ROUTES.items()}
METHOD_TABLE: Final[dict[str, Coded]] = {
    code: ("http://snomed.info/sct", snomed, display) for code, (snomed, display) in METHODS.items()
}
DAY: Final = {"value": 1, "unit": "day", "system": UCUM, "code": "d"}
PER_UNITS: Final = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk", "L": "mo"}
"""Of RXO-17 and its kin: `H1` is an hour."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a segment that make a dosage; 0 where it has none."""

    low: int = 0
    high: int = 0
    unit: int = 0
    daily: int = 0
    text: int = 0
    patient: int = 0
    per: int = 0
    rate: int = 0
    rate_unit: int = 0


FIELDS: Final = {
    "RXO": Fields(2, 3, 4, 23, 6, 7, 17, 21, 22),
    "RXE": Fields(3, 4, 5, 19, 21, 7, 22, 23, 24),
    "RXG": Fields(5, 6, 7, 0, 13, 0, 14, 15, 16),
    "RXD": Fields(daily=12, text=15),
}


def dosages(segment: Segment, routes: list[Segment], found: list[Schedule], draft: Draft) -> list[Resource]:
    """Dosage, one for each schedule; [] where nothing is said."""
    fields = FIELDS[segment.name]
    shared = route_of(routes, draft) | _maximum(segment, fields, draft)
    rate = _dose(segment, fields, draft) | _rate(segment, fields, draft)
    spoken = _joined(_routing(routes, draft), _instructions(segment, fields, draft))
    several = [_scheduled(one, number, shared, rate, draft) for number, one in numbered(found)] or [
        shared | filled(doseAndRate=[rate] if rate else None)
    ]
    several[0] = _joined(spoken, several[0])
    several = [one for one in several if set(one) - {"sequence"}]
    return several if len(several) > 1 else [{name: one[name] for name in one if name != "sequence"} for one in several]


def _scheduled(schedule: Schedule, number: int, shared: Resource, rate: Resource, draft: Draft) -> Resource:
    dose = _of_schedule(schedule, rate, draft)
    needed: Resource = {"asNeededBoolean": True} if schedule.as_needed else {}
    condition = [{"text": schedule.condition}] if schedule.condition else []
    if needed and condition:
        needed, condition = {"asNeededCodeableConcept": condition[0]}, []
    return filled(
        sequence=number,
        text=schedule.text,
        additionalInstruction=condition,
        timing=schedule.timing,
        **needed,
        **shared,
        doseAndRate=[dose] if dose else None,
    )


def _of_schedule(schedule: Schedule, rate: Resource, draft: Draft) -> Resource:
    """TQ1-2 is the dose where the segment has none; beside one it says how many of it."""
    value = schedule.quantity
    if value is None:
        return rate
    amount = composite(value, schedule.place, draft)
    if "doseQuantity" not in rate and "doseRange" not in rate:
        return {"doseQuantity": amount} | rate if amount else rate
    if amount and amount != {"value": 1}:
        draft.note("warning", schedule.place, "a quantity of its own beside the dose of the order: the dose counts")
    return rate


def _dose(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    """A Quantity where there is only a minimum, or both are the same; a Range where there are two."""
    if not fields.low:
        return {}
    low = quantity(segment, fields.low, fields.unit, draft)
    high = quantity(segment, fields.high, fields.unit, draft)
    if low and high and low != high:
        return {"doseRange": {"low": low, "high": high}}
    if high and not low:
        return {"doseRange": {"high": high}}
    return {"doseQuantity": low} if low else {}


def _rate(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    """A Ratio where the time is named (`H1`), else a Quantity; a rate that is no number is text of the dosage."""
    if not fields.rate:
        return {}
    amount = segment.text(fields.rate)
    per = segment.text(fields.per)
    if not amount:
        if per:
            segment.value(fields.per).leave(1, "is a time without a rate")
        return {}
    if not draft.is_number(amount):
        segment.value(fields.rate).leave(1, "is no number (NM): rates in words are not read")
        return {}
    rate = {"value": draft.number_of(amount, segment.place(fields.rate))}
    rate |= unit_of(segment.value(fields.rate_unit), draft.making)
    time = _time(per)
    if per and not time:
        segment.value(fields.per).leave(1, "is no time unit with a number (H1)")
    return {"rateRatio": {"numerator": rate, "denominator": time}} if time else {"rateQuantity": rate}


def _time(text: str) -> Resource:
    unit = PER_UNITS.get(text[:1].upper())
    if unit and text[1:].isdecimal() and int(text[1:]):
        return {"value": int(text[1:]), "unit": unit, "system": UCUM, "code": unit}
    named = ucum(text) if text else None
    return {"value": 1, "unit": text, "system": UCUM, "code": named} if named in PER_UNITS.values() else {}


def _maximum(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    """The total daily dose. The published map has it in a row that is named after RXE-19."""
    if not fields.daily:
        return {}
    total = composite(segment.value(fields.daily), segment.place(fields.daily), draft)
    return filled(maxDosePerPeriod=ratio(total, DAY))


def route_of(routes: list[Segment], draft: Draft) -> Resource:
    """Route, site and method of the first RXR; those after it are other ways, which a Dosage cannot offer."""
    if not routes:
        return {}
    for other in routes[1:]:
        told(other.value(1), "is another route to choose from: a Dosage has one")
    first, making = routes[0], draft.making
    return filled(
        route=codeable_concept(first.value(1), making, ROUTE_TABLE),
        site=codeable_concept(first.value(2), making),
        method=codeable_concept(first.value(4), making, METHOD_TABLE),
    )


def _routing(routes: list[Segment], draft: Draft) -> Resource:
    """RXR-5."""
    found = codeable_concept(routes[0].value(5), draft.making) if routes else {}
    return {"additionalInstruction": [found]} if found else {}


def _instructions(segment: Segment, fields: Fields, draft: Draft) -> Resource:
    """Words are words; what has a code is an instruction with a code."""
    return filled(
        text="\n".join(words(value) for value in segment.repetitions(fields.text) if value) if fields.text else "",
        **_for_patient(segment.repetitions(fields.patient) if fields.patient else (), draft),
    )


def _for_patient(values: tuple[Value, ...], draft: Draft) -> Resource:
    coded = [one for one in values if one and is_coded(one)]
    spoken = [words(one) for one in values if one and not is_coded(one)]
    return {
        "patientInstruction": "\n".join(spoken),
        "additionalInstruction": [codeable_concept(one, draft.making) for one in coded],
    }


def is_coded(value: Value) -> bool:
    """Senders put words where the code goes: a code has no space, and a text or a system beside it."""
    code = value.text(1)
    return bool(code and " " not in code and (value.text(2) or value.text(3)))


def words(value: Value) -> str:
    return value.text(9) or value.text(2) or value.text(1)


def _joined(one: Resource, other: dict[str, Any]) -> Resource:
    """Two halves of a Dosage: their texts in lines, their instructions in one list."""
    both = one | other
    if one.get("text") and other.get("text"):
        both["text"] = f"{one['text']}\n{other['text']}"
    lists = one.get("additionalInstruction", []) + other.get("additionalInstruction", [])
    return both | ({"additionalInstruction": lists} if lists else {})
