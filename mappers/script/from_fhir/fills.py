"""MedicationDispense -> RxFill."""

from typing import Final

from mappers.mapped import Resource
from mappers.script.from_fhir.medication_dispensed import medication_dispensed
from mappers.script.from_fhir.medication_prescribed import medication_prescribed
from mappers.script.from_fhir.orders import Nodes, people
from mappers.script.from_fhir.patient import patient
from mappers.script.from_fhir.pharmacy import pharmacy
from mappers.script.from_fhir.sending import Sending
from mappers.script.to_fhir.fills import FILL_STATUS
from mappers.script.tree import Node

BY_STATUS: Final = {"completed": "Dispensed"}
"""FillStatus of a MedicationDispense whose type does not say it; all others were not dispensed."""


def rx_fill(sending: Sending, dispense: Resource) -> Nodes:
    orders = [one for each in dispense.get("authorizingPrescription", ()) if (one := sending.at(each))]
    named = people(sending, orders[0]) if orders else _parties(sending, dispense)
    prescribed = [medication_prescribed(sending, one) for one in orders[:1]]
    status, notes = _fill_status(dispense)
    dispensed = medication_dispensed(sending, dispense | {"note": dispense.get("note", [])[notes:]})
    return (status, *named, dispensed, *prescribed)


def _fill_status(dispense: Resource) -> tuple[Node, int]:
    """The element, and how many of the notes it took: the first is about the status."""
    codings = dispense.get("type", {}).get("coding", ())
    named = next((one.get("code", "") for one in codings if one.get("system") == FILL_STATUS), "")
    name = named or BY_STATUS.get(dispense["status"], "NotDispensed")
    reasons = dispense.get("statusReasonCodeableConcept", {}).get("coding", ())
    notes = [Node("Note", one["text"]) for one in dispense.get("note", ())[:1]]
    children = (*(Node("ReasonCode", one["code"]) for one in reasons if "code" in one), *notes)
    return Node("FillStatus", children=(Node(name, children=children),)), len(notes)


def _parties(sending: Sending, dispense: Resource) -> Nodes:
    performers = [one.get("actor") for one in dispense.get("performer", ())]
    return (patient(sending, dispense.get("subject")), *(pharmacy(sending, one) for one in performers[:1]))
