"""PV1 and PV2 as Encounter. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-pv1-to-encounter.html."""

from typing import Final

from mappers.hl7v2.message import Segment
from mappers.hl7v2.tables import (
    ADMISSION_TYPE,
    ENCOUNTER_STATUS,
    PATIENT_CLASS,
    PRIORITY,
    V3_NULL,
    V3_PARTICIPATION,
)
from mappers.hl7v2.to_fhir.concepts import codeable_concept, coding
from mappers.hl7v2.to_fhir.draft import Draft, condition_of
from mappers.hl7v2.to_fhir.elements import filled, moment, number
from mappers.hl7v2.to_fhir.identifiers import cx
from mappers.hl7v2.to_fhir.location import location
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.hl7v2.to_fhir.roles import participants
from mappers.mapped import Resource

NOT_APPLICABLE: Final = "N"
"""PV1-2 of a PV1 that is there because the message wants one, and is about no visit."""
VISITS: Final = frozenset({"A01", "A03", "A04", "P03"})
"""Events that are about a visit even if it has no number."""
DISCHARGE: Final = "A03"
UNKNOWN_CLASS: Final = {"system": V3_NULL, "code": "UNK", "display": "unknown"}
REFERRER: Final = ("REF", "referrer")
PARTICIPANTS: Final = (
    (7, "ATND", "attender"),
    (8, *REFERRER),
    (9, "CON", "consultant"),
    (17, "ADM", "admitter"),
    (52, "PART", "Participation"),
)
PREADMITTED: Final = "P"
ASSIGNED: Final = 3
LOCATIONS: Final = ((ASSIGNED, "active"), (6, "completed"), (11, "active"), (42, "reserved"))
CLEARED: Final = {4: "type", 10: "serviceType", 3: "location"}
"""Fields whose `""` says that an element has no value."""
DAYS: Final = {"unit": "d", "system": "http://unitsofmeasure.org", "code": "d"}


def encounter(draft: Draft, patient: Resource, extra: Resource) -> Resource | None:
    """A reference to the visit of a message; None where it is about none.

    `extra` is what other segments say of it (diagnosis, account). A visit without a number is found by no later
    message: it is made where the event is one of visits, and else not carried.
    """
    segment = draft.message.first("PV1")
    if segment is None or segment.text(2) == NOT_APPLICABLE:
        return None
    identifiers = visit_numbers(draft, segment)
    event = draft.message.header.text(9, 2)
    if not identifiers and event not in VISITS:
        draft.note("warning", segment.place(19), "which visit this is about is not said: it is not carried")
        return None
    resource = _resource(draft, segment, patient, event) | filled(identifier=identifiers, **extra)
    if not identifiers:
        draft.note("warning", segment.place(19), "a visit without a number: no later message finds it")
        return dict(draft.add("Encounter", resource, segment.place()))
    cleared = tuple(element for field, element in CLEARED.items() if segment.is_null(field))
    found = condition_of(identifiers[0])
    return dict(draft.add("Encounter", resource, segment.place(), how="merge", condition=found, cleared=cleared))


def visit_numbers(draft: Draft, segment: Segment) -> list[Resource]:
    """Of PV1-19 and the alternate ones of PV1-50."""
    values = ((value, "VN" if field == 19 else "") for field in (19, 50) for value in segment.repetitions(field))  # noqa: PLR2004
    found = (cx(value, draft.making, kind) for value, kind in values)
    return [one for one in found if one]


def _resource(draft: Draft, segment: Segment, patient: Resource, event: str) -> Resource:
    making = draft.making
    second = draft.message.first("PV2")
    return filled(
        resourceType="Encounter",
        status=_status(draft, segment, event),
        class_=coding(segment.value(2), making, PATIENT_CLASS) or UNKNOWN_CLASS,
        type=_list(codeable_concept(segment.value(4), making, ADMISSION_TYPE)),
        serviceType=codeable_concept(segment.value(10), making),
        subject=patient,
        participant=_participants(draft, segment),
        period=filled(start=moment(segment.value(44), making), end=_end(draft, segment, event)),
        hospitalization=_hospitalization(draft, segment),
        location=_locations(draft, segment, event),
        serviceProvider=filled(type="Organization", display=segment.text(39)) if segment.text(39) else None,
        **(_of_pv2(draft, second) if second else {}),
    )


def _status(draft: Draft, segment: Segment, event: str) -> str:
    """A discharge ends a visit, and so does the time of one; else the class says how far it is."""
    if event == DISCHARGE:
        draft.choose("Encounter.status", "MSH-9", "the event is a discharge")
        return "finished"
    if segment.text(45):
        draft.choose("Encounter.status", segment.place(45), "there is a time of discharge")
        return "finished"
    draft.choose("Encounter.status", segment.place(2), "no discharge is told: the class of the patient decides")
    return ENCOUNTER_STATUS.get(segment.text(2), "unknown" if not segment.text(2) else "in-progress")


def _end(draft: Draft, segment: Segment, event: str) -> str | None:
    """PV1-45; of a discharge without it, the time it happened (EVN-6)."""
    told = moment(segment.value(45), draft.making)
    happened = draft.message.first("EVN")
    if told or event != DISCHARGE or happened is None or not happened.text(6):
        return told
    draft.choose("Encounter.period.end", happened.place(6), "a discharge without PV1-45 ends when it happened")
    return moment(happened.value(6), draft.making)


def _participants(draft: Draft, segment: Segment) -> list[Resource]:
    second = draft.message.first("PV2")
    found = [(one, *role) for field, *role in PARTICIPANTS for one in practitioners(draft, segment, field)]
    found += [(one, *REFERRER) for one in (practitioners(draft, second, 13) if second else ())]
    told = [
        {"type": [{"coding": [{"system": V3_PARTICIPATION, "code": code, "display": display}]}], "individual": one}
        for one, code, display in found
    ]
    return [*told, *participants(draft)]


def _locations(draft: Draft, segment: Segment, event: str) -> list[Resource]:
    found = []
    for field, status in LOCATIONS:
        place = location(draft, segment.value(field), segment.place(field))
        if place:
            found.append({"location": place, "status": _of_place(segment, event) if field == ASSIGNED else status})
    return found


def _of_place(segment: Segment, event: str) -> str:
    """Whether the patient is yet, is, or was in the place of PV1-3."""
    if event == DISCHARGE or segment.text(45):
        return "completed"
    return "planned" if segment.text(2) == PREADMITTED else "active"


def _hospitalization(draft: Draft, segment: Segment) -> Resource:
    making = draft.making
    destination = segment.value(37)
    return filled(
        preAdmissionIdentifier=cx(segment.value(5), making),
        admitSource=codeable_concept(segment.value(14), making),
        reAdmission=codeable_concept(segment.value(13), making),
        dietPreference=_list(codeable_concept(segment.value(38), making)),
        specialCourtesy=_list(codeable_concept(segment.value(16), making)),
        specialArrangement=[one for value in segment.repetitions(15) if (one := codeable_concept(value, making))],
        destination=filled(type="Location", display=destination.text(1)) if destination.text(1) else None,
        dischargeDisposition=codeable_concept(segment.value(36), making),
    )


def _of_pv2(draft: Draft, segment: Segment) -> Resource:
    days = number(segment.value(11))
    return filled(
        reasonCode=_list(codeable_concept(segment.value(3), draft.making)),
        priority=codeable_concept(segment.value(25), draft.making, PRIORITY),
        length={"value": days, **DAYS} if days else None,
    )


def _list(one: Resource) -> list[Resource]:
    return [one] if one else []
