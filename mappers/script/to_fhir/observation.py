"""Observation/Measurement -> Observation. https://hl7.org/fhir/R4/observation-vitalsigns.html."""

from typing import Any, Final

from mappers.mapped import Resource
from mappers.script.codes import unit_of_measure
from mappers.script.reading import At, Reading
from mappers.script.to_fhir.identity import add_own
from mappers.script.values import instant, number

LOINC: Final = "http://loinc.org"
VITAL_SIGNS: Final = {
    "coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}]
}


def observations(reading: Reading, patient: Any) -> list[Any]:
    """The references to what was measured: height and weight, mostly."""
    found = list(reading.body().several("Observation/Measurement"))
    return [made for count, at in enumerate(found, 1) if (made := _observation(reading, at, patient, count))]


def _observation(reading: Reading, at: At, patient: Any, count: int) -> Any:
    code, value = at.text("VitalSign"), number(at.text("Value"))
    if not code or value is None:
        at.note("", "It has no code or no value that is a number")
        return None
    resource: Resource = {
        "resourceType": "Observation",
        "status": "final",
        "category": [VITAL_SIGNS],
        "code": {"coding": [{"system": LOINC, "code": code}]},
        "subject": patient,
        "valueQuantity": {"value": value, **unit_of_measure(at.text("UnitOfMeasure"))},
    }
    at.carry("LOINCVersion")
    at.carry("UCUMVersion")
    day = instant(at.text("ObservationDate/DateTime") or at.text("ObservationDate/Date"))
    resource |= {"effectiveDateTime": day} if day else {}
    notes = at.text("ObservationNotes")
    resource |= {"note": [{"text": notes}]} if notes else {}
    key = [code, str(value), at.peek("UnitOfMeasure"), day, notes] if day else []
    return add_own(reading, f"Observation[{count}]", resource, key, at.place)
