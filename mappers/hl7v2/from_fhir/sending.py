"""What a message that goes out is made with, and its MSH. Pure: clock and control id are handed in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from mappers.hl7v2.message import Field, write
from mappers.hl7v2.times import of_moment
from mappers.mapped import Note

MARKS: Final = ("|", r"^~\&")


@dataclass(frozen=True, slots=True)
class Sending:
    """Who sends what to whom. `authorities` are the namespace ids of systems, as the partner calls them."""

    application: str
    facility: str
    to_application: str
    to_facility: str
    now: datetime
    control_id: str
    version: str = "2.5.1"
    charset: str = "UNICODE UTF-8"
    processing: str = "P"
    authorities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Written:
    """A message in ER7, and what of the resources it could not say."""

    raw: bytes
    notes: tuple[Note, ...] = ()


def msh(kind: str, sending: Sending) -> list[Field]:
    """MSH of `ADT^A31^ADT_A05`, for `write`."""
    ends = (sending.application, sending.facility, sending.to_application, sending.to_facility)
    told = (of_moment(sending.now), "", tuple(kind.split("^")), sending.control_id, sending.processing, sending.version)
    return ["MSH", *MARKS, *ends, *told, *[""] * 5, sending.charset]


def written(segments: Sequence[Sequence[Field]], notes: Sequence[Note], sending: Sending) -> Written:
    """Raises UnicodeEncodeError where the character set lacks a character."""
    return Written(write(segments, sending.charset), tuple(notes))
