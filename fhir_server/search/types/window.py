"""Dates that one column of the row holds, asked together: a span of time is rarer than either of its ends."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from fhir_server.search.columns import DATE
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Predicate, Scope
from fhir_server.search.types.date import (
    DAY,
    INSTANT,
    LAST_UPDATED,
    MILLISECOND,
    ROW,
    Comparison,
    UpdatedWithin,
    Within,
    moved,
    rids_of_rows,
)

Part = Within | UpdatedWithin


class Bounds(NamedTuple):
    """What follows for the beginning of a span: `low` at least and before `high`; None where nothing does.

    `short_low` at least, if the span is a day long at most.
    """

    low: datetime | None = None
    short_low: datetime | None = None
    high: datetime | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """All of `parts`, which are about one column."""

    parts: tuple[Part, ...]

    def matches(self, entries: Entries) -> bool:
        return all(part.matches(entries) for part in self.parts)

    def condition(self, scope: Scope) -> str:
        return f"({' AND '.join(part.condition(scope) for part in self.parts)})"

    def rids(self, scope: Scope) -> str | None:
        """By the bounds of one part, those of the others asked of the same row."""
        columns = INSTANT if isinstance(self.parts[0], UpdatedWithin) else ROW
        first, *others = sorted(self.parts, key=lambda part: bounds_of([part]).short_low is None)
        if any(comparison.prefix == "ne" for comparison in first.comparisons):
            return None
        also = "".join(f" AND {columns.any_of(part.comparisons, scope)}" for part in others)
        return rids_of_rows(columns, first.comparisons, scope, also)


def merged(type_name: str, where: Sequence[Predicate]) -> tuple[Predicate, ...]:
    """The criteria, those about one date column as one. Values of a side table stay apart: each may be another's."""
    found = list(where)
    for parts in (list(_about_updates(where)), list(_about_date(type_name, where))):
        if len(parts) > 1:
            found = [part for part in found if part not in parts] + [Window(tuple(parts))]
    return tuple(found)


def parts_on(type_name: str, name: str, where: Sequence[Predicate]) -> list[Part]:
    """The criteria about the column a page is ordered by, if it is the date of the type or the last update."""
    if name == LAST_UPDATED:
        return list(_about_updates(where))
    return list(_about_date(type_name, where)) if name == DATE.get(type_name) else []


def _about_updates(where: Iterable[Predicate]) -> Iterator[Part]:
    return (part for part in where if isinstance(part, UpdatedWithin))


def _about_date(type_name: str, where: Iterable[Predicate]) -> Iterator[Part]:
    return (part for part in where if isinstance(part, Within) and part.name == DATE.get(type_name))


def bounds_of(parts: Iterable[Part]) -> Bounds:
    """What follows from all of them together."""
    found = [_of_part(part) for part in parts]
    lows = [bounds.low for bounds in found if bounds.low]
    short_lows = [bounds.short_low for bounds in found if bounds.short_low]
    highs = [bounds.high for bounds in found if bounds.high]
    return Bounds(max(lows, default=None), max(short_lows, default=None), min(highs, default=None))


def _of_part(part: Part) -> Bounds:
    """Of alternatives the widest."""
    longest = MILLISECOND if isinstance(part, UpdatedWithin) else None
    lows, short_lows, highs = zip(*(_of_one(one, longest) for one in part.comparisons), strict=True)
    return Bounds(_least(lows), _least(short_lows), None if None in highs else max(filter(None, highs)))


def _least(moments: Sequence[datetime | None]) -> datetime | None:
    return None if None in moments else min(filter(None, moments))


def _of_one(comparison: Comparison, longest: timedelta | None) -> Bounds:
    """`longest`: no span is longer; None where some are as long as they like."""
    low, high = comparison.low, comparison.high
    match comparison.prefix:
        case "eq":
            return Bounds(low, low, high)
        case "sa":
            return Bounds(high, high, None)
        case "lt" | "eb":
            return Bounds(None, None, low)
        case "le":
            return Bounds(None, None, high)
        case "gt" | "ge" | "ap" as prefix:
            end = moved(low if prefix == "ap" else high, -(longest or DAY))
            least = min(end, low) if prefix == "ge" else end
            return Bounds(least if longest else None, least, high if prefix == "ap" else None)
    return Bounds()
