"""Resources by keyword; every element can be set or overridden."""

from typing import Any
from uuid import uuid4

Resource = dict[str, Any]

SYSTEM = "http://example.org/identifiers"


def an_identifier(value: str | None = None) -> dict[str, str]:
    """An identifier that no other resource has, unless its value is given."""
    return {"system": SYSTEM, "value": value or uuid4().hex}


def token(identifier: dict[str, str]) -> str:
    """The identifier as a search value: `system|value`."""
    return f"{identifier['system']}|{identifier['value']}"


def a_patient(family: str = "Chalmers", **elements: Any) -> Resource:
    return {"resourceType": "Patient", "name": [{"family": family}], **elements}


def a_practitioner(family: str = "Careful", **elements: Any) -> Resource:
    return {"resourceType": "Practitioner", "name": [{"family": family}], **elements}


def an_organization(name: str = "Acme Pharmacy", **elements: Any) -> Resource:
    return {"resourceType": "Organization", "name": name, **elements}


def a_medication(code: str = "1049502", **elements: Any) -> Resource:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code}
    return {"resourceType": "Medication", "code": {"coding": [coding]}, **elements}


def a_medication_request(subject: str = "Patient/p1", **elements: Any) -> Resource:
    return {
        "resourceType": "MedicationRequest",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"text": "Amoxicillin 500 mg"},
        "subject": {"reference": subject},
        **elements,
    }


def a_medication_dispense(**elements: Any) -> Resource:
    return {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "medicationCodeableConcept": {"text": "Amoxicillin 500 mg"},
        **elements,
    }


def an_observation(**elements: Any) -> Resource:
    return {"resourceType": "Observation", "status": "final", "code": {"text": "Body weight"}, **elements}


def a_quantity(number: str = "1.00") -> str:
    """An Observation as JSON text, so that the number stands in it exactly as given."""
    return (
        '{"resourceType":"Observation","status":"final","code":{"text":"Body weight"},'
        f'"valueQuantity":{{"value":{number}}}}}'
    )


def ten_types() -> list[Resource]:
    """One valid resource of each of ten types that a pharmacy stores."""
    return [
        a_patient(),
        a_practitioner(),
        an_organization(),
        a_medication(),
        a_medication_request(),
        a_medication_dispense(),
        an_observation(),
        {"resourceType": "Location", "name": "Counter 1"},
        {"resourceType": "Task", "status": "requested", "intent": "order"},
        {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p1"}},
    ]


PLACED: Resource = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "identifier": [{"type": {"text": "PLAC"}, "system": "urn:galenic:partner:county:OE", "value": "A1"}],
    "medicationCodeableConcept": {"text": "a drug"},
    "subject": {"display": "Peter Chalmers"},
}
"""An order as its placer numbers it, which can be written as a message."""
