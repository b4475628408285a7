"""Timing as TQ1; the other way round as to_fhir/timing.py."""

from typing import Any, Final

from mappers.hl7v2.from_fhir.quantity import composite, number
from mappers.hl7v2.from_fhir.sending import Row, Sending, moment, row
from mappers.hl7v2.message import Field, Repetition
from mappers.hl7v2.pharmacy_tables import PRIORITY, V2
from mappers.hl7v2.to_fhir.timing import DAYS, EVERY_UNITS, GTS, PATTERNS
from mappers.mapped import Resource

PRIORITIES: Final = {priority: code for code, priority in PRIORITY.items()} | {"urgent": "A"}
EVERY: Final = {unit: letter for letter, unit in EVERY_UNITS.items()}
CARRIED: Final = frozenset(
    """boundsPeriod boundsDuration timeOfDay count duration durationUnit frequency period periodUnit when dayOfWeek
    offset""".split()
)
"""Members of Timing.repeat that TQ1 has a place for."""


def tq1(dosage: Resource, place: int, priority: str, sending: Sending, *, then: bool = False) -> Row:
    """`place` is its number; `then` whether the next one follows it."""
    timing = dosage.get("timing", {})
    repeat = timing.get("repeat", {})
    lost = sorted(set(repeat) - CARRIED) + (["event"] if "event" in timing else [])
    if lost:
        sending.note("TQ1", f"Timing.{', '.join(lost)} has no place in it")
    period, needed = repeat.get("boundsPeriod", {}), dosage.get("asNeededCodeableConcept", {})
    clock: list[Repetition] = [text.replace(":", "") for text in repeat.get("timeOfDay", ())]
    fields: dict[int, Field] = {
        1: str(place),
        3: _pattern(dosage, timing, repeat),
        4: clock,
        6: composite(repeat["boundsDuration"], sending.making) if "boundsDuration" in repeat else "",
        7: moment(period.get("start")),
        8: moment(period.get("end")),
        9: (PRIORITIES.get(priority, ""), "", "HL70485") if priority in PRIORITIES else "",
        10: needed.get("text", "") or _condition(dosage),
        12: "S" if then else "",
        13: _duration(repeat),
        14: number(repeat.get("count")),
    }
    return row("TQ1", fields)


def _condition(dosage: Resource) -> str:
    """An instruction in words."""
    words = (one.get("text", "") for one in dosage.get("additionalInstruction", ()) if not one.get("coding"))
    return str(next(words, ""))


def _duration(repeat: Resource) -> Field:
    if "duration" not in repeat:
        return ""
    return (number(repeat["duration"]), (str(repeat.get("durationUnit", "")), "", "UCUM"))


def _pattern(dosage: Resource, timing: Resource, repeat: Resource) -> Field:
    """RPT: its code, else its period; an event with an offset is one of RPT.8 to 10."""
    needed = "PRN" if dosage.get("asNeededBoolean") or "asNeededCodeableConcept" in dosage else ""
    code = timing.get("code", {})
    named = next((one["code"] for one in code.get("coding", ()) if one.get("system") in (GTS, f"{V2}0335")), "")
    pattern = named or pattern_of(repeat)
    if pattern and "offset" not in repeat:
        return ((f"{needed}{pattern}",),)
    name = f"{needed}{named}" or code.get("text", "")
    parts: list[Any] = [name, "", "", "", number(repeat.get("period")), repeat.get("periodUnit", ""), ""]
    parts += [next(iter(repeat.get("when", ())), ""), number(repeat.get("offset")), "min" if "offset" in repeat else ""]
    return tuple(parts) if any(parts) else ""


def pattern_of(repeat: Resource) -> str:
    """The code of table 0335 for how often; "" where there is none."""
    said = {name: repeat[name] for name in ("frequency", "period", "periodUnit", "when", "dayOfWeek") if name in repeat}
    for code, known in PATTERNS.items():
        if known and known == said:
            return code
    if days := said.pop("dayOfWeek", None):
        weeks = said.get("period", "") if said.get("periodUnit") == "wk" else ""
        return f"Q{weeks}J{''.join(str(DAYS.index(day) + 1) for day in days)}"
    if said.get("frequency") == 1 and said.get("periodUnit") in EVERY and isinstance(said.get("period"), int):
        return f"Q{said['period']}{EVERY[said['periodUnit']]}"
    often = said.get("frequency", 0)
    return f"{often}ID" if often > 4 and said.get("period") == 1 and said.get("periodUnit") == "d" else ""  # noqa: PLR2004
