"""The one reviewed table: which types are a patient's, by which parameters, and which are everybody's.

R4's CompartmentDefinition for Patient, and ours where R4 names none though the type carries one patient's data.
https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from collections.abc import Mapping
from typing import Final, Literal

from fhir_server.model.definitions import Definitions

OURS: dict[str, tuple[str, ...]] = {
    "Task": ("patient", "subject"),  # Task.for
    "GuidanceResponse": ("patient", "subject"),
    "DeviceUseStatement": ("patient", "subject"),
    "SupplyDelivery": ("patient",),
    "Contract": ("patient", "subject"),
    "BiologicallyDerivedProduct": (),
    "Patient": (),  # each its own alone: what `link` links are two records
    "Binary": ("securityContext",),  # which is no search parameter: search/indexer.py
    "Device": ("patient",),
}

PATIENT_FREE: Final = frozenset({
    "ActivityDefinition", "ChargeItemDefinition", "Device", "DeviceDefinition", "Endpoint", "HealthcareService",
    "InsurancePlan", "Library", "Location", "Measure", "Medication", "MedicationKnowledge", "ObservationDefinition",
    "Organization", "OrganizationAffiliation", "PlanDefinition", "Practitioner", "PractitionerRole", "Questionnaire",
    "ResearchStudy", "Slot", "SpecimenDefinition", "Substance",
})  # fmt: skip
"""Types that help to read what is a patient's."""

NAMING: Final = frozenset({"Device"})
"""Of these, those that may name a patient, in ways no compartment tells of: shown by their compartment alone."""

CLOSED: Final = frozenset({"Group"})
"""In a compartment by R4, and never shown by it: a Group names its other members as well."""

Kind = Literal["compartment", "free", "closed"]


def kind_of(type_name: str, parameters: Mapping[str, tuple[str, ...]]) -> Kind:
    """How those see a type who may see some patients only; `parameters` are `patient_parameters`."""
    if type_name in PATIENT_FREE - NAMING:
        return "free"
    owned = type_name == "Patient" or bool(parameters.get(type_name))
    return "compartment" if owned and type_name not in CLOSED else "closed"


def patient_parameters(definitions: Definitions) -> dict[str, tuple[str, ...]]:
    """Reference parameters, by resource type, whose Patient targets are compartments of the resource."""
    return {**definitions.compartments["Patient"], **OURS}
