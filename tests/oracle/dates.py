"""Parameters of type date. https://hl7.org/fhir/R4/search.html#date

Times are whole microseconds since 0001-01-01 in UTC; ranges are half-open.
"""

import re
from calendar import isleap, monthrange
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

from tests.oracle.escapes import unescape
from tests.oracle.extraction import Element
from tests.oracle.intervals import INFINITY, Bound, Interval, compare_ranges, prefixed

SECOND = 10**6
DAY = 86_400 * SECOND
WRITTEN = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)
EVERYTHING = Interval(-INFINITY, INFINITY)


def date_range(text: str) -> Interval:
    """What a partial date covers; without a zone it is UTC."""
    found = WRITTEN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text} is no date")
    year, month, day = (int(found[name] or 1) for name in ("year", "month", "day"))
    midnight = date(year, month, day).toordinal() * DAY
    if found["day"] is None:
        days = monthrange(year, month)[1] if found["month"] else 365 + isleap(year)
        return Interval(midnight, midnight + days * DAY)
    if found["hour"] is None:
        return Interval(midnight, midnight + DAY)
    low = midnight + _time_of_day(found) - _offset(found["zone"])
    return Interval(low, low + _precision(found))


def _time_of_day(found: re.Match[str]) -> int:
    seconds = int(found["hour"]) * 3600 + int(found["minute"]) * 60 + int(found["second"] or 0)
    return seconds * SECOND + int((found["fraction"] or "0")[:6].ljust(6, "0"))


def _offset(zone: str | None) -> int:
    if zone in (None, "Z"):
        return 0
    minutes = int(zone[1:3]) * 60 + int(zone[4:6])
    return minutes * 60 * SECOND * (-1 if zone[0] == "-" else 1)


def _precision(found: re.Match[str]) -> int:
    if found["second"] is None:
        return 60 * SECOND
    if found["fraction"] is None:
        return SECOND
    return 1000 if len(found["fraction"]) <= 3 else 1


def target_range(element: Element) -> Interval | None:
    """None where there is no date in it."""
    if element.type == "Period":
        return _period(element.value)
    if element.type == "Timing":
        return _timing(element.value)
    return date_range(element.value)


def _period(value: dict[str, Any]) -> Interval:
    """A missing end is open."""
    low = date_range(value["start"]).low if "start" in value else -INFINITY
    high = date_range(value["end"]).high if "end" in value else INFINITY
    return Interval(low, high)


def _timing(value: dict[str, Any]) -> Interval | None:
    """From the earliest to the latest of its events and its bounds."""
    ranges = list(_moments(value))
    if not ranges:
        return None
    return Interval(min(one.low for one in ranges), max(one.high for one in ranges))


def _moments(timing: dict[str, Any]) -> Iterator[Interval]:
    yield from (date_range(event) for event in timing.get("event", ()))
    bounds = timing.get("repeat", {}).get("boundsPeriod")
    if bounds is not None:
        yield _period(bounds)


def date_test(value: str, now: Bound, *, widening: int = 10) -> Callable[[Element], bool]:
    """`widening` is `ap`'s tenth, in percent of the distance between now and the nearer end."""
    prefix, text = prefixed(unescape(value))
    sought = date_range(text)
    widened = _widened(sought, now, widening)

    def test(element: Element) -> bool:
        target = target_range(element)
        return target is not None and compare_ranges(prefix, sought, target, widened)

    return test


def _widened(sought: Interval, now: Bound, percent: int) -> Interval:
    distance = max(0, sought.low - now, now - sought.high)
    return Interval(sought.low - distance * percent / 100, sought.high + distance * percent / 100)
