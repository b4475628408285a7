"""ORC with RXO or RXE as MedicationRequest. https://hl7.org/fhir/R4/medicationrequest.html.

RXE, which is what the pharmacy made of the order, says what is to be given; RXO, which is what the prescriber wrote,
is asked for what he allows and why. PRECEDENCE has the rest.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from mappers.hl7v2.faults import SEGMENT_SEQUENCE
from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.order_control import ORDER_STATUS
from mappers.hl7v2.pharmacy_tables import CATEGORY, ORDER_TYPES, SCHEDULES, V2
from mappers.hl7v2.to_fhir import substitution
from mappers.hl7v2.to_fhir.concepts import NOT_OF_TABLE, codeable_concept
from mappers.hl7v2.to_fhir.context import Context, notes
from mappers.hl7v2.to_fhir.dosage import dosages
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.identifiers import ei, local, xcn
from mappers.hl7v2.to_fhir.medication import medication, named_organization, other_choice
from mappers.hl7v2.to_fhir.order import ORDER_NUMBERS, Order, Part
from mappers.hl7v2.to_fhir.organization import organization
from mappers.hl7v2.to_fhir.persons import practitioner_name
from mappers.hl7v2.to_fhir.practitioner import practitioner
from mappers.hl7v2.to_fhir.quantity import quantity
from mappers.hl7v2.to_fhir.sharing import share
from mappers.hl7v2.to_fhir.timing import Schedule, schedules, schedules_of_fields
from mappers.hl7v2.units import UCUM
from mappers.mapped import Resource
from terminology.identifiers import dea

CATEGORIES: Final = "http://terminology.hl7.org/CodeSystem/medicationrequest-category"
EXTENSION: Final = "urn:galenic:hl7v2:"
"""Begins the URLs of extensions for what pharmacies say in HL7 v2 and FHIR has no element for."""
PRESCRIPTION: Final = "prescription"
"""Namespace of the pharmacy's prescription numbers (RXE-15, RXD-7)."""

PRECEDENCE: Final[dict[str, tuple[tuple[str, int], ...]]] = {
    "reasonCode": (("RXO", 20), ("RXE", 27), ("ORC", 16)),
    "authoredOn": (("RXE", 32), ("ORC", 9)),
    "requester": (("ORC", 12), ("RXO", 14), ("RXE", 13), ("ORC", 21)),
    "recorder": (("ORC", 10), ("ORC", 19)),
    "numberOfRepeatsAllowed": (("RXE", 12), ("RXO", 13)),
    "performer": (("RXE", 40), ("RXO", 32)),
}
"""Where an element is from, the first field that says something first."""

AMOUNTS: Final = {"RXO": (11, 12), "RXE": (10, 11)}
"""Fields of the amount to be dispensed, and of its unit."""

OF_THE_EVENT: Final = frozenset({("ORC", 9), ("ORC", 16)})
"""Fields that are about what is asked or was done, unless that is the order itself."""

CLEARED: Final = (
    ("ORC", 12, "requester"),
    ("ORC", 29, "category"),
    ("RXO", 20, "reasonCode"),
    ("RXO", 9, "substitution"),
)
"""Fields whose `""` says that an element has no value."""


SAME: Final = (
    *((1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 21), (7, 7)),
    *((11, 10), (12, 11), (17, 22), (18, 25), (19, 26), (21, 23), (22, 24), (23, 19), (25, 33), (26, 34)),
)
"""Fields of RXO and those of RXE that say the same of an encoded order."""


def medication_request(order: Order, context: Context, status: str = "") -> tuple[Resource, tuple[str, ...]]:
    """The resource, and the elements that what it is merged into must lose.

    `status` is of who asks; "" is what ORC-5, or else ORC-1, says. Raises Hl7Fault 100 where nothing is ordered.
    """
    draft = context.draft
    written, encoded = order.head("RXO"), order.head("RXE")
    chosen = order.part("RXE") or order.part("RXO")
    if chosen is None:
        raise draft.fault(SEGMENT_SEQUENCE, order.orc.place(), "an order has an RXO or an RXE")
    _tell_apart(written, encoded)
    found = medication(chosen.head, chosen.all("RXC"), order.identifier, draft)
    timed = timing_of(order, chosen, draft)
    resource = filled(
        resourceType="MedicationRequest",
        extension=_refills(encoded, draft),
        identifier=_identifiers(order, encoded, draft),
        status=status or request_status(order, draft),
        intent="order",
        category=_categories(order, encoded, draft),
        priority=next((one.priority for one in timed if one.priority), ""),
        **found,
        **shared(order, context),
        **_of_first("authoredOn", order, draft, _authored),
        **_of_first("requester", order, draft, _requester),
        **_of_first("recorder", order, draft, _practitioner),
        **_of_first("reasonCode", order, draft, _reasons),
        insurance=context.insurance,
        note=notes(order.all("NTE"), draft),
        dosageInstruction=dosages(chosen.head, chosen.all("RXR") or order.all("RXR"), timed, draft),
        dispenseRequest=_dispense_request(order, chosen.head, draft),
        substitution=substitution.allowed(written, encoded),
    )
    return resource, (*other_choice(found), *_cleared(order, resource))


def shared(order: Order, context: Context) -> Resource:
    """What any request has of its ORC: patient, visit, group and parent."""
    draft, orc = context.draft, order.orc
    group = ei(orc.value(4), draft.making, "PGN")
    parent = _parent(orc, draft)
    element = "priorPrescription" if orc.text(1) in ("RO", "PY") else "basedOn"
    related = {element: parent[0] if element == "priorPrescription" else parent} if parent else {}
    return filled(subject=context.subject, encounter=context.encounter, groupIdentifier=group, **related)


def request_status(order: Order, draft: Draft) -> str:
    """MedicationRequest.status: ORC-5 (table 0038) goes before ORC-1."""
    orc = order.orc
    said = orc.text(5)
    if said in ORDER_STATUS:
        draft.choose("MedicationRequest.status", orc.place(5), "an order status goes before the order control")
        return ORDER_STATUS[said]
    if said:
        orc.value(5).leave(1, NOT_OF_TABLE)
    draft.choose("MedicationRequest.status", orc.place(1), "without an order status, what the order control says")
    return order.control.status or "active"


def timing_of(order: Order, part: Part, draft: Draft) -> list[Schedule]:
    """TQ1 behind RXE goes before RXE-1 and ORC-7, and those before a TQ1 of the order as it was written.

    RXE-1 is ORC-7 as the pharmacy understands it: what it leaves out is still what ORC-7 says.
    """
    if found := schedules(part.all("TQ1", "TQ2"), draft):
        return found
    fields = [(order.orc, 7)]
    if part.head.name in TIMED:
        fields.insert(0, (part.head, TIMED[part.head.name]))
    return schedules(order.all("TQ1", "TQ2"), draft) or schedules_of_fields(fields, draft)


TIMED: Final = {"RXE": 1, "RXG": 3}
"""Fields of type TQ in the heads of parts."""


def _tell_apart(written: Segment | None, encoded: Segment | None) -> None:
    """What the prescriber wrote about the drug itself is not mixed into what the pharmacy made of it."""
    if written is None or encoded is None:
        return
    for one, other in SAME:
        value = written.value(one)
        if value.texts() != encoded.value(other).texts() and value:
            value.leave(1, "differs from RXE, which encodes the order and goes before it")


def _identifiers(order: Order, encoded: Segment | None, draft: Draft) -> list[Resource]:
    number = encoded.text(15) if encoded else ""
    return [*order.identifiers, *([prescription_number(number, draft)] if number else [])]


def prescription_number(number: str, draft: Draft) -> Resource:
    """Table 0203 has no type for it: its PRN is the number of a provider."""
    return {"type": {"text": "Prescription number"}} | local(number, PRESCRIPTION, draft.making)


def _refills(encoded: Segment | None, draft: Draft) -> list[Resource]:
    """What RXE says of the refills up to now."""
    if encoded is None:
        return []
    counts = {"refills-remaining": draft.count(encoded, 16), "refills-dispensed": draft.count(encoded, 17)}
    found: list[Resource] = [
        {"url": f"{EXTENSION}{name}", "valueUnsignedInt": count} for name, count in counts.items() if count is not None
    ]
    last = moment(encoded.value(18), draft.making)
    return [*found, *([{"url": f"{EXTENSION}last-fill", "valueDateTime": last}] if last else [])]


def _categories(order: Order, encoded: Segment | None, draft: Draft) -> list[Resource]:
    """Where it is for (ORC-29), the schedule of a controlled drug (RXE-35) and the kind of pharmacy order (RXE-44)."""
    found = [category(order.orc, draft)]
    if encoded:
        found.append(_of_table(encoded.value(35), "0477", SCHEDULES))
        found.append(_of_table(encoded.value(44), "0480", ORDER_TYPES))
    return [one for one in found if one]


def category(orc: Segment, draft: Draft) -> Resource:
    value = orc.value(29)
    known = CATEGORY.get(value.text(1))
    if known:
        return {"coding": [{"system": CATEGORIES, "code": known}]}
    return codeable_concept(value, draft.making)


def _of_table(value: Value, table: str, codes: frozenset[str]) -> Resource:
    code = value.text(1)
    if code and code not in codes:
        value.leave(1, NOT_OF_TABLE)
        return {}
    return {"coding": [{"system": f"{V2}{table}", "code": code}]} if code else {}


Reader = Callable[[Segment, int, Draft], Any]


def _of_first(element: str, order: Order, draft: Draft, read: Reader) -> Resource:
    """The element, from the first field of its precedence that has something to say."""
    for segment, number in _sources(element, order):
        found = read(segment, number, draft)
        if found:
            reason = " > ".join(f"{name}-{field}" for name, field in PRECEDENCE[element])
            draft.choose(f"MedicationRequest.{element}", segment.place(number), f"precedence {reason}")
            return {element: found}
    return {}


def _sources(element: str, order: Order) -> Iterator[tuple[Segment, int]]:
    heads = heads_of(order)
    of_order = order.control.kind == "order"
    for name, number in PRECEDENCE[element]:
        if name in heads and heads[name].value(number) and (of_order or (name, number) not in OF_THE_EVENT):
            yield heads[name], number


def heads_of(order: Order) -> dict[str, Segment]:
    """The first of each name, with the ORC."""
    return {one.head.name: one.head for one in reversed(order.parts)} | {"ORC": order.orc}


def _authored(segment: Segment, number: int, draft: Draft) -> str | None:
    return moment(segment.value(number), draft.making)


def _practitioner(segment: Segment, number: int, draft: Draft) -> Resource | None:
    return practitioner(draft, segment.value(number), segment.place(number))


def _requester(segment: Segment, number: int, draft: Draft) -> Resource | None:
    """RXO-14 and RXE-13 are for DEA numbers; what is none is a number of the partner's own."""
    value, place = segment.value(number), segment.place(number)
    if (segment.name, number) == ("ORC", 21):
        return organization(draft, value, place)
    if segment.name == "ORC" or not dea(value.text(1)):
        return practitioner(draft, value, place)
    name = practitioner_name(value)
    identifier = xcn(value, draft.making, "DEA")
    resource = filled(resourceType="Practitioner", identifier=[identifier], name=[name] if name else [])
    return share(draft, resource, place)


def _reasons(segment: Segment, number: int, draft: Draft) -> list[Resource]:
    found = (codeable_concept(value, draft.making) for value in segment.repetitions(number))
    return [one for one in found if one]


def _dispense_request(order: Order, chosen: Segment, draft: Draft) -> Resource:
    written, encoded = order.head("RXO"), order.head("RXE")
    refills = next((draft.count(segment, field) for segment, field in _sources("numberOfRepeatsAllowed", order)), None)
    first = quantity(encoded, 39, 11, draft) if encoded else {}
    amount, unit = AMOUNTS[chosen.name]
    return filled(
        initialFill=filled(quantity=first),
        dispenseInterval=_interval(written, draft) if written else None,
        validityPeriod=filled(start=moment(order.orc.value(15), draft.making)),
        numberOfRepeatsAllowed=refills,
        quantity=quantity(chosen, amount, unit, draft),
        performer=next(_performers(order, draft), None)
        or own_place("MedicationRequest.dispenseRequest.performer", "Organization", order.orc, draft),
    )


def own_place(element: str, type_name: str, segment: Segment, draft: Draft) -> Resource:
    """Where what the partner sends belongs, for what names no place itself; {} where that is not configured."""
    place = draft.making.places.get(type_name)
    if place is None:
        return {}
    draft.choose(element, segment.place(), "no pharmacy is named: the one that what this partner sends belongs to")
    return {"reference": place}


def _performers(order: Order, draft: Draft) -> Iterator[Resource]:
    for segment, number in _sources("performer", order):
        if found := named_organization(segment.value(number), draft):
            yield found


def _interval(written: Segment, draft: Draft) -> Resource:
    """RXO-28 is in days."""
    days = draft.number(written, 28)
    return {"value": days, "unit": "day", "system": UCUM, "code": "d"} if days else {}


def _parent(orc: Segment, draft: Draft) -> list[Resource]:
    """ORC-8 has the placer's and the filler's number of the parent, each an EI of sub-components."""
    value = orc.value(8)
    for (_, kind), component in zip(ORDER_NUMBERS, (1, 2), strict=True):
        if identifier := ei(value.inner(component), draft.making, kind):
            return [{"type": "MedicationRequest", "identifier": identifier}]
    return []


def _cleared(order: Order, resource: Resource) -> tuple[str, ...]:
    heads = heads_of(order)
    return tuple(
        element
        for name, number, element in CLEARED
        if element not in resource and name in heads and heads[name].is_null(number)
    )
