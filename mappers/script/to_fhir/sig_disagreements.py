"""Where a structured Sig does not say what its text says. The text is never corrected, and neither is the rest.

Only what a text says without doubt is compared: one instruction, one dose, one frequency, one duration in it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from mappers.mapped import Resource
from terminology.ncpdp.tables import PERIOD_WORDS

COMPARED_MAX: Final = 4000
"""How much of a text is compared (characters, white space counted as one); SCRIPT lets a SigText have 1000."""
_NUMBERS: Final = {
    "one": 1,
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "once": 1,
    "twice": 2,
}
_NUMBER: Final = r"(\d+(?:\.\d+)?|one|two|three|four|five|six|seven|eight|nine|ten)"
# White space is one blank before anything is looked for: what may repeat beside what may repeat takes the square
_UNTIL: Final = r"(?! ?(?:to|or|-|/|\.) ?(?:\d|one|two|three|four|five|six))"
_UNIT: Final = "(minute|hour|day|week|month|year)s?"
_DOSE: Final = re.compile(
    rf"\b(?:take|inhale|apply|inject|use|insert|place|instill|chew|give) {_NUMBER}\b{_UNTIL}", re.IGNORECASE
)
_TIMES: Final = re.compile(
    rf"\b(?:(once|twice)|{_NUMBER} times) (?:(?:a|per|each|every) ?)?(daily|day|weekly|week)\b", re.IGNORECASE
)
_EVERY: Final = re.compile(rf"\bevery {_NUMBER}{_UNTIL} {_UNIT}\b", re.IGNORECASE)
_FOR: Final = re.compile(rf"\bfor {_NUMBER}{_UNTIL} {_UNIT}\b", re.IGNORECASE)
_MULTIPLE: Final = re.compile(r"\b(?:then|and then|increase|decrease|taper|alternat\w+)\b", re.IGNORECASE)
_HOURS: Final = {"min": 1 / 60, "h": 1, "d": 24, "wk": 168}
_UCUM: Final = {word: ucum for ucum, word in PERIOD_WORDS.items()}


class Said(NamedTuple):
    """What a pattern finds in a text, and how the same is said by a Dosage; None where one says nothing."""

    what: str
    pattern: re.Pattern[str]
    of_text: Callable[[re.Match[str]], Any]
    of_dosage: Callable[[Resource], Any]


def disagreements(dosage: Resource) -> Iterator[str]:
    """`dose`, `frequency`, `interval` or `duration`: what the text and the structure of a Dosage say differently."""
    text = _compared(str(dosage.get("text", "")))
    for said in _SAYINGS if not _MULTIPLE.search(text) else ():
        found = list(said.pattern.finditer(text))
        structured = said.of_dosage(dosage)
        if len(found) == 1 and structured is not None and said.of_text(found[0]) != structured:
            yield said.what


def _compared(text: str) -> str:
    """The text with single blanks; of a long one its first words, none of them cut."""
    single = " ".join(text.split())
    return single if len(single) <= COMPARED_MAX else single[:COMPARED_MAX].rpartition(" ")[0]


def _value(text: str) -> float:
    return _NUMBERS.get(text.lower()) or float(text)


def _dose(dosage: Resource) -> Any:
    amounts = [one["doseQuantity"]["value"] for one in dosage.get("doseAndRate", ())]
    return float(amounts[0]) if amounts else None


def _repeat(dosage: Resource) -> Resource:
    return dict(dosage.get("timing", {}).get("repeat", {}))


def _rate(dosage: Resource) -> Any:
    """How often in one unit of time."""
    repeat = _repeat(dosage)
    if "frequency" not in repeat or repeat.get("period") != 1:
        return None
    return float(repeat["frequency"]), repeat["periodUnit"]


def _time(value: Any, period: str) -> tuple[float, str]:
    """In hours, where the unit has always as many."""
    hours = _HOURS.get(period)
    return (float(value) * hours, "h") if hours else (float(value), period)


def _interval(dosage: Resource) -> Any:
    """Every so many units of time; three times a day is every eight hours only to some, so it is not compared."""
    repeat = _repeat(dosage)
    return _time(repeat["period"], repeat["periodUnit"]) if repeat.get("frequency") == 1 else None


def _duration(dosage: Resource) -> Any:
    bounds = _repeat(dosage).get("boundsDuration")
    return _time(bounds["value"], bounds["code"]) if bounds else None


def _times(found: re.Match[str]) -> Any:
    return _value(found[1] or found[2]), "wk" if found[3].lower().startswith("week") else "d"


def _span(found: re.Match[str]) -> Any:
    return _time(_value(found[1]), _UCUM[found[2].lower()])


_SAYINGS: Final = (
    Said("dose", _DOSE, lambda found: _value(found[1]), _dose),
    Said("frequency", _TIMES, _times, _rate),
    Said("interval", _EVERY, _span, _interval),
    Said("duration", _FOR, _span, _duration),
)
