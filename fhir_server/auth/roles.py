"""What people and systems in a role may do, whatever an app asks for; each row with its reason.

A role never widens a scope: both have to allow an interaction. docs/authorization/roles.md shows this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from fhir_server.auth.compartments import PATIENT_FREE
from fhir_server.auth.scopes import ANY_TYPE

Role = Literal[
    "pharmacist", "technician", "prescriber", "patient", "caregiver", "integration", "auditor", "administrator"
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Allowance:
    """`interactions` on each of `types`, and why; the letters are those of SMART's scopes."""

    types: tuple[str, ...]
    interactions: str
    reason: str


DISPENSING: Final = ("MedicationDispense", "MedicationAdministration", "Task", "Communication", "SupplyDelivery")
ORDERING: Final = ("MedicationRequest", "ServiceRequest", "Task", "Communication", "CommunicationRequest")
CLINICAL: Final = ("AllergyIntolerance", "Condition", "Observation", "MedicationStatement", "DetectedIssue", "Flag")
SHARED_TYPES: Final = tuple(sorted(PATIENT_FREE))
OWN_WORD: Final = ("Consent", "QuestionnaireResponse", "MedicationStatement", "Observation", "Communication")

ALLOWANCES: Final[Mapping[Role, tuple[Allowance, ...]]] = {
    "pharmacist": (
        Allowance((ANY_TYPE,), "rs", "verifies prescriptions against everything that is known of the patient"),
        Allowance(DISPENSING, "cu", "dispenses, and records what was given and said"),
        Allowance(CLINICAL, "cu", "records allergies, readings and interactions found during review"),
        Allowance(("MedicationRequest",), "cu", "takes prescriptions by telephone, and changes their status"),
        Allowance(("Patient", "RelatedPerson", "Coverage"), "cu", "registers who comes to the counter"),
        Allowance(("Medication", "MedicationKnowledge"), "cu", "keeps the pharmacy's own list of medicines"),
    ),
    "technician": (
        Allowance(
            (
                "Patient", "RelatedPerson", "Coverage", "MedicationRequest", "MedicationDispense", "AllergyIntolerance",
                "Task", "Communication", "SupplyDelivery", *SHARED_TYPES,
            ),
            "rs",
            "prepares what a pharmacist verifies; needs no other part of the record",
        ),
        Allowance(("MedicationDispense", "Task", "Communication"), "cu", "records preparation and hand-over"),
        Allowance(("Patient", "Coverage"), "cu", "registers who comes to the counter"),
    ),
    "prescriber": (
        Allowance((ANY_TYPE,), "rs", "treats the patient"),
        Allowance(ORDERING, "cu", "prescribes, and answers questions about prescriptions"),
        Allowance((*CLINICAL, "Encounter"), "cu", "documents the treatment"),
    ),
    "patient": (
        Allowance((ANY_TYPE,), "rs", "reads the own record: 45 CFR 164.524"),
        Allowance(OWN_WORD, "cu", "adds the own word to the record"),
        Allowance(("Task",), "c", "asks for a refill"),
    ),
    "caregiver": (
        Allowance((ANY_TYPE,), "rs", "reads for whom they care: 45 CFR 164.502(g)"),
        Allowance(("QuestionnaireResponse", "Communication"), "cu", "speaks for whom they care"),
        Allowance(("Task",), "c", "asks for a refill"),
    ),
    "integration": (
        Allowance((ANY_TYPE,), "cruds", "is a system of the pharmacy's or of its partners; its scopes say what for"),
    ),
    "auditor": (
        Allowance(("AuditEvent",), "rs", "reviews the audit trail: 45 CFR 164.308(a)(1)(ii)(D)"),
        Allowance(("Practitioner", "PractitionerRole", "Organization", "Device"), "rs", "knows who acted"),
    ),
    "administrator": (
        Allowance(
            ("Practitioner", "PractitionerRole", "Organization", "Location", "HealthcareService", "Endpoint",
             "SearchParameter", "Subscription"),
            "cruds",
            "runs the installation, and reads no patient's data",
        ),
    ),
}  # fmt: skip

GUARDED: Final = frozenset({"AuditEvent"})
"""Types no role has by having all: they are named, or closed."""

OWN_PATIENTS_ONLY: Final = frozenset({"patient", "caregiver"})
"""Roles that never see beyond the patients they are linked to, whatever the level of their scopes."""

SECOND_FACTOR: Final = frozenset({"pharmacist", "technician", "prescriber", "administrator", "auditor"})
"""Roles that touch controlled substances, or what guards them: 21 CFR 1311.110 and 1311.115."""
