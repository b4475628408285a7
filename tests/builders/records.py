"""One resource of each of many types, all of one patient, each with a tag that is only that patient's."""

from typing import Any

Resource = dict[str, Any]


def a_record(patient: str) -> list[Resource]:
    """Valid R4, with ids like `Observation-b`; the Patient comes first, each refers only to those before it."""
    subject = {"reference": f"Patient/{patient}"}
    text = {"text": "something"}
    rows: list[Resource] = [
        {"resourceType": "Observation", "status": "final", "code": text, "subject": subject},
        {"resourceType": "Condition", "subject": subject, "code": text},
        {"resourceType": "AllergyIntolerance", "patient": subject, "code": text},
        {
            "resourceType": "MedicationRequest", "status": "active", "intent": "order", "subject": subject,
            "medicationCodeableConcept": text,
        },
        {
            "resourceType": "MedicationDispense", "status": "completed", "subject": subject,
            "medicationCodeableConcept": text,
            "authorizingPrescription": [{"reference": f"MedicationRequest/MedicationRequest-{patient}"}],
        },
        {
            "resourceType": "MedicationStatement", "status": "active", "subject": subject,
            "medicationCodeableConcept": text,
        },
        {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "subject": subject},
        {"resourceType": "Task", "status": "requested", "intent": "order", "for": subject},
        {"resourceType": "Communication", "status": "completed", "subject": subject},
        {
            "resourceType": "DocumentReference", "status": "current", "subject": subject,
            "content": [{"attachment": {"contentType": "text/plain"}}],
        },
        {"resourceType": "QuestionnaireResponse", "status": "completed", "subject": subject},
        {"resourceType": "RelatedPerson", "patient": subject},
        {
            "resourceType": "Coverage", "status": "active", "beneficiary": subject,
            "payor": [{"reference": f"Patient/{patient}"}],
        },
        {"resourceType": "Flag", "status": "active", "code": text, "subject": subject},
        {"resourceType": "Device", "patient": subject},
        {"resourceType": "Binary", "contentType": "text/plain", "securityContext": subject},
        {
            "resourceType": "List", "status": "current", "mode": "working", "subject": subject,
            "entry": [{"item": {"reference": f"Observation/Observation-{patient}"}}],
        },
        {
            "resourceType": "Provenance", "recorded": "2026-01-01T00:00:00Z", "agent": [{"who": subject}],
            "target": [subject],
        },
    ]  # fmt: skip
    named = [one | {"id": f"{one['resourceType']}-{patient}"} for one in rows]
    return [one | {"meta": tagged(patient)} for one in ({"resourceType": "Patient", "id": patient}, *named)]


def tagged(patient: str) -> dict[str, Any]:
    """In every shape of the resource, `_summary` and `_elements` included."""
    return {"tag": [{"system": "urn:canary", "code": canary(patient)}]}


def canary(patient: str) -> str:
    return f"canary-of-{patient}"
