"""NK1 and GT1 as RelatedPerson.

https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-nk1-to-relatedperson.html
"""

from typing import Final

from mappers.hl7v2.message import Segment
from mappers.hl7v2.tables import CONTACT_ROLE, RELATIONSHIP, SEX
from mappers.hl7v2.to_fhir.concepts import code, codeable_concept
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import day, filled, moment
from mappers.hl7v2.to_fhir.identifiers import cx, derived
from mappers.hl7v2.to_fhir.persons import addresses, contact_points, names
from mappers.hl7v2.to_fhir.sharing import share
from mappers.mapped import Resource

SELF: Final = frozenset({"SEL", "SELF"})
ROLE_CLASS: Final = "http://terminology.hl7.org/CodeSystem/v3-RoleClass"
GUARANTOR: Final = {"coding": [{"system": ROLE_CLASS, "code": "GUAR", "display": "guarantor"}]}


def related_persons(draft: Draft, patient: Resource, number: str) -> list[Resource]:
    """References to whom each NK1 names; `number` is the patient's, to tell the relatives of two apart."""
    found = (_next_of_kin(draft, segment, patient, number) for segment in draft.message.all("NK1"))
    return [one for one in found if one]


def guarantor(draft: Draft, segment: Segment, patient: Resource, number: str) -> Resource | None:
    """A reference to whom a GT1 names: the patient himself, or a RelatedPerson."""
    if segment.text(11).upper() in SELF:
        return patient
    making = draft.making
    security = cx(segment.value(12), making, "SS")
    identifiers = [cx(value, making) for value in segment.repetitions(2)]
    relationship = codeable_concept(segment.value(11), making, RELATIONSHIP)
    resource = filled(
        resourceType="RelatedPerson",
        identifier=[one for one in (*identifiers, security) if one],
        patient=patient,
        relationship=[one for one in (relationship, GUARANTOR) if one],
        name=names(segment, making, 3),
        telecom=contact_points(segment, making, {6: "home", 7: "work"}),
        gender=code(segment.value(9), SEX),
        birthDate=day(segment.value(8)),
        address=addresses(segment, making, 5),
        period=_period(draft, segment, 13, 14),
    )
    return _known(draft, segment, resource, number)


def _next_of_kin(draft: Draft, segment: Segment, patient: Resource, number: str) -> Resource | None:
    making = draft.making
    security = cx(segment.value(37), making, "SS")
    identifiers = [cx(value, making) for field in (33, 12) for value in segment.repetitions(field)]
    role = codeable_concept(segment.value(7), making, CONTACT_ROLE)
    relationship = codeable_concept(segment.value(3), making, RELATIONSHIP)
    resource = filled(
        resourceType="RelatedPerson",
        identifier=[one for one in (*identifiers, security) if one],
        patient=patient,
        relationship=[one for one in (relationship, role) if one],
        name=names(segment, making, 2, 30),
        telecom=contact_points(segment, making, {5: "", 6: "work", 31: "", 40: "", 41: ""}),
        gender=code(segment.value(15), SEX),
        birthDate=day(segment.value(16)),
        address=addresses(segment, making, 4, 32),
        period=_period(draft, segment, 8, 9),
        communication=[{"language": language}] if (language := codeable_concept(segment.value(20), making)) else [],
    )
    return _known(draft, segment, resource, number)


def _known(draft: Draft, segment: Segment, resource: Resource, number: str) -> Resource | None:
    """By an identifier of its own, or by its name and relation to the patient; nobody without a name or number."""
    name_field, relation_field = (2, 3) if segment.name == "NK1" else (3, 11)
    name = segment.value(name_field)
    if not resource.get("name") and not resource.get("identifier"):
        draft.note("information", segment.place(), "nobody is named: not carried")
        return None
    if "identifier" not in resource:
        parts = (number, name.text(1), name.text(2), segment.text(relation_field))
        resource["identifier"] = [derived(draft.making, segment.name, *parts)]
    return share(draft, resource, segment.place(), "merge")


def _period(draft: Draft, segment: Segment, start: int, end: int) -> Resource:
    making = draft.making
    return filled(start=moment(segment.value(start), making), end=moment(segment.value(end), making))
