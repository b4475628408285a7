"""What every order of a message shares: its patient, visit and insurance."""

from dataclasses import dataclass, field

from mappers.hl7v2.message import Segment
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled, moment
from mappers.hl7v2.to_fhir.practitioner import practitioner
from mappers.mapped import Resource


@dataclass
class Context:
    """References; `subject` is {} where the message names no patient."""

    draft: Draft
    subject: Resource = field(default_factory=dict)
    encounter: Resource = field(default_factory=dict)
    insurance: list[Resource] = field(default_factory=list)


def notes(segments: list[Segment], draft: Draft) -> list[Resource]:
    """NTE as Annotations, the repetitions of NTE-3 as lines. https://hl7.org/fhir/R4/datatypes.html#Annotation."""
    return [one for segment in segments if (one := _annotation(segment, draft))]


def _annotation(segment: Segment, draft: Draft) -> Resource:
    text = "\n".join(value.whole() for value in segment.repetitions(3) if value)
    if not text:
        return {}
    author = practitioner(draft, segment.value(5), segment.place(5))
    return filled(authorReference=author, time=moment(segment.value(6), draft.making), text=text)
