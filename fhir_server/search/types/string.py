"""String parameters: texts without case, accents and the width of spaces. https://hl7.org/fhir/R4/search.html#string.

A text is compared by its first 400 characters, however long it and the text asked for are.
"""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from zlib import crc32

from fhir_server.search.asked import Asked
from fhir_server.search.comparison import malformed, refuse_modifier
from fhir_server.search.entries import Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.has_key import HasKey
from fhir_server.search.predicate import Predicate, Scope, in_side_table, rids_in_side_table
from fhir_server.search.text import unescape

TEXT_CHARACTERS_MAX = 400
"""Folded characters of a text that are indexed (characters): an index entry has to fit a page."""

SHORT_CHARACTERS: Final = 100
"""Texts up to this length are remembered with what is made of them (characters)."""

CACHED_TEXTS: Final = 16_384
"""Texts a process remembers: names, cities and displays come again and again (texts)."""

PRIMITIVES: Final = frozenset("string markdown code uri url canonical id oid uuid".split())

_PARTS: Final = {
    "HumanName": ("family", "given", "prefix", "suffix", "text"),
    "Address": ("line", "city", "district", "state", "country", "postalCode", "text"),
    "ContactPoint": ("value",),
}
_GRAM = 3


def fold(text: str) -> str:
    """The form in which texts are compared; folding twice changes nothing."""
    return _folded_short(text) if len(text) <= SHORT_CHARACTERS else _folded(text)


def _folded(text: str) -> str:
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(_without_marks(_without_marks(text).casefold()).split())


_folded_short = lru_cache(CACHED_TEXTS)(_folded)


def _without_marks(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if unicodedata.category(c) not in ("Mn", "Me"))


def index(typed: Typed, name: str, entries: Entries) -> None:
    for text in _texts(typed):
        add_folded(text, name, entries)
        entries.keys.add((exact(name), text))


def add_folded(text: str, name: str, entries: Entries) -> None:
    if folded := _comparable(text):
        entries.texts.add((name, folded))


def exact(name: str) -> str:
    """The name under which texts are keys as they were written: for `:exact`."""
    return f"{name}:exact"


def texts_of(typed: Typed) -> Iterator[str]:
    """What people read of a token: for its modifier `:text`. https://hl7.org/fhir/R4/search.html#token."""
    match typed:
        case ("CodeableConcept", dict() as concept):
            yield from _strings(concept.get("text"))
            yield from _displays(concept)
        case ("Coding", dict() as coding):
            yield from _strings(coding.get("display"))
        case ("Identifier", dict() as identifier) if isinstance(identifier.get("type"), dict):
            yield from texts_of(Typed("CodeableConcept", identifier["type"]))


def _displays(concept: dict[str, Any]) -> Iterator[str]:
    for coding in concept.get("coding") or ():
        if isinstance(coding, dict):
            yield from _strings(coding.get("display"))


def _texts(typed: Typed) -> Iterator[str]:
    if typed.type_name in PRIMITIVES:
        yield from _strings(typed.value)
    elif isinstance(typed.value, dict):
        for part in _PARTS.get(typed.type_name, ()):
            yield from _strings(typed.value.get(part))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def _comparable(text: str) -> str:
    return fold(text)[:TEXT_CHARACTERS_MAX]


def grams(text: str) -> frozenset[int]:
    """The trigrams of a folded text as 32-bit numbers: whoever contains the text has them all."""
    return _grams_of_short(text) if len(text) <= SHORT_CHARACTERS else _grams(text)


def _grams(text: str) -> frozenset[int]:
    return frozenset(_signed(crc32(text[start : start + _GRAM].encode())) for start in range(len(text) - _GRAM + 1))


_grams_of_short = lru_cache(CACHED_TEXTS)(_grams)


def grams_of(entries: Entries) -> frozenset[int]:
    """The trigrams of all texts of a resource, what its row holds."""
    return frozenset().union(*(grams(text) for _, text in entries.texts))


def _signed(number: int) -> int:
    return number - (1 << 32) if number >= 1 << 31 else number


def after_prefix(prefix: str) -> str | None:
    """The first text, by code points, past all that begin with `prefix`; None where there is none."""
    kept = prefix.rstrip("\U0010ffff")
    if not kept:
        return None
    following = ord(kept[-1]) + 1
    return kept[:-1] + chr(0xE000 if following == 0xD800 else following)  # noqa: PLR2004 - surrogates are no characters


@dataclass(frozen=True, slots=True)
class StartsWith:
    """A text begins with any of `texts`, which are folded."""

    name: str
    texts: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return any(name == self.name and text.startswith(self.texts) for name, text in entries.texts)

    def condition(self, scope: Scope) -> str:
        return in_side_table("search_string", self.name, self._ranges(scope), scope)

    def rids(self, scope: Scope) -> str | None:
        return rids_in_side_table("search_string", self.name, self._ranges(scope), scope)

    def _ranges(self, scope: Scope) -> str:
        return f"({' OR '.join(_range(text, scope) for text in self.texts)})"


def _range(prefix: str, scope: Scope) -> str:
    end = after_prefix(prefix)
    low = f"{{row}}.value >= {scope.value(prefix)}"
    return low if end is None else f"({low} AND {{row}}.value < {scope.value(end)})"


@dataclass(frozen=True, slots=True)
class Contains:
    """A text has any of `texts`, which are folded, anywhere in it; three characters are needed to use an index."""

    name: str
    texts: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return any(name == self.name and any(t in text for t in self.texts) for name, text in entries.texts)

    def condition(self, scope: Scope) -> str:
        return f"({' OR '.join(self._holds(text, scope) for text in self.texts)})"

    def rids(self, scope: Scope) -> str | None:
        return " UNION ALL ".join(self._found(text, scope) for text in self.texts)

    def _found(self, text: str, scope: Scope) -> str:
        if len(text) < _GRAM:
            return rids_in_side_table("search_string", self.name, _position(text, scope), scope)
        row = scope.inner(scope.type_name, scope.fresh("s"))
        return f"SELECT {row.alias}.rid FROM search {row.alias} WHERE {row.of_type()} AND {self._holds(text, row)}"

    def _holds(self, text: str, scope: Scope) -> str:
        held = in_side_table("search_string", self.name, _position(text, scope), scope)
        if len(text) < _GRAM:
            return held
        return f"({scope.alias}.grams @> {scope.value(sorted(grams(text)))}::integer[] AND {held})"


@dataclass(frozen=True, slots=True)
class EndsWith:
    """A text ends with any of `texts`, which are folded: the operator ew of `_filter`."""

    name: str
    texts: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return any(name == self.name and text.endswith(self.texts) for name, text in entries.texts)

    def condition(self, scope: Scope) -> str:
        ends = (f"right({{row}}.value, {len(text)}) = {scope.value(text)}" for text in self.texts)
        return in_side_table("search_string", self.name, f"({' OR '.join(ends)})", scope)

    def rids(self, scope: Scope) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Equals:
    """A text is one of `texts`, which are folded: the operator eq of `_filter`."""

    name: str
    texts: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return any((self.name, text) in entries.texts for text in self.texts)

    def condition(self, scope: Scope) -> str:
        return in_side_table("search_string", self.name, self._one_of(scope), scope)

    def rids(self, scope: Scope) -> str | None:
        return rids_in_side_table("search_string", self.name, self._one_of(scope), scope)

    def _one_of(self, scope: Scope) -> str:
        return f"{{row}}.value = ANY({scope.value(list(self.texts))}::text[])"


@dataclass(frozen=True, slots=True)
class Differs:
    """A text is none of `texts`, which are folded: the operator ne of `_filter`."""

    name: str
    texts: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return any(name == self.name and text not in self.texts for name, text in entries.texts)

    def condition(self, scope: Scope) -> str:
        unequal = f"{{row}}.value <> ALL({scope.value(list(self.texts))}::text[])"
        return in_side_table("search_string", self.name, unequal, scope)

    def rids(self, scope: Scope) -> str | None:
        return None


def _position(text: str, scope: Scope) -> str:
    return f"position({scope.value(text)}::text IN {{row}}.value) > 0"


Folded = Contains | Differs | EndsWith | Equals | StartsWith

BY_OPERATOR: Final[dict[str, type[Folded]]] = {
    "": StartsWith,
    "sw": StartsWith,
    "co": Contains,
    "ew": EndsWith,
    "eq": Equals,
    "ne": Differs,
}
"""What the operators of `_filter` come to; without one a text is asked for by its beginning."""


def predicate(asked: Asked) -> Predicate:
    """Raises `NotSupported` for modifiers other than `:exact` and `:contains`."""
    values = {unescape(value) for value in asked.values}
    if asked.modifier == "exact":
        return HasKey(exact(asked.name), tuple(sorted(values)))
    folded = tuple(sorted({_comparable(value) for value in values}))
    if "" in folded:
        raise malformed(asked, "", "a text with a letter or another character to compare by")
    if asked.modifier == "contains":
        return Contains(asked.name, folded)
    refuse_modifier(asked, "string")
    return BY_OPERATOR[asked.operator](asked.name, folded)
