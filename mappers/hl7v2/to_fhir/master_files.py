"""MFN: staff, locations and stock as their master files say. Chapters 8 and 17 of HL7 v2.

R4 has no resource for stock: what was received is a SupplyDelivery of the Medication it is. What is on hand is a count
that no R4 resource is made for, and stays a note: in a Basic nobody could search it or add it up.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from mappers.hl7v2.faults import REQUIRED_FIELD_MISSING, SEGMENT_SEQUENCE
from mappers.hl7v2.message import Message, Segment, Value
from mappers.hl7v2.tables import SEX
from mappers.hl7v2.to_fhir.concepts import code, codeable_concept
from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.hl7v2.to_fhir.elements import day, filled, moment, number
from mappers.hl7v2.to_fhir.identifiers import cx, derived, local
from mappers.hl7v2.to_fhir.location import location
from mappers.hl7v2.to_fhir.medication import named_organization
from mappers.hl7v2.to_fhir.organization import organization
from mappers.hl7v2.to_fhir.persons import addresses, contact_points, names
from mappers.hl7v2.to_fhir.quantity import unit_of
from mappers.hl7v2.to_fhir.sharing import share
from mappers.making import Making
from mappers.mapped import Mapped, Resource

GONE: Final = frozenset({"MDL", "MDC"})
"""MFE-1 (0180): deleted and deactivated are both not in use, and both stay known."""
STAFF: Final = "staff"
Record = tuple[Segment, ...]
"""An MFE and what stands between it and the next."""


def of_staff(message: Message, making: Making) -> Mapped:
    """M02: STF and PRA as Practitioner and PractitionerRole."""
    draft = Draft(message, making)
    for record in _records(draft):
        _member(draft, record)
    return draft.mapped()


def of_locations(message: Message, making: Making) -> Mapped:
    """M05: LOC as Location."""
    draft = Draft(message, making)
    for record in _records(draft):
        _location(draft, record)
    return draft.mapped()


def of_stock(message: Message, making: Making) -> Mapped:
    """M13, M15: IIM as Medication and SupplyDelivery."""
    draft = Draft(message, making)
    for record in _records(draft):
        _item(draft, record)
    return draft.mapped()


def _records(draft: Draft) -> Iterator[Record]:
    """Raises Hl7Fault 100 without an MFE, 101 without a record-level event."""
    segments = draft.message.segments
    starts = [index for index, one in enumerate(segments) if one.name == "MFE"]
    if not starts:
        raise draft.fault(SEGMENT_SEQUENCE, "MFE", "a master file notification has a record")
    for start, end in zip(starts, [*starts[1:], len(segments)], strict=True):
        if not segments[start].text(1):
            raise draft.fault(REQUIRED_FIELD_MISSING, segments[start].place(1), "what to do with a record is not said")
        yield segments[start:end]


def _of(record: Record, name: str) -> Segment | None:
    return next((one for one in record if one.name == name), None)


def _needed(draft: Draft, record: Record, name: str) -> Segment:
    found = _of(record, name)
    if found is None:
        raise draft.fault(SEGMENT_SEQUENCE, record[0].place(), f"a record of this file has {name}")
    return found


def _member(draft: Draft, record: Record) -> None:
    making, entry = draft.making, record[0]
    segment = _needed(draft, record, "STF")
    detail = _of(record, "PRA")
    key = segment.text(1) or entry.text(4)
    numbers = [cx(value, making) for value in segment.repetitions(2)]
    licences = [_licence(draft, detail, index) for index in range(len(detail.repetitions(6)))] if detail else []
    identifiers = [one for one in (*numbers, *licences, local(key, STAFF, making) if key else None) if one]
    if not identifiers:
        raise draft.fault(REQUIRED_FIELD_MISSING, segment.place(1), "nobody is known without a key or number")
    active = entry.text(1) not in GONE and segment.text(7) != "I"
    resource = filled(
        resourceType="Practitioner",
        identifier=identifiers,
        active=active,
        name=names(segment, making, 3),
        telecom=contact_points(segment, making, {10: "work"}) + _mail(segment),
        address=addresses(segment, making, 11),
        gender=code(segment.value(5), SEX),
        birthDate=day(segment.value(6)),
    )
    someone = share(draft, resource, segment.place(), "merge")
    if detail or segment.text(18) or segment.text(8):
        _role(draft, (segment, detail), someone, identifiers[0], active=active)


def _role(
    draft: Draft, said: tuple[Segment, Segment | None], someone: Resource, known_as: Resource, *, active: bool
) -> None:
    segment, detail = said
    making = draft.making
    category = codeable_concept(detail.value(3), making) if detail else {}
    title = {"text": segment.text(18)} if segment.text(18) else {}
    resource = filled(
        resourceType="PractitionerRole",
        identifier=[derived(making, "role", condition_of(known_as))],
        active=active,
        practitioner=someone,
        organization=_group(detail) or named_organization(segment.value(8), draft),
        code=[one for one in (category, title) if one],
        specialty=[{"text": value.text(1)} for value in detail.repetitions(5) if value.text(1)] if detail else [],
        period=filled(start=moment(segment.value(12).inner(1), making), end=moment(segment.value(13).inner(1), making)),
    )
    share(draft, resource, (detail or segment).place(), "merge")


def _group(detail: Segment | None) -> Resource | None:
    name = (detail.text(2, 2) or detail.text(2)) if detail else ""
    return {"type": "Organization", "display": name} if name else None


def _licence(draft: Draft, detail: Segment, index: int) -> Resource | None:
    """A PLN: number, type (0338, most of whose codes are 0203's too), state and expiry."""
    value = detail.repetitions(6)[index]
    text, kind, state = (value.text(component) for component in (1, 2, 3))
    if not text:
        return None
    identifier = cx(value, draft.making, kind) if not state else local(text, state, draft.making, kind)
    return identifier and identifier | filled(period=filled(end=day(value, 4)))


def _mail(segment: Segment) -> list[Resource]:
    values = (value.text(1) for value in segment.repetitions(15))
    return [{"system": "email", "value": one, "use": "work"} for one in values if one]


def _location(draft: Draft, record: Record) -> None:
    making, entry = draft.making, record[0]
    segment = _needed(draft, record, "LOC")
    reference = location(draft, segment.value(1), segment.place(1))
    if reference is None:
        raise draft.fault(REQUIRED_FIELD_MISSING, segment.place(1), "a location has a key")
    index, known = next((i, one) for i, one in enumerate(draft.entries) if one.full_url == reference["reference"])
    kinds = [codeable_concept(value, making) for value in segment.repetitions(3)]
    owner = organization(draft, segment.value(4), segment.place(4))
    places = addresses(segment, making, 5)
    resource = known.resource | filled(
        status="inactive" if entry.text(1) in GONE else "active",
        description=segment.text(2),
        type=[one for one in kinds if one],
        telecom=contact_points(segment, making, {6: "work"}),
        address=places[0] if places else None,
        managingOrganization=owner,
    )
    draft.entries[index] = replace(known, resource=resource, how="merge")


def _item(draft: Draft, record: Record) -> None:
    making, entry = draft.making, record[0]
    segment = _needed(draft, record, "IIM")
    what = codeable_concept(segment.value(2), making) or codeable_concept(segment.value(1), making)
    if not what:
        raise draft.fault(REQUIRED_FIELD_MISSING, segment.place(2), "an item has a code")
    key = segment.text(1) or segment.text(2)
    maker = segment.text(5, 2) or segment.text(5)
    resource = filled(
        resourceType="Medication",
        identifier=[local(f"{key} {segment.text(3)}".strip(), "stock", making)],
        status="inactive" if entry.text(1) in GONE else "active",
        code=what,
        manufacturer={"type": "Organization", "display": maker} if maker else None,
        batch=filled(lotNumber=segment.text(3), expirationDate=moment(segment.value(4), making)),
    )
    medication = share(draft, resource, segment.place(), "merge")
    amount = number(segment.value(8))
    if amount is not None or segment.text(7):
        _delivery(draft, segment, medication, amount, key)


def _delivery(draft: Draft, segment: Segment, medication: Resource, amount: float | None, key: str) -> None:
    making = draft.making
    place = segment.value(6)
    quantity = {} if amount is None else {"value": amount} | unit_of(segment.value(9), making)
    parts = (key, segment.text(3), segment.text(6), segment.text(7))
    resource = filled(
        resourceType="SupplyDelivery",
        identifier=[derived(making, "delivery", *parts)],
        status="completed",
        type={"coding": [{"system": SUPPLY_TYPES, "code": "medication", "display": "Medication"}]},
        suppliedItem=filled(quantity=quantity, itemReference=medication),
        occurrenceDateTime=moment(segment.value(7), making),
        destination=_stored(place, making),
    )
    share(draft, resource, segment.place(7), "merge")


def _stored(place: Value, making: Making) -> Resource:
    code, name = place.text(1), place.text(2)
    if not code and not name:
        return {}
    identifier = local(code, place.text(3) or "stock-location", making) if code else None
    return filled(type="Location", identifier=identifier, display=name or code)


SUPPLY_TYPES: Final = "http://terminology.hl7.org/CodeSystem/supply-item-type"

KINDS: Final[dict[str, Callable[[Message, Making], Mapped]]] = {
    "MFN^M02": of_staff,
    "MFN^M05": of_locations,
    "MFN^M13": of_stock,
    "MFN^M15": of_stock,
}
