"""Task -> the requests between prescribers and pharmacies, and the answers to them."""

from collections.abc import Iterator
from typing import Any

from mappers.mapped import Resource
from mappers.script.from_fhir.medication_dispensed import medication_dispensed
from mappers.script.from_fhir.medication_prescribed import medication_prescribed
from mappers.script.from_fhir.orders import Nodes, around, people
from mappers.script.from_fhir.patient import patient
from mappers.script.from_fhir.pharmacy import pharmacy
from mappers.script.from_fhir.prescriber import prescriber
from mappers.script.from_fhir.sending import Sending
from mappers.script.kinds import APPROVALS
from mappers.script.rows import EXTENSION, draw
from mappers.script.to_fhir.tasks import COUNTING_FIRST_FILL, RESPONSE_ROWS, TASK_ROWS
from mappers.script.tree import Node, grown


def new_rx_request(sending: Sending, task: Resource) -> Nodes:
    return (*_numbers(sending, task), *_reason(task), *_parties(sending, task), *_requested(sending, task))


def renewal_request(sending: Sending, task: Resource) -> Nodes:
    dispensed = [one for _, one in _referred(sending, task, "input") if one["resourceType"] == "MedicationDispense"]
    refills = [str(one["valueInteger"]) for one in task.get("input", ()) if "valueInteger" in one]
    nodes = [medication_dispensed(sending, one) for one in dispensed]
    if nodes and refills and not nodes[0].value("PharmacyRequestedRefills"):
        nodes[0] = nodes[0].having(Node("PharmacyRequestedRefills", refills[0]))
    return (*_numbers(sending, task), *_parties(sending, task), *nodes, _prescribed(sending, task))


def change_request(sending: Sending, task: Resource) -> Nodes:
    reason = task.get("reasonCode", {})
    codings = [one for one in reason.get("coding", ()) if "code" in one]
    codes = [(one.get("system", "").removeprefix(EXTENSION), one["code"]) for one in codings]
    nodes = [Node(name, code) for name, code in codes if name in ("MessageRequestCode", "MessageRequestSubCode")]
    nodes += [Node("ChangeReasonText", reason["text"])] if reason.get("text") else []
    medications = (_prescribed(sending, task), *_requested(sending, task))
    return (*_numbers(sending, task), *nodes, *_parties(sending, task), *medications)


def cancel_request(sending: Sending, task: Resource) -> Nodes:
    return (*_numbers(sending, task), *_parties(sending, task), _prescribed(sending, task))


def indicator_change(sending: Sending, task: Resource) -> Nodes:
    indicators = [Node("RxFillIndicator", one["valueString"]) for one in task.get("input", ()) if "valueString" in one]
    return (*cancel_request(sending, task), *indicators[:1])


def renewal_response(sending: Sending, task: Resource) -> Nodes:
    return _response(sending, task, count_first_fill=outcome_of(task) in COUNTING_FIRST_FILL)


def change_response(sending: Sending, task: Resource) -> Nodes:
    return _response(sending, task)


def cancel_response(sending: Sending, task: Resource) -> Nodes:
    return (*_numbers(sending, task), response_node(sending, task))


def transfer(sending: Sending, task: Resource) -> Nodes:
    """The order goes along, unless it is not handed over."""
    if outcome_of(task) == "Denied":
        return (*_numbers(sending, task), response_node(sending, task))
    orders = [one for _, one in _referred(sending, task, "output")] or _focus(sending, task)
    nodes = [node for one in orders[:1] for node in (*around(sending, one), medication_prescribed(sending, one))]
    return (*_numbers(sending, task), *nodes)


def transfer_confirm(sending: Sending, task: Resource) -> Nodes:
    return (*_numbers(sending, task), *_parties(sending, task))


def _response(sending: Sending, task: Resource, *, count_first_fill: bool = False) -> Nodes:
    head = (*_numbers(sending, task), response_node(sending, task))
    orders = [one for _, one in _referred(sending, task, "output") if one["resourceType"] == "MedicationRequest"]
    if outcome_of(task) not in APPROVALS or not orders:
        return (*head, *_parties(sending, task))
    order = orders[0]
    answered = medication_prescribed(sending, order, "MedicationResponse", count_first_fill=count_first_fill)
    return (*head, *around(sending, order), answered)


def outcome_of(task: Resource) -> str:
    """What was decided: `Approved`, `Denied` and so on."""
    codings = task.get("businessStatus", {}).get("coding", ())
    named = next((one.get("code", "") for one in codings if one.get("system") == f"{EXTENSION}Response"), "")
    return named or {"rejected": "Denied", "on-hold": "Pending"}.get(task.get("status", ""), "Approved")


def response_node(sending: Sending, task: Resource) -> Node:
    """Response with the one outcome in it, and why."""
    rows = grown("", draw(task, RESPONSE_ROWS, sending.making)).children
    outcome = Node(outcome_of(task), children=(*_reason(task), *rows))
    return Node("Response", children=(outcome,))


def _reason(task: Resource) -> tuple[Node, ...]:
    why = task.get("statusReason", {})
    nodes = [Node("ReasonCode", one["code"]) for one in why.get("coding", ()) if "code" in one]
    nodes += [Node("DenialReason", why["text"])] if why.get("text") else []
    return (*nodes, *(Node("Note", one["text"]) for one in task.get("note", ())[:1]))


def _numbers(sending: Sending, task: Resource) -> tuple[Node, ...]:
    return grown("", draw(task, TASK_ROWS, sending.making)).children


def _parties(sending: Sending, task: Resource) -> Nodes:
    """Those of the order the Task is about; where it is not at hand, those of the Task."""
    for order in _focus(sending, task):
        return people(sending, order)
    ends = [task.get(name) for name in ("requester", "owner")]
    made: list[Node | None] = [patient(sending, task.get("for"))]
    for end in ends:
        resource = sending.at(end) if end else None
        if resource:
            write = pharmacy if resource["resourceType"] == "Organization" else prescriber
            made.append(write(sending, end))
    return tuple(made)


def _focus(sending: Sending, task: Resource) -> list[Resource]:
    resource = sending.at(task.get("focus"))
    return [resource] if resource and resource["resourceType"] == "MedicationRequest" and "subject" in resource else []


def _prescribed(sending: Sending, task: Resource) -> Node | None:
    """The medication of the order the Task is about; where it is not at hand, how the Task describes it."""
    for order in _focus(sending, task):
        return medication_prescribed(sending, order)
    return grown("MedicationPrescribed", (("DrugDescription", task.get("description", "")),))


def _requested(sending: Sending, task: Resource) -> Iterator[Node]:
    for _, one in _referred(sending, task, "input"):
        if one["resourceType"] == "MedicationRequest":
            yield medication_prescribed(sending, one, "MedicationRequested")


def _referred(sending: Sending, task: Resource, name: str) -> Iterator[tuple[Any, Resource]]:
    """The resources of a Task's inputs or outputs, with their references."""
    for one in task.get(name, ()):
        resource = sending.at(one.get("valueReference"))
        if resource:
            yield one["valueReference"], resource
