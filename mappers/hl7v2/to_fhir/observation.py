"""OBX as Observation. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-obx-to-observation.html."""

from collections.abc import Callable
from typing import Final

from mappers.hl7v2 import times
from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.tables import OBSERVATION_STATUS, V3_INTERPRETATION
from mappers.hl7v2.to_fhir.concepts import codeable_concept
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment, number, period
from mappers.hl7v2.to_fhir.identifiers import derived, ei
from mappers.hl7v2.to_fhir.organization import organization
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.hl7v2.to_fhir.quantity import unit_of
from mappers.hl7v2.to_fhir.sharing import share
from mappers.mapped import Resource

INTERPRETATIONS: Final = frozenset(
    "< > A AA B CAR D DET E EX EXP H HH HU I IE IND L LL LU N ND NEG NR NS POS R RR S SDD U UNE W WR".split()
)
"""0078 that are in v3-ObservationInterpretation by the same code."""
COMPARATORS: Final = frozenset({"<", "<=", ">", ">="})
TEXTS: Final = frozenset({"ST", "TX", "FT", "ID", "SI", "VR", ""})
DELETED: Final = "D"


def observations(
    draft: Draft, patient: Resource, number_of_patient: str, encounter: Resource | None = None
) -> list[Resource]:
    """References to what each OBX of a message says."""
    segments = draft.message.all("OBX")
    found = (observation(draft, one, patient, number_of_patient, encounter) for one in segments)
    return [one for one in found if one]


def observation(
    draft: Draft, segment: Segment, patient: Resource, number_of_patient: str, encounter: Resource | None = None
) -> Resource | None:
    """A reference to what one OBX says; None, with a note, where it does not say what of."""
    code = codeable_concept(segment.value(3), draft.making)
    if not code:
        draft.note("warning", segment.place(3), "an observation that does not say of what is not carried")
        return None
    making = draft.making
    producers = [organization(draft, segment.value(23), segment.place(23)), *practitioners(draft, segment, 16)]
    interpretations = [_interpretation(draft, value) for value in segment.repetitions(8)]
    resource = filled(
        resourceType="Observation",
        identifier=[_identifier(draft, segment, number_of_patient)],
        status=_status(draft, segment),
        code=code,
        subject=patient,
        encounter=encounter,
        effectiveDateTime=moment(segment.value(14), making),
        performer=[one for one in producers if one],
        **_value(draft, segment),
        interpretation=[one for one in interpretations if one],
        bodySite=codeable_concept(segment.value(20), making),
        method=codeable_concept(segment.value(17), making),
        referenceRange=[{"text": segment.value(7).whole()}] if segment.text(7) else [],
    )
    return share(draft, resource, segment.place(), "merge")


def _identifier(draft: Draft, segment: Segment, number_of_patient: str) -> Resource:
    code = segment.value(3)
    parts = (number_of_patient, code.text(3), code.text(1) or code.text(2), segment.text(4), segment.text(14))
    return ei(segment.value(21), draft.making) or derived(draft.making, "observation", *parts)


def _status(draft: Draft, segment: Segment) -> str:
    said = segment.text(11)
    if said in OBSERVATION_STATUS:
        return OBSERVATION_STATUS[said]
    draft.note("information", segment.place(11), "without a status (0085) it is unknown")
    return "unknown"


def _interpretation(draft: Draft, value: Value) -> Resource:
    if value.text(1) in INTERPRETATIONS and not value.text(3):
        return {"coding": [{"system": V3_INTERPRETATION, "code": value.text(1)}]}
    return codeable_concept(value, draft.making)


def _value(draft: Draft, segment: Segment) -> Resource:
    """Value[x] by OBX-2; repetitions of texts are its lines, and other kinds have one value alone."""
    values, kind = segment.repetitions(5), segment.text(2)
    if not values:
        return {}
    if kind in TEXTS:
        return filled(valueString="\n".join(_line(value) for value in values if value))
    reading = READINGS.get(kind)
    found = reading(draft, segment, values[0]) if reading else {}
    if not found and values[0]:
        draft.note("warning", segment.place(5), "a value that is not of its kind (OBX-2), or of a kind not mapped")
    return found


def _line(value: Value) -> str:
    """A text whose separators were not escaped has its parts beside each other."""
    return " ".join(one for one in value.texts() if one)


def _quantity(draft: Draft, segment: Segment, value: Value, comparator: str = "", component: int = 1) -> Resource:
    amount = number(value, component)
    if amount is None:
        return {}
    return {"valueQuantity": filled(comparator=comparator) | {"value": amount} | _unit(draft, segment)}


def _unit(draft: Draft, segment: Segment) -> Resource:
    return unit_of(segment.value(6), draft.making)


def _numeric(draft: Draft, segment: Segment, value: Value) -> Resource:
    """An NM, and if it is none, its text."""
    return _quantity(draft, segment, value) or filled(valueString=value.text(1))


def _structured(draft: Draft, segment: Segment, value: Value) -> Resource:
    """An SN: a comparator, a number, and a separator with another one. https://hl7.org/fhir/R4/datatypes.html#Ratio."""
    comparator, separator = value.text(1), value.text(3)
    first, second, unit = number(value, 2), number(value, 4), _unit(draft, segment)
    if first is not None and second is not None and separator in ("-", ":", "/"):
        low, high = {"value": first} | unit, {"value": second} | unit
        if separator == "-":
            return {"valueRange": {"low": low, "high": high}}
        return {"valueRatio": {"numerator": low, "denominator": high}}
    if not separator and comparator in (*COMPARATORS, "", "="):
        return _quantity(draft, segment, value, "" if comparator == "=" else comparator, 2)
    return filled(valueString=" ".join(one for one in value.texts() if one))


def _concept(draft: Draft, _: Segment, value: Value) -> Resource:
    return filled(valueCodeableConcept=codeable_concept(value, draft.making))


def _moment(draft: Draft, _: Segment, value: Value) -> Resource:
    return filled(valueDateTime=moment(value, draft.making))


def _time(_: Draft, __: Segment, value: Value) -> Resource:
    return filled(valueTime=times.time(value.text(1)))


def _period(draft: Draft, _: Segment, value: Value) -> Resource:
    return filled(valuePeriod=period(value, 1, 2, draft.making))


Reading = Callable[[Draft, Segment, Value], Resource]
READINGS: Final[dict[str, Reading]] = {
    "NM": _numeric,
    "SN": _structured,
    "TM": _time,
    "DR": _period,
    **dict.fromkeys(("CE", "CWE", "CNE", "CF", "IS"), _concept),
    **dict.fromkeys(("DT", "DTM", "TS"), _moment),
}
