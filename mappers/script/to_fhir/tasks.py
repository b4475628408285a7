"""Requests between prescribers and pharmacies, and the answers to them -> Task. https://hl7.org/fhir/R4/task.html.

A request changes nothing: that somebody wants an order cancelled is a Task, and the order stays what it is until
whoever has it says yes.
"""

from typing import Any, Final, NamedTuple

from mappers.mapped import Resource
from mappers.script.kinds import APPROVALS
from mappers.script.reading import At, Reading
from mappers.script.rows import EXTENSION, extension, fill
from mappers.script.to_fhir.medication_dispensed import medication_dispense
from mappers.script.to_fhir.orders import (
    approved_order,
    cancelled_order,
    disagreements,
    found_order,
    known_order,
    proposals,
)
from mappers.script.to_fhir.parties import MESSAGE_ID, Parties, condition_of, identifiers, message_identifier
from mappers.script.values import DAY, instant

TASK_CODES: Final = "http://hl7.org/fhir/CodeSystem/task-code"
TRANSACTIONS: Final = f"{EXTENSION}Transaction"
COUNTING_FIRST_FILL: Final = ("Approved", "ApprovedWithChanges")
"""Outcomes of a renewal whose NumberOfRefills counts every dispensing; a Replace is a new order and counts like one."""
STATUSES: Final = {
    "Approved": "completed",
    "ApprovedWithChanges": "completed",
    "Replace": "completed",
    "Validated": "completed",
    "Denied": "rejected",
    "Pending": "on-hold",
}
"""Of the Task that was asked for, by the outcome of the answer."""


class Asking(NamedTuple):
    """What kind of Task a request is, and who asks whom: fields of Parties."""

    code: str
    intent: str
    requester: str
    owner: str


REQUESTS: Final = {
    "NewRxRequest": Asking("", "proposal", "pharmacy", "prescriber"),
    "RxRenewalRequest": Asking("approve", "proposal", "pharmacy", "prescriber"),
    "RxChangeRequest": Asking("change", "proposal", "pharmacy", "prescriber"),
    "CancelRx": Asking("abort", "order", "prescriber", "pharmacy"),
    "RxFillIndicatorChange": Asking("change", "order", "prescriber", "pharmacy"),
    "RxTransferInitiationRequest": Asking("", "order", "pharmacy", ""),
}
TASK_ROWS: Final = (
    extension("RequestReferenceNumber"),
    extension("REMSReferenceID"),
    extension("UrgencyIndicatorCode", "valueCode"),
)
CANCELLED: Final = {"text": "A CancelRx was approved"}
"""Why an order was cancelled, where the answer gives no reason."""
RESPONSE_ROWS: Final = (extension("ExpectedPendedResponseDate/Date", "valueDate", DAY),)


def new_rx_request(reading: Reading, people: Parties) -> None:
    task = request(reading, people)
    _inputs(task, "MedicationRequested", proposals(reading, people))
    reason(reading.body(), task)
    _add(reading, task)


def renewal_request(reading: Reading, people: Parties) -> None:
    task = request(reading, people, known_order(reading, people))
    for at in reading.body().several("MedicationDispensed"):
        dispense = medication_dispense(at, people.patient)
        disagreements(reading, "MedicationDispense", people)
        refills = [one for one in dispense.get("extension", ()) if one["url"] == f"{EXTENSION}PharmacyRequestedRefills"]
        _inputs(task, "MedicationDispensed", [reading.add("MedicationDispense", dispense, place=at.place)])
        task.setdefault("input", []).extend(
            {"type": concept("PharmacyRequestedRefills"), "valueInteger": one["valueInteger"]} for one in refills
        )
    _add(reading, task)


def change_request(reading: Reading, people: Parties) -> None:
    task = request(reading, people, known_order(reading, people))
    _inputs(task, "MedicationRequested", proposals(reading, people))
    body = reading.body()
    codes = [(name, at) for name in ("MessageRequestCode", "MessageRequestSubCode") for at in body.several(name)]
    codings = [{"system": f"{EXTENSION}{name}", "code": at.node.text} for name, at in codes if at.node.text]
    for _, at in codes:
        at.carry()
    text = body.text("ChangeReasonText")
    why: Resource = ({"coding": codings} if codings else {}) | ({"text": text} if text else {})
    task |= {"reasonCode": why} if why else {}
    _add(reading, task)


def cancel_request(reading: Reading, people: Parties) -> None:
    _add(reading, _about_order(reading, people))


def _about_order(reading: Reading, people: Parties) -> Resource:
    """A Task on an order that has to be there; the description says to people which medication is meant."""
    described = reading.body().text("MedicationPrescribed/DrugDescription")
    task = request(reading, people, found_order(reading))
    return task | ({"description": described} if described else {})


def indicator_change(reading: Reading, people: Parties) -> None:
    at = reading.body()
    indicator = at.text("RxFillIndicator") or at.text("MedicationPrescribed/RxFillIndicator")
    task = _about_order(reading, people)
    if indicator:
        task["input"] = [{"type": concept("RxFillIndicator"), "valueString": indicator}]
    _add(reading, task)


def transfer_request(reading: Reading, people: Parties) -> None:
    _add(reading, request(reading, people, known_order(reading, people)))


def other_request(reading: Reading, people: Parties) -> None:
    """A request that is not carried out here: the Task says that it came, from whom and about whom."""
    _add(reading, request(reading, people, None, Asking("", "order", "", "")))


def response(reading: Reading, people: Parties) -> None:
    """An answer: the Task that was asked for gets its outcome, and the order that came of it."""
    outcome = reading.message.outcome or "Denied"
    counts = reading.message.kind == "RxRenewalResponse" and outcome in COUNTING_FIRST_FILL
    made = approved_order(reading, people, counts_first_fill=counts) if outcome in APPROVALS else None
    at = reading.body().one(f"Response/{outcome}") or reading.body().one(outcome) or reading.body()
    task = _answered(reading, people, STATUSES[outcome], outcome, at, [made] if made else [])
    if reading.message.kind == "CancelRxResponse" and outcome == "Approved":
        cancelled_order(reading, task.get("statusReason", CANCELLED))


def transfer(reading: Reading, people: Parties, order: Any) -> None:
    denied = reading.message.outcome == "Denied"
    at = reading.body().one("Response/Denied") or reading.body()
    status, outcome = ("rejected", "Denied") if denied else ("accepted", "Approved")
    _answered(reading, people, status, outcome, at, [] if denied or not order else [order])


def transfer_confirm(reading: Reading, people: Parties) -> None:
    _answered(reading, people, "completed", "Confirmed", reading.body(), [])


def _answered(reading: Reading, people: Parties, status: str, outcome: str, at: At, made: list[Any]) -> Resource:
    header = reading.message.header
    task = _task(reading, people, Asking("", "order", "", "")) | {"status": status}
    task["businessStatus"] = {"coding": [{"system": f"{EXTENSION}Response", "code": outcome}]}
    reason(at, task)
    fill(task, RESPONSE_ROWS, at)
    task |= {"output": [{"type": concept("MedicationRequest"), "valueReference": one} for one in made]} if made else {}
    if not header.relates_to:
        reading.note("Header/RelatesToMessageID", "It is missing: the answer belongs to no request that is known")
        _add(reading, task)
        return task
    asked = {"system": reading.making.system_of(MESSAGE_ID), "value": header.relates_to}
    task["identifier"] = [asked]
    reading.add("Task", task, "merge", condition_of(asked), reading.message.kind)
    return task


def reason(at: At, task: Resource) -> None:
    """ReasonCode, DenialReason and Note as the reason for a status."""
    codes = list(at.several("ReasonCode"))
    codings = [{"system": f"{EXTENSION}ReasonCode", "code": one.node.text} for one in codes if one.node.text]
    for one in codes:
        one.carry()
    text = at.text("DenialReason")
    why: Resource = ({"coding": codings} if codings else {}) | ({"text": text} if text else {})
    task |= {"statusReason": why} if why else {}
    note = at.text("Note")
    task |= {"note": [{"text": note}]} if note else {}


def request(reading: Reading, people: Parties, focus: Any = None, asking: Asking | None = None) -> Resource:
    task = _task(reading, people, asking or REQUESTS[reading.message.kind])
    return task | ({"focus": focus} if focus else {})


def _task(reading: Reading, people: Parties, asking: Asking) -> Resource:
    codings = [{"system": TRANSACTIONS, "code": reading.message.kind}]
    codings += [{"system": TASK_CODES, "code": asking.code}] if asking.code else []
    task: Resource = {
        "resourceType": "Task",
        "identifier": [message_identifier(reading), *identifiers(reading)[:-1]],
        "status": "requested",
        "intent": asking.intent,
        "code": {"coding": codings},
    }
    fill(task, TASK_ROWS, reading.body())
    sent = instant(reading.message.header.sent_time)
    named = {"for": people.patient, "authoredOn": sent}
    named |= {name: getattr(people, field) for name, field in _ends(asking) if field}
    return task | {name: value for name, value in named.items() if value}


def _ends(asking: Asking) -> tuple[tuple[str, str], ...]:
    return ("requester", asking.requester), ("owner", asking.owner)


def _add(reading: Reading, task: Resource) -> None:
    number = message_identifier(reading)
    reading.add("Task", task, "merge", condition_of(number), reading.message.kind)


def _inputs(task: Resource, name: str, references: list[Any]) -> None:
    if references:
        task["input"] = [{"type": concept(name), "valueReference": one} for one in references]


def concept(name: str) -> Resource:
    """The type of an input or output: the element of SCRIPT that it is."""
    return {"coding": [{"system": f"{EXTENSION}Element", "code": name}]}
