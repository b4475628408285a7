"""MedicationRequest -> NewRx, and the parts of it that other transactions share."""

from mappers.mapped import Resource
from mappers.script.from_fhir.allergy import allergies
from mappers.script.from_fhir.coverage import coverages
from mappers.script.from_fhir.medication_prescribed import medication_prescribed
from mappers.script.from_fhir.observation import observation
from mappers.script.from_fhir.patient import patient
from mappers.script.from_fhir.pharmacy import facility, pharmacy
from mappers.script.from_fhir.prescriber import prescriber
from mappers.script.from_fhir.sending import Sending
from mappers.script.paths import get
from mappers.script.rows import EXTENSION, draw
from mappers.script.to_fhir.orders import BODY_ROWS
from mappers.script.tree import Node, grown

Nodes = tuple[Node | None, ...]


def new_rx(sending: Sending, order: Resource) -> Nodes:
    return (*around(sending, order), medication_prescribed(sending, order))


def around(sending: Sending, order: Resource) -> Nodes:
    """Everybody and everything of an order but its medication."""
    flags = grown("", draw(order, BODY_ROWS, sending.making)).children
    return (
        allergies(sending, order.get("subject")),
        *coverages(sending, order.get("insurance", [])),
        facility(sending, _named(order, "Facility")),
        *people(sending, order),
        prescriber(sending, _named(order, "Supervisor"), "Supervisor"),
        prescriber(sending, _named(order, "FollowUpPrescriber"), "FollowUpPrescriber"),
        observation(sending, order.get("supportingInformation", [])),
        *flags,
    )


def people(sending: Sending, order: Resource) -> Nodes:
    """Patient, pharmacy and prescriber, whom every transaction about an order names."""
    return (
        patient(sending, order.get("subject")),
        pharmacy(sending, get(order, "dispenseRequest.performer")),
        prescriber(sending, order.get("requester"), agent=order.get("recorder")),
    )


def _named(order: Resource, name: str) -> object:
    return get(order, f"extension[url={EXTENSION}{name}].valueReference")
