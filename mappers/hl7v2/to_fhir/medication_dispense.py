"""RXD, and RXG, as MedicationDispense. https://hl7.org/fhir/R4/medicationdispense.html.

A dispense is told apart by its order, its counter (RXD-1), its time and its drug: many senders count every refill as
the first.
"""

import re
from typing import Final

from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.order_control import DISPENSE_STATUS
from mappers.hl7v2.pharmacy_tables import DISPENSE_TYPES, V2
from mappers.hl7v2.to_fhir import substitution
from mappers.hl7v2.to_fhir.concepts import NOT_OF_TABLE
from mappers.hl7v2.to_fhir.context import Context, notes
from mappers.hl7v2.to_fhir.dosage import dosages
from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.hl7v2.to_fhir.elements import filled, moment, told
from mappers.hl7v2.to_fhir.identifiers import derived, local
from mappers.hl7v2.to_fhir.location import location
from mappers.hl7v2.to_fhir.medication import medication, other_choice
from mappers.hl7v2.to_fhir.medication_request import (
    EXTENSION,
    own_place,
    prescription_number,
    timing_of,
)
from mappers.hl7v2.to_fhir.order import Order, Part
from mappers.hl7v2.to_fhir.persons import address
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.hl7v2.to_fhir.quantity import quantity
from mappers.hl7v2.to_fhir.sharing import numbered, share
from mappers.hl7v2.to_fhir.timing import service_duration
from mappers.mapped import Resource

NAMESPACE: Final = "dispense"
COUNTER: Final = "dispense-number"
COUNT: Final = re.compile(r"0*\d{1,9}", re.ASCII)
BY_CONTROL: Final = {
    **dict.fromkeys(("CA", "CR", "OC"), "cancelled"),
    **dict.fromkeys(("DC", "DR", "OD"), "stopped"),
    **dict.fromkeys(("HD", "HR", "OH"), "on-hold"),
}
"""ORC-1 to the status of a dispense; with any other it tells of one that took place."""
NOT_YET: Final = frozenset({"preparation", "in-progress"})


def dispensed(order: Order, part: Part, request: Resource | None, context: Context) -> Resource:
    """A reference to the dispense of an RXD; `request` is the order it fills, if that is told."""
    draft, head = context.draft, part.head
    draft.required(head, 2)
    key = _key(order, head, (head.text(1), head.text(3), head.text(2) or head.text(2, 2)), draft)
    status = dispense_status(order, "completed", draft)
    found = medication(head, part.all("RXC"), key, draft)
    when = moment(head.value(3), draft.making)
    resource = filled(
        resourceType="MedicationDispense",
        extension=[*_counter(head), *_remaining(head, draft)],
        identifier=_identifiers(key, head, draft),
        status=status,
        **found,
        subject=context.subject,
        context=context.encounter,
        performer=[{"actor": one} for one in practitioners(draft, head, 10)],
        location=_place_of(head.value(27), None, head.place(27), draft)
        or own_place("MedicationDispense.location", "Location", head, draft),
        authorizingPrescription=[one] if (one := prescription(order, head, draft) | (request or {})) else None,
        type=_type(head.value(33)),
        quantity=quantity(head, 4, 5, draft),
        daysSupply=_days_supply(order, part, draft),
        **{"whenPrepared" if status in NOT_YET else "whenHandedOver": when},
        destination=_destination(head, draft),
        note=[*_remarks(head), *notes(part.all("NTE"), draft)],
        dosageInstruction=dosages(head, part.all("RXR"), timing_of(order, part, draft), draft),
        substitution=substitution.done(head, 11),
    )
    return _added(resource, key, head, draft, other_choice(found))


def given(order: Order, part: Part, request: Resource | None, context: Context) -> Resource:
    """A reference to the dose that an RXG hands to a ward to be given."""
    draft, head = context.draft, part.head
    draft.required(head, 4)
    key = _key(order, head, ("give", head.text(1), head.text(4) or head.text(4, 2)), draft)
    found = medication(head, part.all("RXC"), key, draft)
    resource = filled(
        resourceType="MedicationDispense",
        identifier=_identifiers(key, None, draft),
        status=dispense_status(order, "in-progress", draft),
        **found,
        subject=context.subject,
        context=context.encounter,
        authorizingPrescription=[one] if (one := prescription(order, None, draft) | (request or {})) else None,
        quantity=quantity(head, 5, 7, draft),
        destination=location(draft, head.value(11), head.place(11)),
        note=[*annotations(head, 9), *notes(part.all("NTE"), draft)],
        dosageInstruction=dosages(head, part.all("RXR"), timing_of(order, part, draft), draft),
        substitution=substitution.done(head, 10),
    )
    return _added(resource, key, head, draft, other_choice(found))


def dispense_status(order: Order, otherwise: str, draft: Draft) -> str:
    """ORC-5 (table 0038), else what ORC-1 says was done to it, else that it took place."""
    orc = order.orc
    said = orc.text(5)
    if said in DISPENSE_STATUS:
        draft.choose("MedicationDispense.status", orc.place(5), "the order status says how far a dispense is")
        return DISPENSE_STATUS[said]
    if said:
        orc.value(5).leave(1, NOT_OF_TABLE)
    found = BY_CONTROL.get(orc.text(1), otherwise)
    draft.choose("MedicationDispense.status", orc.place(1), "without an order status, what this message tells")
    return found


def prescription(order: Order, head: Segment | None, draft: Draft) -> Resource:
    """The order by its number, else by that of the prescription: it may not be known here."""
    number = head.text(7) if head is not None else ""
    identifier = order.identifier or (prescription_number(number, draft) if number else None)
    return {"type": "MedicationRequest", "identifier": identifier} if identifier else {}


def key_of(number: Resource | None, words: tuple[str, ...], namespace: str, draft: Draft) -> Resource | None:
    """The identifier of one thing done for an order; None where the order has no number.

    What a message says twice in the same words is two: the second has a number more.
    """
    if number is None:
        return None
    told = (namespace, number["system"], number["value"], *words)
    again = draft.again(told)
    return derived(draft.making, *told, *((str(again),) if again else ()))


def _key(order: Order, head: Segment, words: tuple[str, ...], draft: Draft) -> Resource | None:
    """By the number of the order, else by that of the prescription."""
    number = order.identifier
    if number is None and head.name == "RXD" and head.text(7):
        number = prescription_number(head.text(7), draft)
    return key_of(number, words, NAMESPACE, draft)


def _added(resource: Resource, key: Resource | None, head: Segment, draft: Draft, cleared: tuple[str, ...]) -> Resource:
    name = numbered(draft, "MedicationDispense")
    if key is None:
        return dict(draft.add(name, resource, head.place()))
    return dict(draft.add(name, resource, head.place(), how="merge", condition=condition_of(key), cleared=cleared))


def _identifiers(key: Resource | None, head: Segment | None, draft: Draft) -> list[Resource]:
    number = head.text(7) if head is not None else ""
    return [*([key] if key else []), *([prescription_number(number, draft)] if number else [])]


def _counter(head: Segment) -> list[Resource]:
    """RXD-1, by which whoever dispensed counts the dispenses of an order."""
    text = head.text(1)
    if not COUNT.fullmatch(text):
        if text:
            head.value(1).leave(1, "is no number of a dispense")
        return []
    return [{"url": f"{EXTENSION}{COUNTER}", "valueUnsignedInt": int(text)}]


def _remaining(head: Segment, draft: Draft) -> list[Resource]:
    left = draft.count(head, 8)
    return [] if left is None else [{"url": f"{EXTENSION}refills-remaining", "valueUnsignedInt": left}]


def _type(value: Value) -> Resource:
    """Table 0484."""
    code = value.text(1)
    if code in DISPENSE_TYPES and value.text(3) in ("", "HL70484"):
        value.texts()
        return {"coding": [{"system": f"{V2}0484", "code": code, "display": DISPENSE_TYPES[code]}]}
    if code and not value.text(3):
        value.leave(1, NOT_OF_TABLE)
    return {}


def _days_supply(order: Order, part: Part, draft: Draft) -> Resource:
    """TQ1-6, or the third component of ORC-7. https://hl7.org/fhir/R4/medicationdispense-mappings.html#v2."""
    segments = part.all("TQ1") or order.all("TQ1")
    return service_duration(segments[0] if segments else None, order.orc, draft)


def _destination(head: Segment, draft: Draft) -> Resource | None:
    """Where it goes: RXD-13, else the pharmacy of RXD-30 with its address."""
    to = location(draft, head.value(13), head.place(13))
    if to is None:
        return _place_of(head.value(30), head.value(31), head.place(30), draft)
    if head.value(30):
        told(head.value(30), "is a second destination: a dispense has one")
    return to


def _place_of(value: Value, where: Value | None, place: str, draft: Draft) -> Resource | None:
    """A Location named by a code and a text."""
    code, name = value.text(1), value.text(2)
    if not code and not name:
        return None
    resource = filled(
        resourceType="Location",
        identifier=[local(code or name, value.text(3) or "pharmacy", draft.making)],
        name=name or code,
        address=address(where, draft.making) if where else None,
    )
    return share(draft, resource, place)


def _remarks(head: Segment) -> list[Resource]:
    return [{"text": text} for value in head.repetitions(9) if (text := value.whole())]


def annotations(head: Segment, number: int) -> list[Resource]:
    """Notes that are coded: their words."""
    found = (value.text(2) or value.text(9) or value.text(1) for value in head.repetitions(number))
    return [{"text": text} for text in found if text]
