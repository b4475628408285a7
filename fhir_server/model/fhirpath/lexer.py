"""FHIRPath text to tokens. https://hl7.org/fhirpath/N1/#lexical-elements."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fhir_server.model.fhirpath.syntax import FhirPathError

LENGTH_MAX = 8192
"""Longest expression read (characters); the longest official one has under 3,000."""

_TOKEN = re.compile(
    r"""
    (?P<space>   \s+ )
  | (?P<boolean> (?:true|false)\b )
  | (?P<name>    [A-Za-z_][A-Za-z0-9_]* | `(?:[^`\\]|\\.)*` )
  | (?P<number>  [0-9]{1,18}(?:\.[0-9]{1,18})?(?![0-9]) )
  | (?P<string>  '(?:[^'\\]|\\.)*' )
  | (?P<symbol>  != | [.()\[\],|=] | \$this )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_ESCAPED = {"f": "\f", "n": "\n", "r": "\r", "t": "\t", **{mark: mark for mark in "'\"`\\/"}}


@dataclass(frozen=True, slots=True)
class Token:
    """`kind`: name, quoted, boolean, number, string, symbol or end; `text` has no quotes or escapes left."""

    kind: str
    text: str
    position: int


def tokens(text: str) -> list[Token]:
    """All tokens of `text`, then one of kind `end`; raises `FhirPathError`."""
    if len(text) > LENGTH_MAX:
        raise FhirPathError("too-long", LENGTH_MAX, f"an expression has at most {LENGTH_MAX} characters")
    return [*_tokens(text), Token("end", "the end", len(text))]


def _tokens(text: str) -> Iterator[Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text, position)
        kind, written = str(match.lastgroup), match.group()
        if kind == "string" or written.startswith("`"):
            yield Token("string" if kind == "string" else "quoted", _unescaped(written, position), position)
        elif kind != "space":
            yield Token(kind, written, position)
        position = match.end()


def _unreadable(text: str, position: int) -> FhirPathError:
    character = text[position]
    if character in "'`":
        return FhirPathError("unterminated", position, f"the {character} is never closed")
    return FhirPathError("unexpected-character", position, f"{character!r} has no meaning here")


def _unescaped(written: str, position: int) -> str:
    """The text between the quotes. https://hl7.org/fhirpath/N1/#string."""

    def replaced(match: re.Match[str]) -> str:
        mark = match.group(1)
        if len(mark) > 1:
            return chr(int(mark[1:], 16))
        if mark not in _ESCAPED:
            raise FhirPathError("bad-escape", position + match.start() + 1, f"\\{mark} is not an escape")
        return _ESCAPED[mark]

    return _ESCAPE.sub(replaced, written[1:-1])
