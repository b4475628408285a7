"""MedicationDispense -> MedicationDispensed."""

from mappers.mapped import Resource
from mappers.script.from_fhir.medication import medication
from mappers.script.from_fhir.medication_prescribed import quantity
from mappers.script.from_fhir.sending import Sending
from mappers.script.from_fhir.sig import sig
from mappers.script.medication_rows import MEDICATION_DISPENSE, QUALIFIER
from mappers.script.paths import get
from mappers.script.rows import draw
from mappers.script.tree import Node, grown


def medication_dispensed(sending: Sending, resource: Resource) -> Node:
    texts = medication(sending, resource)
    texts += quantity(resource.get("quantity"), get(resource, QUALIFIER))
    texts += list(draw(resource, MEDICATION_DISPENSE, sending.making))
    return grown("MedicationDispensed", texts + sig(sending, resource.get("dosageInstruction", [])))
