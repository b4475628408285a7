"""What a message says and no mapping has read: a note each, so that nothing is lost in silence.

And what of it only its sender understands.
"""

from collections.abc import Iterator
from typing import Final

from mappers.hl7v2.message import NULL_WRITTEN, Message, Segment
from mappers.mapped import Choice, Note

ENVELOPE: Final = {
    "MSH": frozenset({1, 2, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18, 20, 21}),
    "EVN": frozenset({1, 2}),
    "MFI": frozenset({1, 2, 3, 4, 5, 6}),
    "MFE": frozenset({2, 4, 5}),
}
"""Fields that are about the message and not about what it tells: whoever receives and answers it reads them."""
SET_IDS: Final = frozenset("PID PV1 NK1 AL1 IAM DG1 OBX IN1 GT1 FT1 NTE TQ1 TQ2 PRA".split())
"""Segments whose first field does no more than count them, or repeat the key of the one before (PRA)."""


OWN: Final = "a word that says nothing to others, and is configured for no system: one of the partner's own"


def own_systems(message: Message) -> tuple[Choice, ...]:
    """Where identifiers are of a system that only a word of the sender names: once for each place."""
    places = dict.fromkeys(place for segment in message.segments for place in segment.own_places())
    return tuple(Choice("Identifier.system", place, OWN) for place in places)


def left_over(message: Message) -> tuple[Note, ...]:
    """In the order of the message; a segment of which nothing was read has one note."""
    return tuple(note for segment in message.segments for note in _of(segment))


def _of(segment: Segment) -> Iterator[Note]:
    known = ENVELOPE.get(segment.name, frozenset({1}) if segment.name in SET_IDS else frozenset())
    said = [field for field in range(1, segment.fields + 1) if field not in known and _says(segment.written(field))]
    unread = {field for field in said if not segment.was_read(field)}
    if said and len(unread) == len(said) and segment.name not in ENVELOPE:
        yield Note("information", segment.place(), "a segment that is not mapped")
        return
    for field in said:
        yield from _of_field(segment, field, unread=field in unread)


def _of_field(segment: Segment, field: int, *, unread: bool) -> Iterator[Note]:
    if unread:
        yield Note("information", segment.place(field), "a field that is not mapped")
        return
    for number, value in enumerate(segment.repetitions(field), start=1):
        unmapped = frozenset(value.unread)
        reasons = value.reasons | dict.fromkeys(unmapped, "is not mapped")
        if not value.was_read:
            yield Note("information", segment.place(field), f"repetition {number} is not mapped")
            continue
        for component, reason in sorted(reasons.items()):
            severity = "information" if component in unmapped else "warning"
            place = segment.place(field, component if value.components > 1 else 0)
            yield Note(severity, place, f"what it says {reason}")  # type: ignore[arg-type]


def _says(written: str) -> bool:
    return bool(written.strip("^~&")) and written != NULL_WRITTEN
