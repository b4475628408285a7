"""The one reviewed table: which parameters put a resource into a patient's compartment.

R4's CompartmentDefinition for Patient, and ours where R4 names none though the type carries one patient's data.
https://hl7.org/fhir/R4/compartmentdefinition-patient.html
"""

from fhir_server.model.definitions import Definitions

OURS: dict[str, tuple[str, ...]] = {
    "Task": ("patient", "subject"),  # Task.for
    "GuidanceResponse": ("patient", "subject"),
    "DeviceUseStatement": ("patient", "subject"),
    "SupplyDelivery": ("patient",),
    "Contract": ("patient", "subject"),
    "BiologicallyDerivedProduct": (),
}


def patient_parameters(definitions: Definitions) -> dict[str, tuple[str, ...]]:
    """Reference parameters, by resource type, whose Patient targets are compartments of the resource."""
    return {**definitions.compartments["Patient"], **OURS}
