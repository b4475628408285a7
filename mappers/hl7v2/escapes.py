r"""Delimiters and escape sequences: chapter 2 of HL7 v2, "Message delimiters" and "Use of escape sequences in text".

`\F\ \S\ \T\ \R\ \E\ \P\` are the delimiters, `\Xdd..\` bytes in the message's character set, `\.br\` a line break;
`\H\` and `\N\` begin and end highlighting, which no FHIR string has. What is none of these stays as it is written.
https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Final

ABSENT: Final = "\0"
"""Stands for a delimiter that MSH-2 leaves out: no message has this character."""
UNPRINTABLE: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def can_divide(marks: str) -> bool:
    """Whether they may be delimiters: printable, none of them twice, and neither letters nor digits."""
    is_each_sound = all(one.isascii() and one.isprintable() and not one.isalnum() and one != " " for one in marks)
    return is_each_sound and len(set(marks)) == len(marks)


@dataclass(frozen=True)
class Delimiters:
    """MSH-1 and MSH-2; `codec` is what the bytes of `X` are characters in."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    subcomponent: str = "&"
    truncation: str = ABSENT
    codec: str = "utf-8"

    def unescape(self, text: str) -> str:
        return self._sequence.sub(self._meaning, text) if self.escape in text else text

    def escaped(self, text: str) -> str:
        r"""As it is written into a field: what reads it back gets the same text, `\r` included.

        Left out is what no message holds: control characters, and without an escape character the delimiters.
        """
        return "".join(self._written.get(one, one) for one in UNPRINTABLE.sub("", text))

    def _meaning(self, found: re.Match[str]) -> str:
        name = found[1]
        meaning = self._letters.get(name)
        return self._bytes(name[1:]) or found[0] if meaning is None else meaning

    def _bytes(self, digits: str) -> str:
        """Nothing where they are no characters, or such that no FHIR string holds."""
        try:
            text = bytes.fromhex(digits).decode(self.codec)
        except ValueError:
            return ""
        return "" if UNPRINTABLE.search(text) else text

    @cached_property
    def _letters(self) -> dict[str, str]:
        letters = {
            "F": self.field,
            "S": self.component,
            "T": self.subcomponent,
            "R": self.repetition,
            "E": self.escape,
            "P": self.truncation,
            ".br": "\n",
            "H": "",
            "N": "",
        }
        return {name: text for name, text in letters.items() if text != ABSENT}

    @cached_property
    def _sequence(self) -> re.Pattern[str]:
        mark = re.escape(self.escape)
        names = "|".join(map(re.escape, self._letters))
        return re.compile(f"{mark}({names}|X[0-9A-Fa-f]+){mark}")

    @cached_property
    def _written(self) -> dict[str, str]:
        names = {text: name for name, text in self._letters.items() if text} | {"\r": "X0D"}
        if self.escape == ABSENT:
            return {text: " " if text in "\r\n" else "" for text in names}
        return {text: f"{self.escape}{name}{self.escape}" for text, name in names.items()}
