"""What a message is written from: the resources at hand, to whom it goes, and what could not be carried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from mappers.hl7v2.message import Field, write
from mappers.hl7v2.times import of_moment, timestamp
from mappers.making import Making
from mappers.mapped import Note, Resource

ENCODING: Final = r"^~\&"
Row = Sequence[Field]
"""A segment for `write`."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """MSH: applications and facilities by their namespace ids."""

    sender: tuple[str, str]
    receiver: tuple[str, str]
    control_id: str
    version: str = "2.8"
    charset: str = "UNICODE UTF-8"
    processing: str = "P"


@dataclass(frozen=True, slots=True)
class Written:
    message: bytes
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """`resources` by what they are referred to as: `urn:uuid:…` or `Patient/1`."""

    resources: Mapping[str, Resource]
    making: Making
    notes: list[Note] = field(default_factory=list)

    def at(self, reference: Any) -> Resource:
        """The resource that a reference is to; {} where it is not at hand, with a note if it has no other words."""
        if not isinstance(reference, dict):
            return {}
        text = reference.get("reference", "")
        found = self.resources.get(text)
        if text and found is None and "display" not in reference and "identifier" not in reference:
            self.note("Reference", "what it refers to is not at hand")
        return dict(found) if found else {}

    def note(self, place: str, text: str) -> None:
        self.notes.append(Note("warning", place, text))

    def written(self, kind: tuple[str, str, str], rows: Sequence[Row], envelope: Envelope) -> Written:
        return Written(write([header(kind, envelope, self.making.now), *rows], envelope.charset), tuple(self.notes))


def header(kind: tuple[str, str, str], envelope: Envelope, now: datetime) -> list[Field]:
    """MSH; without a character set MSH-18 is left out."""
    ends = [*envelope.sender, *envelope.receiver]
    msh: list[Field] = ["MSH", "|", ENCODING, *ends, of_moment(now), "", kind, envelope.control_id]
    return [*msh, envelope.processing, envelope.version, *[""] * 5, envelope.charset]


def row(name: str, fields: Mapping[int, Field]) -> list[Field]:
    """A segment of fields by number."""
    return [name, *(fields.get(number, "") for number in range(1, max(fields, default=0) + 1))]


def moment(text: Any) -> str:
    """DTM of a FHIR date or dateTime; "" of nothing."""
    return timestamp(text) if isinstance(text, str) else ""
