"""ROL and PRT: who has which part in the care of a patient, beside the fields that are for it.

https://build.fhir.org/ig/HL7/v2-to-fhir/ConceptMap-segment-rol-to-encounter.html. A ROL says whom it is about by its
role, not by where it stands: a primary care provider is the patient's, the others are of the visit.
"""

from collections.abc import Container, Iterable, Iterator
from typing import Final

from mappers.hl7v2.message import Segment
from mappers.hl7v2.tables import V3_PARTICIPATION
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.practitioner import practitioners
from mappers.mapped import Resource

PRIMARY: Final = "PP"
PARTS: Final = {
    "AD": ("ADM", "admitter"),
    "AT": ("ATND", "attender"),
    "CP": ("CON", "consultant"),
    "RP": ("REF", "referrer"),
}
"""Table 0443 to what a participant of an Encounter is; its other roles have no such part."""
ENDED: Final = frozenset({"D", "DE", "UN"})
"""Actions (tables 0206 and 0287) that take a role back."""
FIELDS: Final = {"ROL": (3, 4), "PRT": (4, 5)}
"""The field of the role, and of who has it; field 2 of both is the action."""


def primary_care(draft: Draft) -> list[Resource]:
    """References for Patient.generalPractitioner."""
    found = _having(draft, FIELDS, {PRIMARY})
    return [one for segment, _ in found for one in practitioners(draft, segment, FIELDS[segment.name][1])]


def participants(draft: Draft) -> list[Resource]:
    """Of an Encounter, with the time they take part. A PRT stands where it is about something else, and is left."""
    return [
        filled(
            type=[{"coding": [{"system": V3_PARTICIPATION, "code": PARTS[role][0], "display": PARTS[role][1]}]}],
            period=filled(start=moment(segment.value(5), draft.making), end=moment(segment.value(6), draft.making)),
            individual=one,
        )
        for segment, role in _having(draft, ("ROL",), PARTS)
        for one in practitioners(draft, segment, 4)
    ]


def _having(draft: Draft, names: Iterable[str], roles: Container[str]) -> Iterator[tuple[Segment, str]]:
    """Those with one of the roles; what has another is not looked at, so that it leaves its note."""
    for segment in draft.message.all(*names):
        field, _ = FIELDS[segment.name]
        role = segment.written(field).partition(segment.marks.component)[0]
        if role in roles and segment.written(2) not in ENDED:
            segment.value(field).texts()
            segment.value(2).texts()
            yield segment, role
