"""The one reviewed table: which parameters put a resource into a patient's compartment.

R4's CompartmentDefinition for Patient, and ours where R4 names none though the type carries one patient's data.
https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from typing import Final

from fhir_server.model.definitions import Definitions

OURS: dict[str, tuple[str, ...]] = {
    "Task": ("patient", "subject"),  # Task.for
    "GuidanceResponse": ("patient", "subject"),
    "DeviceUseStatement": ("patient", "subject"),
    "SupplyDelivery": ("patient",),
    "Contract": ("patient", "subject"),
    "BiologicallyDerivedProduct": (),
}

PATIENT_FREE: Final = frozenset({
    "ActivityDefinition", "ChargeItemDefinition", "Device", "DeviceDefinition", "Endpoint", "HealthcareService",
    "InsurancePlan", "Library", "Location", "Measure", "Medication", "MedicationKnowledge", "ObservationDefinition",
    "Organization", "OrganizationAffiliation", "PlanDefinition", "Practitioner", "PractitionerRole", "Questionnaire",
    "ResearchStudy", "Slot", "SpecimenDefinition", "Substance",
})  # fmt: skip
"""Types that are in no patient's compartment and help to read what is: a patient's resources may bring them along.

A Device may name its patient, so whoever shows one looks at what it refers to.
"""


def patient_parameters(definitions: Definitions) -> dict[str, tuple[str, ...]]:
    """Reference parameters, by resource type, whose Patient targets are compartments of the resource."""
    return {**definitions.compartments["Patient"], **OURS}
