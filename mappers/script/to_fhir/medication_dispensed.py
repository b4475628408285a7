"""MedicationDispensed -> MedicationDispense. https://hl7.org/fhir/R4/medicationdispense.html."""

from typing import Any

from mappers.mapped import Resource
from mappers.script.medication_rows import MEDICATION_DISPENSE
from mappers.script.reading import At
from mappers.script.rows import fill
from mappers.script.to_fhir.medication import medication
from mappers.script.to_fhir.medication_prescribed import quantity
from mappers.script.to_fhir.sig import dosages


def medication_dispense(at: At, patient: Any, status: str = "completed") -> Resource:
    """What was, or was not, handed over."""
    resource: Resource = {"resourceType": "MedicationDispense", "status": status} | medication(at)
    resource |= {"subject": patient} if patient else {}
    quantity(at, resource, "quantity")
    fill(resource, MEDICATION_DISPENSE, at)
    sig = dosages(at)
    return resource | ({"dosageInstruction": sig} if sig else {})
