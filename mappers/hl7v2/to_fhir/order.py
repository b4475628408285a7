"""The orders of a message: an ORC begins one, and what follows belongs to the part of it that it follows."""

from dataclasses import dataclass
from itertools import chain, pairwise
from typing import Final

from mappers.hl7v2.faults import REQUIRED_FIELD_MISSING, SEGMENT_SEQUENCE, TABLE_VALUE_NOT_FOUND
from mappers.hl7v2.message import Segment
from mappers.hl7v2.order_control import CONTROLS, NOT_TAKEN, Control
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.identifiers import ei
from mappers.making import Making
from mappers.mapped import Resource

HEADS: Final = frozenset({"RXO", "RXE", "RXD", "RXG", "RXA", "OBR"})
"""Segments that say what is ordered or done."""
PATIENT: Final = frozenset("PID PD1 PV1 PV2 IN1 IN2 IN3 GT1 AL1 IAM NK1 PRT SFT UAC".split())
"""Segments that stand for no part of an order."""
ORDER_NUMBERS: Final = ((2, "PLAC"), (3, "FILL"))


@dataclass(frozen=True)
class Part:
    """What a head says, with the segments up to the next one."""

    head: Segment
    followers: tuple[Segment, ...]

    def all(self, *names: str) -> list[Segment]:
        return [one for one in self.followers if one.name in names]


@dataclass(frozen=True)
class Order:
    orc: Segment
    own: tuple[Segment, ...]
    """What follows the ORC before anything is ordered."""
    parts: tuple[Part, ...]
    control: Control
    identifiers: tuple[Resource, ...]
    """The placer's number and the filler's."""

    @property
    def identifier(self) -> Resource | None:
        """The number it is known by: the placer's, else the filler's."""
        return next(iter(self.identifiers), None)

    def part(self, name: str) -> Part | None:
        return next(iter(self.all_parts(name)), None)

    def head(self, name: str) -> Segment | None:
        part = self.part(name)
        return part.head if part else None

    def all_parts(self, name: str) -> list[Part]:
        return [one for one in self.parts if one.head.name == name]

    def all(self, *names: str) -> list[Segment]:
        """Whatever part they stand in."""
        followers = chain(self.own, *(part.followers for part in self.parts))
        return [one for one in followers if one.name in names]


def orders(draft: Draft) -> list[Order]:
    """In the order of the message. Raises Hl7Fault 100 without an ORC, or where a head comes before the first one."""
    found: list[list[Segment]] = []
    for segment in draft.message.segments[1:]:
        if segment.name == "ORC":
            found.append([segment])
        elif found and segment.name not in PATIENT:
            found[-1].append(segment)
        elif segment.name in HEADS:
            raise draft.fault(SEGMENT_SEQUENCE, segment.place(), "it belongs to an order, and no ORC stands before it")
    if not found:
        raise draft.fault(SEGMENT_SEQUENCE, "ORC", "a message about orders has an ORC")
    return [_order(segments, draft) for segments in found]


def order_numbers(orc: Segment, making: Making) -> tuple[Resource, ...]:
    return tuple(one for field, kind in ORDER_NUMBERS if (one := ei(orc.value(field), making, kind)))


def _order(segments: list[Segment], draft: Draft) -> Order:
    orc, *rest = segments
    starts = [index for index, one in enumerate(rest) if one.name in HEADS]
    parts = (Part(rest[start], tuple(rest[start + 1 : end])) for start, end in pairwise([*starts, len(rest)]))
    own = rest[: starts[0]] if starts else rest
    return Order(orc, tuple(own), tuple(parts), _control(orc, draft), order_numbers(orc, draft.making))


def _control(orc: Segment, draft: Draft) -> Control:
    code = orc.text(1)
    if not code:
        raise draft.fault(REQUIRED_FIELD_MISSING, orc.place(1), "an order says what is to be done with it")
    control = CONTROLS.get(code)
    if control is None:
        why = NOT_TAKEN.get(code, "no code of table 0119")
        raise draft.fault(TABLE_VALUE_NOT_FOUND, orc.place(1), f"no order control that a pharmacy acts on: {why}")
    return control
