"""TQ1, and TQ as ORC-7 and RXE-1 have it before 2.5, to Timing. https://hl7.org/fhir/R4/datatypes.html#Timing.

Three places where the published maps cannot be followed: TQ1-4 has clock times, which are `repeat.timeOfDay` and no
`event`; TQ1-14 alone is `repeat.count`, since `countMax` is the end of a range; `offset` needs a `when`.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any, Final

from mappers.hl7v2 import times
from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.pharmacy_tables import PRIORITY, V2
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.elements import filled
from mappers.hl7v2.units import TIME_UNITS, UCUM, ucum

GTS: Final = "http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation"
GTS_CODES: Final = frozenset("BID TID QID QD QOD Q1H Q2H Q3H Q4H Q6H Q8H".split())

PATTERNS: Final[dict[str, dict[str, Any]]] = {
    "QD": {"frequency": 1, "period": 1, "periodUnit": "d"},
    "BID": {"frequency": 2, "period": 1, "periodUnit": "d"},
    "TID": {"frequency": 3, "period": 1, "periodUnit": "d"},
    "QID": {"frequency": 4, "period": 1, "periodUnit": "d"},
    "QOD": {"frequency": 1, "period": 2, "periodUnit": "d"},
    "QSHIFT": {"frequency": 3, "period": 1, "periodUnit": "d"},
    "QAM": {"when": ["MORN"]},
    "QPM": {"when": ["EVE"]},
    "QHS": {"when": ["HS"]},
    "ONCE": {"count": 1},
    "C": {},
    **{code: {"when": [code]} for code in "AC ACM ACD ACV PC PCM PCD PCV".split()},
}
"""Table 0335, but for what has a number in it."""

EVERY: Final = re.compile(r"Q([1-9]\d{0,3})([SMHDW])")
EVERY_UNITS: Final = {"S": "s", "M": "min", "H": "h", "D": "d", "W": "wk"}
TIMES_A_DAY: Final = re.compile(r"([5-9]|[1-9]\d)ID")
WEEKDAYS: Final = re.compile(r"Q([1-9]\d?)?J([1-7]+)")
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DURATION: Final = re.compile(r"([SMHDWLX])(\d+)")
DURATION_UNITS: Final = {**EVERY_UNITS, "L": "mo"}
"""Of TQ.3."""
LENGTHS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400, "wk": 604800}
"""In seconds, of those that have one length."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """One TQ1: its Timing, and what else of a dosage and an order it says."""

    place: str
    timing: dict[str, Any] = field(default_factory=dict)
    quantity: Value | None = None
    as_needed: bool = False
    condition: str = ""
    text: str = ""
    priority: str = ""
    then: bool = False
    """Whether the next one follows this one (TQ1-12 is S), else both are at once."""


def schedules(segments: list[Segment], draft: Draft) -> list[Schedule]:
    """Of the TQ1 of an order; TQ2, which orders orders, has no place in FHIR."""
    for segment in segments:
        if segment.name == "TQ2":
            draft.note("information", segment.place(), "how this order follows others has no place in FHIR")
    return [_of_tq1(segment, draft) for segment in segments if segment.name == "TQ1"]


def schedules_of_fields(fields: list[tuple[Segment, int]], draft: Draft) -> list[Schedule]:
    """Of fields of type TQ: a component that the first field leaves out is the one of the next."""
    several = zip_longest(*(segment.repetitions(number) for segment, number in fields))
    place = next((segment.place(number) for segment, number in fields if segment.value(number)), "")
    found = [_of_tq([value for value in values if value is not None], place, draft) for values in several]
    return [one for one in found if one != Schedule(place)]


def service_duration(segment: Segment | None, orc: Segment, draft: Draft) -> dict[str, Any]:
    """TQ1-6, else the third component of ORC-7, as a quantity of time; {} where neither is one."""
    if segment is not None and segment.value(6):
        return _duration(segment.value(6), segment.place(6), draft) or {}
    return _duration_of_tq(orc.value(7).text(3), orc.place(7), {}, draft) or {}


def _of_tq1(segment: Segment, draft: Draft) -> Schedule:
    patterns = [_pattern(value, segment.place(3), draft) for value in segment.repetitions(3)]
    code, repeat, needed = _merged(patterns, segment.place(3), draft)
    clock = [text for value in segment.repetitions(4) if (text := _clock(value.text(), segment.place(4), draft))]
    _set_clock(repeat, clock, segment.place(4), draft)
    _set_interval(repeat, segment, draft)
    _set_bounds(repeat, segment, draft)
    _set_duration(repeat, segment.value(13), segment.place(13), draft)
    count = draft.positive_int(segment, 14)
    priority = _priority(segment, draft)
    return Schedule(
        segment.place(),
        _timing(code, repeat | ({"count": count} if count else {})),
        segment.value(2) or None,
        needed or any(value.text() == "PRN" for value in segment.repetitions(9)),
        segment.value(10).whole(),
        segment.value(11).whole(),
        priority,
        segment.text(12) == "S",
    )


def _of_tq(values: list[Value], place: str, draft: Draft) -> Schedule:
    def part(number: int) -> Value:
        return next((value.inner(number) for value in values if value.inner(number)), values[0].inner(number))

    interval = part(2)
    code, repeat, needed = _merged([_pattern_of(interval.text(1), "", place, draft)], place, draft)
    explicit = [one for one in interval.text(2).split(",") if one]
    _set_clock(repeat, [text for one in explicit if (text := _clock(one, place, draft))], place, draft)
    start, end = (draft.time_of(part(number).text(), place) for number in (4, 5))
    _bound(repeat, start, end, _duration_of_tq(part(3).text(), place, repeat, draft))
    if part(6) and part(6).text() not in PRIORITY:
        draft.note("information", place, "a priority that request-priority has no code for")
    count = part(12).text()
    if count.isdecimal() and int(count):
        repeat["count"] = int(count)
    return Schedule(
        place,
        _timing(code, repeat),
        part(1) or None,
        needed,
        part(7).text(),
        part(8).text(),
        PRIORITY.get(part(6).text(), ""),
        part(9).text() == "S",
    )


def _timing(code: dict[str, Any], repeat: dict[str, Any]) -> dict[str, Any]:
    return filled(repeat=repeat, code=code)


Pattern = tuple[dict[str, Any], dict[str, Any], bool]
"""Timing.code, Timing.repeat, and whether it is as needed."""


def _merged(patterns: list[Pattern], place: str, draft: Draft) -> Pattern:
    """Several patterns are one as long as they are all about when, or about which days."""
    code: dict[str, Any] = {}
    repeat: dict[str, Any] = {}
    for other_code, other, _ in patterns:
        lists = {name for name in other if isinstance(other[name], list)}
        if any(name in repeat and name not in lists for name in other):
            draft.note("warning", place, "a second repeat pattern that one Timing cannot hold")
            continue
        repeat |= {name: repeat.get(name, []) + other[name] if name in lists else other[name] for name in other}
        code = _codes(code, other_code)
    return code, repeat, any(needed for _, _, needed in patterns)


def _codes(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two patterns that are one Timing are named by a text: codings of one concept mean the same."""
    if not one or not other:
        return one or other
    return {"text": ", ".join(concept.get("text") or concept["coding"][0]["code"] for concept in (one, other))}


def _pattern(value: Value, place: str, draft: Draft) -> Pattern:
    """Of an RPT: a code, or a period (RPT.5 and 6), or an event (RPT.8) with an offset (RPT.9 and 10)."""
    name = value.inner(1)
    code, repeat, needed = _pattern_of(name.text(1), name.text(2), place, draft)
    unit = ucum(value.text(6)) if value.text(5) else None
    if unit in TIME_UNITS and draft.is_number(value.text(5)):
        repeat = repeat | {"frequency": 1, "period": draft.number_of(value.text(5), place), "periodUnit": unit}
    return code, repeat | _event(value, place, draft), needed


def _event(value: Value, place: str, draft: Draft) -> dict[str, Any]:
    when = value.text(8)
    if not when:
        return {}
    if PATTERNS.get(when, {}).get("when") != [when] and when not in ("HS", "WAKE"):
        draft.note("warning", place, "an event of table 0528 that R4 has no code for")
        return {}
    unit = ucum(value.text(10))
    if not value.text(9) or unit not in LENGTHS or not draft.is_number(value.text(9)):
        return {"when": [when]}
    minutes = draft.number_of(value.text(9), place) * LENGTHS[unit] / 60
    return {"when": [when]} | ({"offset": round(minutes)} if minutes >= 1 else {})


def _pattern_of(code: str, display: str, place: str, draft: Draft) -> Pattern:
    name = code.upper()
    needed = name.startswith("PRN")
    name = name.removeprefix("PRN")
    repeat = _repeat(name)
    if not code:
        return ({"text": display} if display else {}), {}, False
    if repeat is None and not needed:
        draft.note("warning", place, "no repeat pattern of table 0335: kept as text")
    if repeat is None and name:
        return {"text": code}, {}, needed
    return ({"coding": [_coding(name)]} if name else {}), dict(repeat or {}), needed


def _coding(name: str) -> dict[str, str]:
    return {"system": GTS if name in GTS_CODES else f"{V2}0335", "code": "Once" if name == "ONCE" else name}


def _repeat(name: str) -> dict[str, Any] | None:
    if name in PATTERNS:
        return PATTERNS[name]
    if found := EVERY.fullmatch(name):
        return {"frequency": 1, "period": int(found[1]), "periodUnit": EVERY_UNITS[found[2]]}
    if found := TIMES_A_DAY.fullmatch(name):
        return {"frequency": int(found[1]), "period": 1, "periodUnit": "d"}
    if found := WEEKDAYS.fullmatch(name):
        days = {"dayOfWeek": [DAYS[int(one) - 1] for one in found[2]]}
        return days | ({"period": int(found[1]), "periodUnit": "wk"} if found[1] else {})
    return None


def _clock(text: str, place: str, draft: Draft) -> str | None:
    clock = times.time(text)
    if clock is None and text:
        draft.note("warning", place, "no time of day (HHMM)")
    return clock


def _set_clock(repeat: dict[str, Any], clock: list[str], place: str, draft: Draft) -> None:
    if clock and "when" in repeat:
        draft.note("warning", place, "a time of day beside an event of the day: FHIR has the one or the other")
    elif clock:
        repeat["timeOfDay"] = clock


def _set_interval(repeat: dict[str, Any], segment: Segment, draft: Draft) -> None:
    """TQ1-5 is the interval where nothing else says how often; otherwise it is a distance from what is not named."""
    value = segment.value(5)
    if not value:
        return
    unit = ucum(value.inner(2).text())
    if repeat or unit not in TIME_UNITS or not draft.is_number(value.text()) or float(value.text()) <= 0:
        draft.note("warning", segment.place(5), "a relative time beside another pattern: relative to what is not said")
        return
    repeat |= {"frequency": 1, "period": draft.number_of(value.text(), segment.place(5)), "periodUnit": unit}


def _set_bounds(repeat: dict[str, Any], segment: Segment, draft: Draft) -> None:
    """TQ1-7 and 8, else TQ1-6."""
    duration = _duration(segment.value(6), segment.place(6), draft)
    _bound(repeat, draft.time(segment, 7), draft.time(segment, 8), duration)


def _bound(repeat: dict[str, Any], start: str | None, end: str | None, duration: dict[str, Any] | None) -> None:
    """A start with a duration is a period whose end is reckoned, as far as the duration has one length."""
    if start and not end and duration:
        end = _end(start, duration)
    if start or end:
        repeat["boundsPeriod"] = filled(start=start, end=end)
    elif duration:
        repeat["boundsDuration"] = duration


def _end(start: str, duration: dict[str, Any]) -> str | None:
    length = LENGTHS.get(duration["code"])
    if length is None or ("T" not in start and length < LENGTHS["d"]):
        return None
    day_only = "T" not in start
    try:
        end = datetime.fromisoformat(start) + timedelta(seconds=float(duration["value"]) * length)
    except (ValueError, OverflowError):
        return None
    return end.date().isoformat() if day_only else end.isoformat(timespec="seconds")


def _duration(value: Value, place: str, draft: Draft) -> dict[str, Any] | None:
    """A CQ of time as a Duration, whose unit R4 wants of UCUM."""
    if not value:
        return None
    units = value.inner(2)
    unit = ucum(units.text(1)) or ucum(units.text(2))
    if unit not in TIME_UNITS or not draft.is_number(value.text()):
        draft.note("warning", place, "no quantity of time")
        return None
    number = draft.number_of(value.text(), place)
    return {"value": number, "unit": units.text(2) or units.text(1), "system": UCUM, "code": unit}


def _set_duration(repeat: dict[str, Any], value: Value, place: str, draft: Draft) -> None:
    duration = _duration(value, place, draft)
    if duration:
        repeat |= {"duration": duration["value"], "durationUnit": duration["code"]}


def _duration_of_tq(text: str, place: str, repeat: dict[str, Any], draft: Draft) -> dict[str, Any] | None:
    """`D10`: ten days; `X3`: three times."""
    found = DURATION.fullmatch(text.upper())
    if not text or text.upper() == "INDEF":
        return None
    if found is None or not int(found[2]):
        draft.note("warning", place, "a duration that Timing cannot hold")
        return None
    if found[1] == "X":
        repeat["count"] = int(found[2])
        return None
    unit = DURATION_UNITS[found[1]]
    return {"value": int(found[2]), "unit": unit, "system": UCUM, "code": unit}


def _priority(segment: Segment, draft: Draft) -> str:
    codes = [value.text() for value in segment.repetitions(9)]
    if any(code and code not in PRIORITY and code != "PRN" for code in codes):
        draft.note("information", segment.place(9), "a priority that request-priority has no code for")
    return next((PRIORITY[code] for code in codes if code in PRIORITY), "")


def numbered(found: list[Schedule]) -> list[tuple[int, Schedule]]:
    """With Dosage.sequence: those at once share a number."""
    numbers, number = [], 1
    for one in found:
        numbers.append((number, one))
        number += one.then
    return numbers
