"""ORC with OBR, or with nothing, as ServiceRequest: orders of ORM^O01 that are not for a pharmacy.

https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-orc-to-servicerequest.html
"""

from mappers.hl7v2.message import Segment
from mappers.hl7v2.order_control import SERVICE_STATUS
from mappers.hl7v2.to_fhir.concepts import codeable_concept
from mappers.hl7v2.to_fhir.context import Context, notes
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.identifiers import ei
from mappers.hl7v2.to_fhir.medication_request import request_status, shared
from mappers.hl7v2.to_fhir.order import Order
from mappers.hl7v2.to_fhir.practitioner import practitioner
from mappers.hl7v2.to_fhir.timing import Schedule, schedules, schedules_of_fields
from mappers.mapped import Resource


def service_request(order: Order, context: Context, status: str = "") -> tuple[Resource, tuple[str, ...]]:
    """The resource, and the elements that what it is merged into must lose."""
    draft, orc = context.draft, order.orc
    detail = order.head("OBR")
    if detail is None:
        draft.note("warning", orc.place(), "an order that does not say what for")
    timed = _timing(order, detail, draft)
    state = status or request_status(order, draft)
    common = shared(order, context)
    requisition = common.pop("groupIdentifier", None)
    resource = filled(
        resourceType="ServiceRequest",
        identifier=_identifiers(order, detail, draft),
        requisition=requisition,
        status=SERVICE_STATUS.get(state, state),
        intent="order",
        priority=next((one.priority for one in timed if one.priority), ""),
        code=codeable_concept(detail.value(4), draft.making) if detail else None,
        authoredOn=moment(orc.value(9), draft.making) if order.control.kind == "order" else None,
        requester=_requester(orc, detail, draft),
        reasonCode=_reasons(detail, draft),
        note=notes(order.all("NTE"), draft),
        **{name: _services(value) for name, value in common.items() if name != "priorPrescription"},
        **_occurrence(timed),
    )
    return resource, ()


def _identifiers(order: Order, detail: Segment | None, draft: Draft) -> list[Resource]:
    """ORC-2 and 3; where they are empty OBR-2 and 3 are the same numbers."""
    if order.identifiers or detail is None:
        return list(order.identifiers)
    found = (ei(detail.value(field), draft.making, kind) for field, kind in ((2, "PLAC"), (3, "FILL")))
    return [one for one in found if one]


def _timing(order: Order, detail: Segment | None, draft: Draft) -> list[Schedule]:
    fields = [(order.orc, 7)] + ([(detail, 27)] if detail else [])
    return schedules(order.all("TQ1", "TQ2"), draft) or schedules_of_fields(fields, draft)


def _occurrence(timed: list[Schedule]) -> Resource:
    """A start alone is when; more is a Timing."""
    timing = next((one.timing for one in timed if one.timing), {})
    start = timing.get("repeat", {}).get("boundsPeriod", {}).get("start")
    if start and timing == {"repeat": {"boundsPeriod": {"start": start}}}:
        return {"occurrenceDateTime": start}
    return filled(occurrenceTiming=timing)


def _requester(orc: Segment, detail: Segment | None, draft: Draft) -> Resource | None:
    for segment, number in ((orc, 12), (detail, 16)):
        if segment is not None and segment.value(number):
            return practitioner(draft, segment.value(number), segment.place(number))
    return None


def _reasons(detail: Segment | None, draft: Draft) -> list[Resource]:
    values = detail.repetitions(31) if detail else ()
    return [one for value in values if (one := codeable_concept(value, draft.making))]


def _services(value: Resource | list[Resource]) -> Resource | list[Resource]:
    """A parent is an order of the same kind."""
    if not isinstance(value, list):
        return value
    return [one | {"type": "ServiceRequest"} for one in value]
