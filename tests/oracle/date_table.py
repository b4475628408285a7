"""The table of date searches: who finds what, by R4's rules. https://hl7.org/fhir/R4/search.html#prefix

`python -m tests.oracle.date_table > tests/spec/search_dates.tsv` writes it anew. The ranges stand here as they were
worked out by hand: in UTC, low end included, high end not. Of fixed width, they compare as texts.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
START, END = "0000", "9999"
"""Before and after everything: the open ends of a Period."""

FAR_YEARS = 40
"""Ranges this far apart are not approximately the same for many years to come: `ap` widens by a tenth of the distance
from now."""


@dataclass(frozen=True)
class Ranged:
    """A search value, or an element and its JSON, and what it covers."""

    text: str
    low: str
    high: str
    element: str = ""


def day(text: str) -> str:
    return f"{text}T00:00:00.000"


def asked(text: str, low: str, high: str) -> Ranged:
    return Ranged(text, low, high)


def moment(text: str, low: str, high: str) -> Ranged:
    return Ranged(json.dumps(text), low, high, "effectiveDateTime")


def instant(text: str, low: str, high: str) -> Ranged:
    return Ranged(json.dumps(text), low, high, "effectiveInstant")


def period(low: str, high: str, **ends: str) -> Ranged:
    return Ranged(json.dumps(ends), low, high, "effectivePeriod")


def timing(low: str, high: str, *events: str, **bounds: str) -> Ranged:
    repeat = {"repeat": {"boundsPeriod": bounds}} if bounds else {}
    return Ranged(json.dumps({**({"event": list(events)} if events else {}), **repeat}), low, high, "effectiveTiming")


LEAP_DAY = (
    (
        asked("2024", day("2024-01-01"), day("2025-01-01")),
        asked("2024-02", day("2024-02-01"), day("2024-03-01")),
        asked("2024-02-29", day("2024-02-29"), day("2024-03-01")),
        asked("2024-02-29T23:30", "2024-02-29T23:30:00.000", "2024-02-29T23:31:00.000"),
        asked("2024-03-01T05:15+05:45", "2024-02-29T23:30:00.000", "2024-02-29T23:31:00.000"),
        asked("2024-02-29T18:30:00-05:00", "2024-02-29T23:30:00.000", "2024-02-29T23:30:01.000"),
        asked("2024-03-01T01:30:00.000+02:00", "2024-02-29T23:30:00.000", "2024-02-29T23:30:00.001"),
    ),
    (
        moment("2024", day("2024-01-01"), day("2025-01-01")),
        moment("2024-02", day("2024-02-01"), day("2024-03-01")),
        moment("2024-02-29", day("2024-02-29"), day("2024-03-01")),
        moment("2024-03-01T01:30:00+02:00", "2024-02-29T23:30:00.000", "2024-02-29T23:30:01.000"),
        period(day("2024-02-28"), day("2024-03-01"), start="2024-02-28", end="2024-02-29"),
        timing(day("2024-02-29"), day("2024-03-02"), "2024-03-01", "2024-02-29"),
        moment("1904-02-29", day("1904-02-29"), day("1904-03-01")),
    ),
)
NO_LEAP_DAY = (
    (
        asked("2023-02", day("2023-02-01"), day("2023-03-01")),
        asked("2023-02-28", day("2023-02-28"), day("2023-03-01")),
        asked("2023-02-28T19:00:00-05:00", "2023-03-01T00:00:00.000", "2023-03-01T00:00:01.000"),
        asked("1900-02", day("1900-02-01"), day("1900-03-01")),
    ),
    (
        moment("2023-02-28", day("2023-02-28"), day("2023-03-01")),
        moment("2023-03", day("2023-03-01"), day("2023-04-01")),
        moment("2023-02-28T23:59:59.999Z", "2023-02-28T23:59:59.999", "2023-03-01T00:00:00.000"),
        moment("1900-02-28", day("1900-02-28"), day("1900-03-01")),
        moment("1900-03-01", day("1900-03-01"), day("1900-03-02")),
    ),
)
NOVEMBER = (
    (
        asked("2026", day("2026-01-01"), day("2027-01-01")),
        asked("2026-10", day("2026-10-01"), day("2026-11-01")),
        asked("2026-11", day("2026-11-01"), day("2026-12-01")),
        asked("2026-11-01", day("2026-11-01"), day("2026-11-02")),
        asked("2026-11-30", day("2026-11-30"), day("2026-12-01")),
        asked("2026-12-01", day("2026-12-01"), day("2026-12-02")),
    ),
    (
        moment("2026", day("2026-01-01"), day("2027-01-01")),
        moment("2026-11", day("2026-11-01"), day("2026-12-01")),
        moment("2026-10-31", day("2026-10-31"), day("2026-11-01")),
        moment("2026-11-30T23:59:59Z", "2026-11-30T23:59:59.000", "2026-12-01T00:00:00.000"),
        moment("2026-12-01T00:30:00+02:00", "2026-11-30T22:30:00.000", "2026-11-30T22:30:01.000"),
        moment("2026-11-30T20:00:00-05:00", "2026-12-01T01:00:00.000", "2026-12-01T01:00:01.000"),
        period(day("2026-11-01"), day("2026-12-01"), start="2026-11", end="2026-11"),
        period(day("2026-11-15"), END, start="2026-11-15"),
        period(START, day("2026-11-16"), end="2026-11-15"),
    ),
)
CLOCKS_CHANGE = (
    (
        asked("2024-03-10", day("2024-03-10"), day("2024-03-11")),
        asked("2024-03-10T02:30:00-05:00", "2024-03-10T07:30:00.000", "2024-03-10T07:30:01.000"),
        asked("2024-03-31T02:30", "2024-03-31T02:30:00.000", "2024-03-31T02:31:00.000"),
        asked("2024-10-27T02:30:00+02:00", "2024-10-27T00:30:00.000", "2024-10-27T00:30:01.000"),
        asked("2024-10-27T02:30:00+01:00", "2024-10-27T01:30:00.000", "2024-10-27T01:30:01.000"),
        asked("2024-11-03T01:30-05:00", "2024-11-03T06:30:00.000", "2024-11-03T06:31:00.000"),
        asked("2024-11-03", day("2024-11-03"), day("2024-11-04")),
    ),
    (
        moment("2024-03-10", day("2024-03-10"), day("2024-03-11")),
        moment("2024-03-10T03:30:00-04:00", "2024-03-10T07:30:00.000", "2024-03-10T07:30:01.000"),
        moment("2024-03-31T02:30:30Z", "2024-03-31T02:30:30.000", "2024-03-31T02:30:31.000"),
        moment("2024-10-27T02:30:00+02:00", "2024-10-27T00:30:00.000", "2024-10-27T00:30:01.000"),
        instant("2024-10-27T01:30:00Z", "2024-10-27T01:30:00.000", "2024-10-27T01:30:01.000"),
        moment("2024-11-03T01:30:00-04:00", "2024-11-03T05:30:00.000", "2024-11-03T05:30:01.000"),
        moment("2024-11-03T23:30:00-05:00", "2024-11-04T04:30:00.000", "2024-11-04T04:30:01.000"),
    ),
)
NEW_YEAR = (
    (
        asked("2019", day("2019-01-01"), day("2020-01-01")),
        asked("2020-01", day("2020-01-01"), day("2020-02-01")),
        asked("2019-12-31T23:59", "2019-12-31T23:59:00.000", "2020-01-01T00:00:00.000"),
        asked("2019-12-31T23:59:59Z", "2019-12-31T23:59:59.000", "2020-01-01T00:00:00.000"),
        asked("2019-12-31T23:59:59.999Z", "2019-12-31T23:59:59.999", "2020-01-01T00:00:00.000"),
        asked("2020-01-01T00:00:00.5Z", "2020-01-01T00:00:00.500", "2020-01-01T00:00:00.501"),
        asked("2020-01-01T05:45:00+05:45", "2020-01-01T00:00:00.000", "2020-01-01T00:00:01.000"),
    ),
    (
        moment("2019", day("2019-01-01"), day("2020-01-01")),
        moment("2020-01-01", day("2020-01-01"), day("2020-01-02")),
        moment("2019-12-31T23:59:59.999Z", "2019-12-31T23:59:59.999", "2020-01-01T00:00:00.000"),
        instant("2020-01-01T00:00:00.500Z", "2020-01-01T00:00:00.500", "2020-01-01T00:00:00.501"),
        moment("2019-12-31T19:00:00-05:00", "2020-01-01T00:00:00.000", "2020-01-01T00:00:01.000"),
        period(
            "2019-12-31T23:59:59.000",
            "2020-01-01T00:00:01.000",
            start="2019-12-31T23:59:59Z",
            end="2020-01-01T00:00:00Z",
        ),
        period("2019-07-01T00:00:00.000", day("2020-02-01"), start="2019-07", end="2020-01"),
        period(day("2020-01-01"), END, start="2020"),
        period(START, day("2020-01-01"), end="2019-12-31"),
        timing(day("2019-12-30"), END, "2019-12-31", start="2019-12-30"),
        timing(START, day("2020-01-01"), end="2019"),
        timing("2020-01-01T00:00:00.500", "2020-01-01T00:00:00.501", "2020-01-01T00:00:00.5Z"),
    ),
)
THEMES = {
    "leap day": LEAP_DAY,
    "no leap day": NO_LEAP_DAY,
    "2026-11": NOVEMBER,
    "clocks change": CLOCKS_CHANGE,
    "new year": NEW_YEAR,
}


def holds(prefix: str, sought: Ranged, target: Ranged) -> bool | None:
    """None where it depends on what day it is."""
    contained = sought.low <= target.low and target.high <= sought.high
    rules: dict[str, Callable[[], bool | None]] = {
        "eq": lambda: contained,
        "ne": lambda: not contained,
        "gt": lambda: target.high > sought.high,
        "lt": lambda: target.low < sought.low,
        "ge": lambda: target.high > sought.high or contained,
        "le": lambda: target.low < sought.low or contained,
        "sa": lambda: target.low >= sought.high,
        "eb": lambda: target.high <= sought.low,
        "ap": lambda: _approximately(sought, target),
    }
    return rules[prefix]()


def _approximately(sought: Ranged, target: Ranged) -> bool | None:
    if target.low < sought.high and sought.low < target.high:
        return True
    gap = max(_year(target.low) - _year(sought.high), _year(sought.low) - _year(target.high))
    return False if gap > FAR_YEARS else None


def _year(text: str) -> int:
    return int(text[:4])


def rows() -> Iterator[str]:
    """Theme, element, its JSON, query and whether it finds it, separated by tabs."""
    for theme, (searches, targets) in THEMES.items():
        for target, sought, prefix in product(targets, searches, PREFIXES):
            found = holds(prefix, sought, target)
            if found is not None:
                query = sought.text if prefix == "eq" else prefix + sought.text
                yield "\t".join((theme, target.element, target.text, query, "yes" if found else "no"))


if __name__ == "__main__":
    sys.stdout.write("theme\telement\tjson\tquery\tfound\n" + "".join(f"{row}\n" for row in rows()))
