"""The reviewed table of the columns patient, status and date: which search parameters fill them for each type.

A column is exact: whoever asks for the parameter asks the column. No hash or side table holds statuses and dates
again; links to patients are among the tokens, too, for who looks for any link to a patient.
So a parameter is in here only if its element has one value at most. The date is the one a pharmacy sorts and filters
by; without `_sort` the types in `NEWEST_BY_DATE` come newest first by it.
"""

from collections.abc import Mapping
from typing import Final

SUBJECT: Final = ("patient", "subject")

PATIENT: Final[Mapping[str, tuple[str, ...]]] = {
    "AllergyIntolerance": ("patient",),
    "CarePlan": SUBJECT,
    "ChargeItem": SUBJECT,
    "Claim": ("patient",),
    "Communication": SUBJECT,
    "CommunicationRequest": SUBJECT,
    "Composition": SUBJECT,
    "Condition": SUBJECT,
    "Consent": ("patient",),
    "Coverage": ("patient", "beneficiary"),
    "DetectedIssue": ("patient",),
    "DiagnosticReport": SUBJECT,
    "DocumentReference": SUBJECT,
    "Encounter": SUBJECT,
    "ExplanationOfBenefit": ("patient",),
    "Flag": SUBJECT,
    "Goal": SUBJECT,
    "Immunization": ("patient",),
    "MedicationAdministration": SUBJECT,
    "MedicationDispense": SUBJECT,
    "MedicationRequest": SUBJECT,
    "MedicationStatement": SUBJECT,
    "Observation": SUBJECT,
    "Procedure": SUBJECT,
    "RelatedPerson": ("patient",),
    "RiskAssessment": SUBJECT,
    "ServiceRequest": SUBJECT,
    "SupplyDelivery": ("patient",),
    "Task": SUBJECT,
}

STATUS: Final[Mapping[str, str]] = {
    "Account": "status",
    "Appointment": "status",
    "CarePlan": "status",
    "Claim": "status",
    "Communication": "status",
    "CommunicationRequest": "status",
    "Composition": "status",
    "Consent": "status",
    "Coverage": "status",
    "DeviceRequest": "status",
    "DiagnosticReport": "status",
    "DocumentReference": "status",
    "Encounter": "status",
    "ExplanationOfBenefit": "status",
    "Immunization": "status",
    "MedicationAdministration": "status",
    "MedicationDispense": "status",
    "MedicationRequest": "status",
    "MedicationStatement": "status",
    "Observation": "status",
    "Procedure": "status",
    "ServiceRequest": "status",
    "Slot": "status",
    "SupplyDelivery": "status",
    "SupplyRequest": "status",
    "Task": "status",
}

DATE: Final[Mapping[str, str]] = {
    "AllergyIntolerance": "date",
    "Appointment": "date",
    "AuditEvent": "date",
    "CarePlan": "date",
    "Claim": "created",
    "Communication": "sent",
    "CommunicationRequest": "authored",
    "Composition": "date",
    "Condition": "recorded-date",
    "Consent": "date",
    "DetectedIssue": "identified",
    "DiagnosticReport": "date",
    "DocumentReference": "date",
    "Encounter": "date",
    "ExplanationOfBenefit": "created",
    "Immunization": "date",
    "Invoice": "date",
    "MedicationAdministration": "effective-time",
    "MedicationDispense": "whenhandedover",
    "MedicationRequest": "authoredon",
    "MedicationStatement": "effective",
    "Observation": "date",
    "Patient": "birthdate",
    "Procedure": "date",
    "Provenance": "recorded",
    "RelatedPerson": "birthdate",
    "ServiceRequest": "authored",
    "Slot": "start",
    "SupplyRequest": "date",
    "Task": "authored-on",
}

NEWEST_BY_DATE: Final = frozenset(DATE) - {"Patient", "RelatedPerson"}
