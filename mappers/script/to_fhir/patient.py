"""Patient: HumanPatient or NonHumanPatient -> Patient. https://hl7.org/fhir/R4/patient.html."""

from typing import Any

from mappers.mapped import Resource, by_identifier
from mappers.script.person_rows import PATIENT
from mappers.script.reading import Reading
from mappers.script.rows import fill
from mappers.script.to_fhir.identity import person_of


def patient(reading: Reading) -> Any:
    """The reference to the patient; None where the message has none. What is stored of them is never overwritten."""
    body = reading.body()
    at = body.one("Patient/HumanPatient") or body.one("Patient/NonHumanPatient")
    if at is None:
        return None
    resource: Resource = fill({"resourceType": "Patient"}, PATIENT, at)
    for number in resource.get("identifier", ()):
        return reading.add("Patient", resource, "match", by_identifier(number["system"], number["value"]), at.place)
    person = person_of(reading, at)
    if person is None:
        return reading.add("Patient", resource, place=at.place)
    resource["identifier"] = [person]
    reason = "No number: who is written alike by the partner (name, day of birth, gender, postal code) is the same"
    reading.choose("Patient.identifier", at.place, reason)
    return reading.add("Patient", resource, "match", by_identifier(person["system"], person["value"]), at.place)
