"""OMP, ORM, RDE, RDS, RGV and RAS: what is ordered, dispensed, handed out and given. Chapter 4A of HL7 v2.

https://www.hl7.eu/refactored/dom04.html. Segments are walked by position (order.py); ORC-1 says whether an order is
told of, asked something of, or changed (order_control.py).
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from mappers.hl7v2.faults import DUPLICATE_KEY, REQUIRED_FIELD_MISSING, SEGMENT_SEQUENCE
from mappers.hl7v2.message import Message
from mappers.hl7v2.order_control import ORDER_STATUS, SERVICE_STATUS
from mappers.hl7v2.to_fhir.admissions import number_of
from mappers.hl7v2.to_fhir.allergy import allergies
from mappers.hl7v2.to_fhir.charge_item import charge
from mappers.hl7v2.to_fhir.concepts import codeable_concept
from mappers.hl7v2.to_fhir.condition import diagnosis_code
from mappers.hl7v2.to_fhir.context import Context
from mappers.hl7v2.to_fhir.coverage import coverages
from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.to_fhir.encounter import encounter
from mappers.hl7v2.to_fhir.medication_administration import administered
from mappers.hl7v2.to_fhir.medication_dispense import dispensed, given
from mappers.hl7v2.to_fhir.medication_request import medication_request
from mappers.hl7v2.to_fhir.observation import observation
from mappers.hl7v2.to_fhir.order import Order, Part, orders
from mappers.hl7v2.to_fhir.patient import patient
from mappers.hl7v2.to_fhir.service_request import service_request
from mappers.hl7v2.to_fhir.sharing import numbered
from mappers.hl7v2.to_fhir.task import known, task
from mappers.making import Making
from mappers.mapped import Entry, Mapped, Resource

Make = Callable[[Order, Context], None]
DRUG: Final = frozenset({"RXO", "RXE"})
FILL: Final = "fulfill"


def of_orders(message: Message, making: Making) -> Mapped:
    """OMP^O09, ORM^O01 and RDE^O11: orders, requests about them, and what became of them."""
    return _each(message, making, _order)


def of_renewals(message: Message, making: Making) -> Mapped:
    """RDE^O25: a pharmacy asks for more refills. The order stays; a draft is proposed, and a Task asks for it."""
    return _each(message, making, _renewal)


def of_fills(message: Message, making: Making) -> Mapped:
    """RDE^O49: an order is to be dispensed from. One that is known is used as it is."""
    return _each(message, making, _fill)


def of_dispenses(message: Message, making: Making) -> Mapped:
    return _each(message, making, _done("RXD", dispensed))


def of_gives(message: Message, making: Making) -> Mapped:
    return _each(message, making, _done("RXG", given))


def of_administrations(message: Message, making: Making) -> Mapped:
    return _each(message, making, _done("RXA", administered))


def _each(message: Message, making: Making, make: Make) -> Mapped:
    """Raises Hl7Fault before anything of the message is made."""
    draft = Draft(message, making)
    found = orders(draft)
    context = _context(draft)
    for order in found:
        before = len(draft.entries)
        make(order, context)
        _beside(order, context, before)
    return draft.mapped()


def _context(draft: Draft) -> Context:
    """The patient and the visit are used as they are known: an order changes neither."""
    if draft.message.first("PID") is None:
        return Context(draft)
    subject = patient(draft)
    number = number_of(draft)
    allergies(draft, subject, number)
    visit = encounter(draft, subject, {}) or {}
    draft.entries[:] = [
        replace(one, how="match", cleared=()) if one.type_name == "Encounter" and one.condition else one
        for one in draft.entries
    ]
    return Context(draft, subject, visit, coverages(draft, subject, number))


def _order(order: Order, context: Context) -> None:
    match order.control.kind:
        case "order":
            _place(order, context)
        case "request":
            _request(order, context)
        case _:
            _event(order, context)


def _place(order: Order, context: Context, status: str = "") -> Resource:
    """What is ordered: with a number it is the one that has it, and a repeat changes it."""
    draft = context.draft
    _subject(context)
    resource, cleared = _described(order, context, status)
    identifier = next(iter(resource.get("identifier", ())), None)
    place, name = order.orc.place(), numbered(draft, resource["resourceType"])
    if identifier is None:
        return dict(draft.add(name, resource, place))
    condition = condition_of(identifier)
    if draft.told(resource["resourceType"], condition):
        raise draft.fault(DUPLICATE_KEY, order.orc.place(2), "two orders of a message have the same number")
    return dict(draft.add(name, resource, place, how="merge", condition=condition, cleared=cleared))


def _described(order: Order, context: Context, status: str = "") -> tuple[Resource, tuple[str, ...]]:
    if _is_service(order, context):
        return service_request(order, context, status)
    return medication_request(order, context, status)


def _is_service(order: Order, context: Context) -> bool:
    """ORM orders anything: with an OBR, or with nothing that is ordered, it is no order for a pharmacy."""
    if order.part("OBR"):
        return True
    drug = any(order.part(name) for name in DRUG)
    return context.draft.message.kind.startswith("ORM") and order.control.kind == "order" and not drug


def _type_name(order: Order, context: Context) -> str:
    return "ServiceRequest" if _is_service(order, context) else "MedicationRequest"


def _request(order: Order, context: Context) -> None:
    """A Task on the order, which has to be there; a change has a draft of what it is to become."""
    proposed = []
    if order.control.task == "change" and any(order.part(name) for name in DRUG):
        proposed = [_input("proposal", {"valueReference": _proposal(order, context)})]
    task(order, context, known(order, context, _type_name(order, context)), inputs=proposed)


def _event(order: Order, context: Context) -> None:
    """What was done: the answered Task, and the order as it is told, or else no more of it than its status."""
    status = _status_of_event(order, context)
    refused = order.control.task_status == "rejected"
    if _is_told(order, context) and not refused:
        focus = _place(order, context, status) if status else _retold(order, context)
    else:
        focus = known(order, context, _type_name(order, context))
        if status:
            _change_status(order, context, status)
    if order.control.task:
        task(order, context, focus)


def _is_told(order: Order, context: Context) -> bool:
    """Whether an event repeats the order."""
    return bool(context.subject) and any(order.part(name) for name in (*DRUG, "OBR"))


def _retold(order: Order, context: Context) -> Resource:
    """The order as it is told, but for its status: it has to be there, and may have been ended since it was made."""
    draft = context.draft
    focus = known(order, context, _type_name(order, context))
    del draft.resource(_place(order, context, "active"))["status"]
    draft.note("information", order.orc.place(1), "what this tells of the order changes nothing of its status")
    return focus


def _status_of_event(order: Order, context: Context) -> str:
    """MedicationRequest.status after it, "" where it stays. Raises Hl7Fault 101 where SC does not say which."""
    orc = order.orc
    if order.control.task_status in ("rejected", "accepted"):
        return ""
    said = ORDER_STATUS.get(orc.text(5), "")
    if orc.text(1) == "SC" and not said:
        raise context.draft.fault(REQUIRED_FIELD_MISSING, orc.place(5), "a status that changed is a code of table 0038")
    return order.control.status or said


def _change_status(order: Order, context: Context, status: str) -> None:
    """Only its status: `known` stands beside it, so that the order is there, and has the rest."""
    draft, orc = context.draft, order.orc
    type_name = _type_name(order, context)
    service = type_name == "ServiceRequest"
    reason = codeable_concept(orc.value(16), draft.making)
    resource = filled(
        resourceType=type_name,
        status=SERVICE_STATUS.get(status, status) if service else status,
        statusReason=None if service else reason,
    )
    condition = known_condition(order)
    draft.add(numbered(draft, type_name), resource, orc.place(1), how="merge", condition=condition)


def known_condition(order: Order) -> str:
    return condition_of(order.identifier) if order.identifier else ""


def _renewal(order: Order, context: Context) -> None:
    if _is_of_another_kind(order):
        _order(order, context)
        return
    task(order, context, _proposal(order, context), code="approve", status="requested")


def _proposal(order: Order, context: Context) -> Resource:
    """What is asked for, as a draft of its own: the order it is about is named, and has to be known nowhere."""
    draft = context.draft
    _subject(context)
    resource, _ = medication_request(replace(order, identifiers=()), context, "draft")
    resource |= {"intent": "proposal"}
    number = next(iter((*order.identifiers, *resource.pop("identifier", ()))), None)
    if number:
        resource["priorPrescription"] = {"type": "MedicationRequest", "identifier": number}
    return dict(draft.add(numbered(draft, "MedicationRequest"), resource, order.orc.place()))


def _is_of_another_kind(order: Order) -> bool:
    """Whether an order is not asked to be filled, or filled again, but to be cancelled, or was."""
    return order.control.kind == "event" or order.control.task not in ("", FILL)


def _fill(order: Order, context: Context) -> None:
    if _is_of_another_kind(order):
        _order(order, context)
        return
    focus = _known_order(order, context) or _place(order, context)
    amount = context.draft.resource(focus).get("dispenseRequest", {}).get("quantity")
    inputs = [_input("dispense amount", {"valueQuantity": amount})] if amount else []
    task(order, context, focus, code=FILL, status="requested", inputs=inputs)


def _input(name: str, value: Resource) -> Resource:
    return {"type": {"text": name}} | value


Doing = Callable[[Order, Part, Resource | None, Context], Resource]


def _done(head: str, doing: Doing) -> Make:
    def make(order: Order, context: Context) -> None:
        parts = _needed(order, head, context)
        request = _known_order(order, context)
        for part in parts:
            doing(order, part, request, context)

    return make


def _needed(order: Order, head: str, context: Context) -> list[Part]:
    _subject(context)
    found = order.all_parts(head)
    if not found:
        raise context.draft.fault(SEGMENT_SEQUENCE, order.orc.place(), f"what was done for an order is in its {head}")
    return found


def _known_order(order: Order, context: Context) -> Resource | None:
    """The order that a message repeats beside what was done: the known one as it is, else made of what is told."""
    if order.identifier is None or not any(order.part(name) for name in DRUG):
        return None
    draft = context.draft
    if reference := draft.told("MedicationRequest", condition_of(order.identifier)):
        return reference
    start = len(draft.entries)
    status = "unknown" if _is_of_another_kind(order) else ""
    reference = _place(order, context, status)
    draft.entries[start:] = [
        replace(one, how="match", cleared=()) if one.how == "merge" else one for one in draft.entries[start:]
    ]
    return reference


def _subject(context: Context) -> None:
    if not context.subject:
        raise context.draft.fault(SEGMENT_SEQUENCE, "PID", "an order is for a patient")


def _beside(order: Order, context: Context, before: int) -> None:
    """What stands with an order: observations (OBX), diagnoses (DG1), charges (FT1)."""
    draft = context.draft
    if not context.subject:
        return
    seen = [one for one in draft.entries[before:] if one.type_name in SUPPORTED and one.how != "find"]
    target = seen[0].resource if seen else {}
    number = " ".join((number_of(draft), known_condition(order)))
    observed = [observation(draft, one, context.subject, number, context.encounter or None) for one in order.all("OBX")]
    if found := [one for one in observed if one]:
        element = SUPPORTED.get(target.get("resourceType", ""), "")
        target |= {element: found} if element else {}
    codes = [one for segment in order.all("DG1") if (one := diagnosis_code(draft, segment))]
    if codes and target:
        target["reasonCode"] = [*target.get("reasonCode", []), *codes]
    for segment in order.all("FT1"):
        charge(draft, segment, context.subject, _charged(context, seen))


SUPPORTED: Final = {
    "MedicationRequest": "supportingInformation",
    "ServiceRequest": "supportingInfo",
    "MedicationDispense": "supportingInformation",
    "MedicationAdministration": "supportingInformation",
}
"""The element that refers to observations of an order."""


def _charged(context: Context, seen: list[Entry]) -> Resource:
    services = [{"reference": one.full_url} for one in seen if one.type_name in CHARGED]
    return filled(context=context.encounter, service=services)


CHARGED: Final = frozenset({"MedicationDispense", "MedicationAdministration"})
"""https://hl7.org/fhir/R4/chargeitem-definitions.html#ChargeItem.service: what was done, not what was ordered."""

KINDS: Final[Mapping[str, Callable[[Message, Making], Mapped]]] = {
    **dict.fromkeys(("OMP^O09", "ORM^O01", "RDE^O01", "RDE^O11"), of_orders),
    "RDE^O25": of_renewals,
    "RDE^O49": of_fills,
    **dict.fromkeys(("RDS^O01", "RDS^O13"), of_dispenses),
    **dict.fromkeys(("RGV^O01", "RGV^O15"), of_gives),
    **dict.fromkeys(("RAS^O01", "RAS^O17"), of_administrations),
}
"""By message type and event; O01 was the event of all of them before 2.4."""
