"""RXA as MedicationAdministration. https://hl7.org/fhir/R4/medicationadministration.html.

The published map of ORC makes whoever ordered (ORC-12) a performer: he is not the one who gave it, and is left out.
"""

from typing import Final

from mappers.hl7v2.faults import DATA_TYPE
from mappers.hl7v2.message import Segment
from mappers.hl7v2.pharmacy_tables import COMPLETION
from mappers.hl7v2.to_fhir.concepts import code, codeable_concept
from mappers.hl7v2.to_fhir.context import Context, notes
from mappers.hl7v2.to_fhir.dosage import route_of
from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.hl7v2.to_fhir.elements import filled, told
from mappers.hl7v2.to_fhir.medication import medication, other_choice
from mappers.hl7v2.to_fhir.medication_dispense import annotations, key_of, prescription
from mappers.hl7v2.to_fhir.order import Order, Part
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.hl7v2.to_fhir.quantity import quantity
from mappers.hl7v2.to_fhir.sharing import numbered
from mappers.mapped import Resource

NAMESPACE: Final = "administration"
DELETED: Final = "D"
"""RXA-21."""
UNKNOWN_AMOUNT: Final = "999"
"""RXA-6 of senders who do not know the amount."""


def administered(order: Order, part: Part, request: Resource | None, context: Context) -> Resource:
    """A reference to what an RXA says was given, or was not. Raises Hl7Fault 101 without a drug or a time."""
    draft, head = context.draft, part.head
    draft.required(head, 5)
    draft.required(head, 3)
    key = key_of(order.identifier, (head.text(2), head.text(3), head.text(5) or head.text(5, 2)), NAMESPACE, draft)
    found = medication(head, [], key, draft)
    status = _status(head)
    effective = _effective(head, draft)
    resource = filled(
        resourceType="MedicationAdministration",
        identifier=[key] if key else None,
        status=status,
        statusReason=_concepts(head, 18, draft) if status == "not-done" else None,
        **found,
        subject=context.subject,
        context=context.encounter,
        **effective,
        performer=[{"actor": one} for one in practitioners(draft, head, 10)],
        reasonCode=_concepts(head, 19, draft),
        request=prescription(order, None, draft) | (request or {}),
        note=[*annotations(head, 9), *notes(part.all("NTE"), draft)],
        dosage=_dosage(head, part, draft),
    )
    cleared = (*other_choice(found), "effectivePeriod" if "effectiveDateTime" in effective else "effectiveDateTime")
    return _added(resource, key, head, draft, cleared)


def _added(resource: Resource, key: Resource | None, head: Segment, draft: Draft, cleared: tuple[str, ...]) -> Resource:
    name = numbered(draft, "MedicationAdministration")
    if key is None:
        return dict(draft.add(name, resource, head.place()))
    return dict(draft.add(name, resource, head.place(), how="merge", condition=condition_of(key), cleared=cleared))


def _status(head: Segment) -> str:
    """RXA-21 and RXA-20 (table 0322); without them it was given."""
    if head.text(21) == DELETED:
        return "entered-in-error"
    return code(head.value(20), COMPLETION) or "completed"


def _effective(head: Segment, draft: Draft) -> Resource:
    start, end = draft.time(head, 3), draft.time(head, 4)
    if start is None:
        raise draft.fault(DATA_TYPE, head.place(3), "no date or time: when it was given cannot be left out")
    if end is None or end == start:
        return {"effectiveDateTime": start}
    return {"effectivePeriod": {"start": start, "end": end}}


def _dosage(head: Segment, part: Part, draft: Draft) -> Resource:
    """R4 wants a dose or a rate in it (mad-1): a route alone is left."""
    if head.text(6) == UNKNOWN_AMOUNT:
        head.value(6).leave(1, "says that the amount is not known")
        dose: Resource = {}
    else:
        dose = quantity(head, 6, 7, draft)
    routes = part.all("RXR")
    if dose:
        return filled(**route_of(routes, draft), dose=dose)
    for one in routes:
        told(one.value(1), "is a route without a dose, which an administration in FHIR does not have")
    return {}


def _concepts(head: Segment, number: int, draft: Draft) -> list[Resource]:
    return [one for value in head.repetitions(number) if (one := codeable_concept(value, draft.making))]
