"""`_text` and `_content`: words of the narrative, and of all texts. https://hl7.org/fhir/R4/search.html#text.

Every word of the query has to be there, as a whole word, folded; order and distance do not count.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from typing import Any, Final

from fhir_server.errors import Invalid, Issue
from fhir_server.search.asked import Asked
from fhir_server.search.boolean import And, Or
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Predicate, Scope, rids_in_search
from fhir_server.search.text import unescape as unescaped
from fhir_server.search.types.string import CACHED_TEXTS, SHORT_CHARACTERS, fold
from fhir_server.search.types.token import unsupported

TEXT: Final = "_text"
CONTENT: Final = "_content"

WORDS_MAX: Final = 2_000
"""Words of one resource that are indexed; those beyond are not found (words)."""

WORD_CHARACTERS_MAX: Final = 64
"""Longer words are cut, in the index and in the query alike (code points)."""

UNREAD: Final = frozenset({
    "code", "contentType", "data", "div", "fullUrl", "id", "implicitRules", "language", "lastUpdated", "profile",
    "reference", "resourceType", "source", "status", "system", "type", "url", "uri", "use", "versionId",
})  # fmt: skip
"""Members that hold codes, links and data, not text. An object under such a name is read."""

_WORD = re.compile(r"[^\W_]+")
_TAG = re.compile(r"<[^>]*>")
_NO_TEXT = re.compile(r"[a-z][a-z0-9+.\-]*:\S+\Z|[\d\-:.TZ+]+\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class HasWord:
    """The word is in the texts of `name`."""

    name: str
    word: str

    def matches(self, entries: Entries) -> bool:
        return (self.name, self.word) in entries.words

    def condition(self, scope: Scope) -> str:
        return f"{scope.alias}.words @> {scope.value(list(self.tokens(scope)))}::bigint[]"

    def rids(self, scope: Scope) -> str | None:
        return rids_in_search(self, scope)

    def tokens(self, scope: Scope) -> tuple[int, ...]:
        return (scope.hasher.token("", self.name, self.word),)


def index(resource: dict[str, Any], entries: Entries) -> None:
    narrative = resource.get("text")
    div = narrative.get("div") if isinstance(narrative, dict) else None
    told = words_of(unescape(_TAG.sub(" ", div))) if isinstance(div, str) else frozenset()
    content = told.union(*(_words_of_value(text) for text in _texts(resource)))
    entries.words.update((TEXT, word) for word in told)
    entries.words.update((CONTENT, word) for word in _most(content))


def _most(words: frozenset[str]) -> frozenset[str] | list[str]:
    return words if len(words) <= WORDS_MAX else sorted(words)[:WORDS_MAX]


def _words_of_value(text: str) -> frozenset[str]:
    """Of the value of an element; displays and statuses come again and again."""
    return _words_of_short(text) if len(text) <= SHORT_CHARACTERS else _words_unless_data(text)


def _words_unless_data(text: str) -> frozenset[str]:
    return frozenset() if _NO_TEXT.match(text) else words_of(text)


_words_of_short = lru_cache(CACHED_TEXTS)(_words_unless_data)


def words_of(text: str) -> frozenset[str]:
    return frozenset(word[:WORD_CHARACTERS_MAX] for word in _WORD.findall(fold(text)))


def predicate(asked: Asked) -> Predicate:
    if asked.modifier:
        raise unsupported(asked, f"{asked.code} has no modifiers")
    alternatives = tuple(_all_of(asked, unescaped(value)) for value in asked.values)
    return alternatives[0] if len(alternatives) == 1 else Or(alternatives)


def _all_of(asked: Asked, text: str) -> Predicate:
    words = sorted(words_of(text))
    if not words:
        message = f"{asked.code} needs a word"
        raise Invalid(message, [Issue("invalid", message, asked.code)])
    return And(tuple(HasWord(asked.name, word) for word in words))


def _texts(resource: dict[str, Any]) -> list[str]:
    """Every string but codes, links and the narrative, whose words are taken from its own text."""
    found: list[str] = []
    waiting: list[Any] = [resource]
    while waiting:
        node = waiting.pop()
        for name, child in node.items() if isinstance(node, dict) else ((None, one) for one in node):
            if isinstance(child, str):
                if name not in UNREAD:
                    found.append(child)
            elif isinstance(child, list) or (isinstance(child, dict) and not (name == "text" and "div" in child)):
                waiting.append(child)
    return found
