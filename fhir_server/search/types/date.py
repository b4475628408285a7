"""Date parameters: spans of time against spans of time. https://hl7.org/fhir/R4/search.html#date."""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from fhir_server.search.asked import Asked
from fhir_server.search.columns import DATE
from fhir_server.search.comparison import malformed, refuse_modifier, split_prefix
from fhir_server.search.entries import Entries, Span
from fhir_server.search.fetching import Typed
from fhir_server.search.predicate import Predicate, Scope, in_side_table, rids_in_side_table
from fhir_server.search.text import unescape

EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)
LAST_UPDATED = "_lastUpdated"

DAY = timedelta(days=1)
MILLISECOND = timedelta(milliseconds=1)
MILLISECOND_DIGITS = 3
"""Fractions of up to so many digits are milliseconds: .5 and .500 are one instant, however it was written (digits)."""
_APPROXIMATELY = 0.1
_PARTIAL = re.compile(
    r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2})"
    r"(?:T([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]+))?)?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?)?"
)
_LOST_PLUS = re.compile(r"(?<=[0-9]) (?=[0-9]{2}:[0-9]{2}\Z)")

Ends = tuple[datetime, datetime]


def span(text: str) -> Ends | None:
    """The half-open span a date or time stands for, however much of it is given; without a zone it is UTC.

    A leap second is the second after it; what is before the year 1 or after 9999 is cut off. None: not a date.
    https://hl7.org/fhir/R4/datatypes.html#dateTime
    """
    match = _PARTIAL.fullmatch(text)
    if match is None:
        return None
    try:
        start = _start(match)
        offset = _offset(match[8])
    except ValueError:
        return None
    return _ends(moved(start, -offset), moved(moved(start, _length(match, start)), -offset))


def _start(match: re.Match[str]) -> datetime:
    year, month, day = (int(part or 1) for part in match.group(1, 2, 3))
    hour, minute, second = (int(part or 0) for part in match.group(4, 5, 6))
    if second > 60:  # noqa: PLR2004 - a leap second
        raise ValueError(second)
    microsecond = int((match[7] or "")[:6].ljust(6, "0"))
    moment = datetime(year, month, day, hour, minute, tzinfo=UTC)
    return moved(moment, timedelta(seconds=second, microseconds=microsecond))


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone == "Z":
        return timedelta()
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    if offset > timedelta(hours=14):
        raise ValueError(zone)
    return -offset if zone[0] == "-" else offset


def _length(match: re.Match[str], start: datetime) -> timedelta:
    """How long the last unit that is given lasts."""
    _, month, day, hour, minute, second, fraction, _ = match.groups()
    if month is None:
        return timedelta(days=366 if calendar.isleap(start.year) else 365)
    if day is None:
        return timedelta(days=calendar.monthrange(start.year, start.month)[1])
    if fraction is not None:
        return MILLISECOND if len(fraction) <= MILLISECOND_DIGITS else timedelta(microseconds=1)
    given = sum(part is not None for part in (hour, minute, second))
    return (DAY, timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1))[given]


def moved(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment + by
    except OverflowError:
        return EARLIEST if by < timedelta() else LATEST


def _ends(low: datetime, high: datetime) -> Ends:
    """A span that is never empty: the conditions in SQL rely on it."""
    low = min(low, LATEST - timedelta.resolution)
    return low, max(high, low + timedelta.resolution)


def index(typed: Typed, name: str, entries: Entries) -> None:
    """A date or time, a Period, or the outer limits of a Timing."""
    ends = _ends_of(typed)
    if ends is not None:
        entries.spans.add(Span(name, *ends))


def names_one(typed: Typed) -> bool:
    """Whether there is a date in it: a Timing of "twice a day" has none."""
    return _ends_of(typed) is not None


def _ends_of(typed: Typed) -> Ends | None:
    match typed:
        case ("date" | "dateTime" | "instant", str() as text):
            return span(text)
        case ("Period", dict() as period):
            return _period(period)
        case ("Timing", dict() as timing):
            return _outer_limits(timing)
    return None


def _period(period: dict[str, Any]) -> Ends | None:
    start, end = (span(text) if isinstance(text := period.get(e), str) else None for e in ("start", "end"))
    if start is None and end is None:
        return None
    return _ends(start[0] if start else EARLIEST, end[1] if end else LATEST)


def _outer_limits(timing: dict[str, Any]) -> Ends | None:
    found = list(_limits(timing))
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _limits(timing: dict[str, Any]) -> Iterator[Ends]:
    for event in timing.get("event") or ():
        if isinstance(event, str) and (ends := span(event)):
            yield ends
    repeat = timing.get("repeat")
    bounds = repeat.get("boundsPeriod") if isinstance(repeat, dict) else None
    if isinstance(bounds, dict) and (ends := _period(bounds)):
        yield ends


@dataclass(frozen=True, slots=True, order=True)
class Comparison:
    """A prefix and the half-open span it compares with; that of `ap` is already widened."""

    prefix: str
    low: datetime
    high: datetime


_HOLDS: Final[dict[str, Callable[[Span, Comparison], bool]]] = {
    "eq": lambda span, c: span.low >= c.low and span.high <= c.high,
    "ne": lambda span, c: span.low < c.low or span.high > c.high,
    "gt": lambda span, c: span.high > c.high,
    "lt": lambda span, c: span.low < c.low,
    "ge": lambda span, c: span.high > c.high or span.low >= c.low,
    "le": lambda span, c: span.low < c.low or span.high <= c.high,
    "sa": lambda span, c: span.low >= c.high,
    "eb": lambda span, c: span.high <= c.low,
    "ap": lambda span, c: span.low < c.high and span.high > c.low,
}

_SQL: Final = {
    "eq": "{low} >= {start} AND {low} < {end} AND {high} <= {end}",
    "ne": "({low} < {start} OR {high} > {end})",
    "gt": "{high} > {end}",
    "lt": "{low} < {start}",
    "ge": "({high} > {end} OR {low} >= {start})",
    "le": "{low} < {end} AND ({low} < {start} OR {high} <= {end})",
    "sa": "{low} >= {end}",
    "eb": "{low} < {start} AND {high} <= {start}",
    "ap": "{low} < {end} AND {high} > {start}",
}
"""`_HOLDS` again, with the bounds on `low` that follow from a span not being empty: they are what an index finds by."""


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where spans stand in SQL; `longest` is the length no span exceeds, None where some are as long as they like."""

    low: str
    high: str
    longest: timedelta | None = None

    def condition(self, comparison: Comparison, scope: Scope) -> str:
        start, end = scope.value(comparison.low), scope.value(comparison.high)
        return f"({_SQL[comparison.prefix].format(low=self.low, high=self.high, start=start, end=end)})"

    def any_of(self, comparisons: tuple[Comparison, ...], scope: Scope) -> str:
        return f"({' OR '.join(self.condition(c, scope) for c in comparisons)})"

    def branches(self, comparison: Comparison, scope: Scope) -> Iterator[str]:
        """Conditions that together are the comparison's, each with bounds an index has."""
        holds = self.condition(comparison, scope)
        if comparison.prefix not in ("gt", "ge", "ap"):
            yield holds
        elif self.longest is not None:
            yield f"{self._begins_late_enough(comparison, self.longest, scope)} AND {holds}"
        else:
            length = f"{self.high} - {self.low}"
            short = self._begins_late_enough(comparison, DAY, scope)
            yield f"{short} AND {holds} AND {length} <= interval '1 day'"
            yield f"{self.high} > {scope.value(comparison.low)} AND {holds} AND {length} > interval '1 day'"

    def _begins_late_enough(self, comparison: Comparison, longest: timedelta, scope: Scope) -> str:
        past = comparison.low if comparison.prefix == "ap" else comparison.high
        least = moved(past, -longest)
        return f"{self.low} >= {scope.value(min(least, comparison.low) if comparison.prefix == 'ge' else least)}"


SIDE = _Columns("{row}.low", "{row}.high")
ROW = _Columns("{row}.date_low", "{row}.date_high")
INSTANT = _Columns("{row}.last_updated", "({row}.last_updated + interval '1 millisecond')", MILLISECOND)


def _satisfied(name: str, comparisons: tuple[Comparison, ...], entries: Entries) -> bool:
    return any(
        span.name == name and _HOLDS[comparison.prefix](span, comparison)
        for span in entries.spans
        for comparison in comparisons
    )


def rids_of_rows(columns: _Columns, comparisons: tuple[Comparison, ...], scope: Scope, also: str = "") -> str:
    def select(branch: str) -> str:
        row = scope.inner(scope.type_name, scope.fresh("s"))
        holds = f"{branch}{also}".format(row=row.alias)
        return f"SELECT {row.alias}.rid FROM search {row.alias} WHERE {row.of_type()} AND {holds}"

    return " UNION ALL ".join(select(branch) for c in comparisons for branch in columns.branches(c, scope))


@dataclass(frozen=True, slots=True)
class Within:
    """A span satisfies any of the comparisons; no index helps to find what is not equal."""

    name: str
    comparisons: tuple[Comparison, ...]

    def matches(self, entries: Entries) -> bool:
        return _satisfied(self.name, self.comparisons, entries)

    def condition(self, scope: Scope) -> str:
        if not self._is_column(scope):
            return in_side_table("search_date", self.name, SIDE.any_of(self.comparisons, scope), scope)
        condition = ROW.any_of(self.comparisons, scope).format(row=scope.alias)
        return f"({scope.alias}.date_low IS NOT NULL AND {condition})"

    def rids(self, scope: Scope) -> str | None:
        if any(comparison.prefix == "ne" for comparison in self.comparisons):
            return None
        if self._is_column(scope):
            return rids_of_rows(ROW, self.comparisons, scope)
        branches = [branch for c in self.comparisons for branch in SIDE.branches(c, scope)]
        return " UNION ALL ".join(rids_in_side_table("search_date", self.name, b, scope) for b in branches)

    def _is_column(self, scope: Scope) -> bool:
        return DATE.get(scope.type_name) == self.name


@dataclass(frozen=True, slots=True)
class UpdatedWithin:
    """`_lastUpdated`: the row's own instant, a span of a millisecond. https://hl7.org/fhir/R4/search.html#lastUpdated."""

    comparisons: tuple[Comparison, ...]

    def matches(self, entries: Entries) -> bool:
        return _satisfied(LAST_UPDATED, self.comparisons, entries)

    def condition(self, scope: Scope) -> str:
        return INSTANT.any_of(self.comparisons, scope).format(row=scope.alias)

    def rids(self, scope: Scope) -> str | None:
        if any(comparison.prefix == "ne" for comparison in self.comparisons):
            return None
        return rids_of_rows(INSTANT, self.comparisons, scope)


def predicate(asked: Asked) -> Predicate:
    """Raises `Invalid` for what is not a date, `NotSupported` for every modifier."""
    refuse_modifier(asked, "date")
    comparisons = tuple(sorted({_comparison(asked, unescape(value)) for value in asked.values}))
    return UpdatedWithin(comparisons) if asked.name == LAST_UPDATED else Within(asked.name, comparisons)


def _comparison(asked: Asked, text: str) -> Comparison:
    prefix, date = split_prefix(text)
    ends = span(_LOST_PLUS.sub("+", date))
    if ends is None:
        raise malformed(asked, text, "a date: 2026, 2026-11, 2026-11-03 or 2026-11-03T10:00:00Z, after a prefix if any")
    if prefix == "ap":
        ends = _approximately(*ends, asked.now)
    return Comparison(prefix, *ends)


def _approximately(low: datetime, high: datetime, now: datetime) -> Ends:
    """The span widened at both ends by a tenth of the time between it and now."""
    distance = max(low - now, now - high, timedelta())
    return moved(low, -distance * _APPROXIMATELY), moved(high, distance * _APPROXIMATELY)
