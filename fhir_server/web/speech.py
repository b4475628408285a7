"""Which language a page speaks, and how it says a text, a date or a list in it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.web.texts import LANGUAGES, MONTHS, TEXTS, Language

_RANGE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*\Z")
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?\Z")

RANGES_MAX: Final = 20
"""Languages of an Accept-Language that are read (ranges)."""

Y_BECOMES_E: Final = re.compile(r"h?i(?![aeou])", re.IGNORECASE)
"""Before these sounds Spanish says `e` for `and`."""


def language_of(asked: str, remembered: str, accept_language: str) -> Language:
    """What was asked for, else what was asked for before, else what the browser prefers, else English.

    https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4
    """
    for wish in (asked, remembered, *_preferred(accept_language)):
        for language in LANGUAGES:
            if wish == language:
                return language
    return LANGUAGES[0]


def _preferred(accept_language: str) -> list[str]:
    found = [_RANGE.match(part) for part in accept_language.split(",")[:RANGES_MAX]]
    weighted = [(float(match[2] or 1), match[1].lower()) for match in found if match]
    ordered = sorted((pair for pair in weighted if pair[0] > 0), key=lambda pair: -pair[0])
    return [LANGUAGES[0] if name == "*" else name for _, name in ordered]


@dataclass(frozen=True, slots=True)
class Speech:
    """Says things in one language."""

    language: Language

    @property
    def texts(self) -> Mapping[str, str]:
        return TEXTS[self.language]

    def say(self, key: str, **values: object) -> str:
        """The text of a key; raises `KeyError` where the table or the values lack something."""
        return self.texts[key].format_map(values)

    def date(self, value: str) -> str:
        """A FHIR date, also of a year or of a month: `14 March 1958`; anything else as it is."""
        found = _DATE.match(value)
        if found is None:
            return value
        year, month, day = found.groups()
        names = MONTHS[self.language]
        if month is None or not 1 <= int(month) <= len(names):
            return str(year)
        of = " de " if self.language == "es" else " "
        named = f"{names[int(month) - 1]}{of}{year}"
        return f"{int(day)}{of}{named}" if day else named

    def listed(self, words: Sequence[str]) -> str:
        """`see, add and change`."""
        if len(words) < 2:  # noqa: PLR2004 - a list of one is no list
            return "".join(words)
        joined = "e" if self.language == "es" and Y_BECOMES_E.match(words[-1]) else self.say("and")
        return f"{', '.join(words[:-1])} {joined} {words[-1]}"
