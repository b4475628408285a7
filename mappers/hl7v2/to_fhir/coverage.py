"""IN1 and IN2 as Coverage. https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-in1-to-coverage.html."""

from itertools import zip_longest
from typing import Final

from mappers.hl7v2.message import Segment
from mappers.hl7v2.tables import RELATIONSHIP
from mappers.hl7v2.to_fhir.concepts import codeable_concept
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.identifiers import cx, derived
from mappers.hl7v2.to_fhir.organization import organization
from mappers.hl7v2.to_fhir.persons import addresses, contact_points, human_name
from mappers.hl7v2.to_fhir.related_person import SELF
from mappers.hl7v2.to_fhir.sharing import share, shown
from mappers.making import Making
from mappers.mapped import Resource

NUMBERS: Final = ((61, "MB"), (6, "MC"), (8, "MA"))
"""Fields of IN2, and their types (0203): of a member, of Medicare, of Medicaid."""
CLASSES: Final = "http://terminology.hl7.org/CodeSystem/coverage-class"


def coverages(draft: Draft, patient: Resource, number: str) -> list[Resource]:
    """References to what each IN1 says; `number` is the patient's, to tell the coverages of two apart."""
    told = draft.message.all("IN1", "IN2")
    found = (
        _coverage(draft, segment, after if after and after.name == "IN2" else None, patient, number)
        for segment, after in zip_longest(told, told[1:])
        if segment.name == "IN1"
    )
    return [one for one in found if one]


def _coverage(draft: Draft, segment: Segment, more: Segment | None, patient: Resource, number: str) -> Resource | None:
    """Of an IN1, and the IN2 behind it."""
    payor = _payor(draft, segment)
    if payor is None:
        draft.note("warning", segment.place(4), "nobody is named who pays: not carried")
        return None
    making = draft.making
    member = segment.text(36) or segment.text(49) or (more.text(61) if more else "")
    parts = (number, segment.text(2), segment.text(3), segment.text(4), member)
    resource = filled(
        resourceType="Coverage",
        identifier=[derived(making, "coverage", *parts), *_numbers(more, making)],
        status="active",
        type=codeable_concept(segment.value(15), making),
        policyHolder=organization(draft, segment.value(11), segment.place(11)),
        subscriber=_subscriber(draft, segment, patient),
        subscriberId=member,
        beneficiary=patient,
        relationship=codeable_concept(segment.value(17), making, RELATIONSHIP)
        or (codeable_concept(more.value(72), making, RELATIONSHIP) if more else {}),
        period=filled(start=moment(segment.value(12), making), end=moment(segment.value(13), making)),
        payor=[payor],
        class_=_classes(segment),
    )
    return share(draft, resource, segment.place(), "merge")


def _numbers(more: Segment | None, making: Making) -> list[Resource]:
    """The patient's own among those who are insured together, and those of Medicare and Medicaid."""
    found = (cx(more.value(field), making, kind) for field, kind in NUMBERS) if more else ()
    return [one for one in found if one]


def _payor(draft: Draft, segment: Segment) -> Resource | None:
    """The company of IN1-3 and IN1-4; by its name alone where it has no number, by the plan's where it has no name."""
    identifier = cx(segment.value(3), draft.making)
    name = segment.text(4)
    if identifier is None:
        display = name or segment.text(2, 2) or segment.text(2)
        return {"type": "Organization", "display": display} if display else None
    resource = filled(
        resourceType="Organization",
        identifier=[identifier],
        active=True,
        name=name,
        telecom=contact_points(segment, draft.making, {7: ""}),
        address=addresses(segment, draft.making, 5),
    )
    return share(draft, resource, segment.place(3)) | filled(display=name)


def _subscriber(draft: Draft, segment: Segment, patient: Resource) -> Resource | None:
    """The patient himself, or whoever IN1-16 names: a name alone tells nobody apart, and is shown."""
    if segment.text(17).upper() in SELF:
        return patient
    name = shown(human_name(segment.value(16), draft.making))
    return {"display": name} if name else None


def _classes(segment: Segment) -> list[Resource]:
    said = (("plan", segment.text(2), segment.text(2, 2)), ("group", segment.text(8), segment.text(9)))
    return [
        filled(type={"coding": [{"system": CLASSES, "code": kind}]}, value=value, name=name)
        for kind, value, name in said
        if value
    ]
