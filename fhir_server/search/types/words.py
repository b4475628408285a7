"""`_text` and `_content`: words of the narrative, and of all texts. https://hl7.org/fhir/R4/search.html#text.

Every word of the query has to be there, as a whole word, folded; order and distance do not count.
"""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Final

from fhir_server.errors import Invalid, Issue
from fhir_server.search.asked import Asked
from fhir_server.search.boolean import And, Or
from fhir_server.search.entries import Entries
from fhir_server.search.has_key import HasKey
from fhir_server.search.predicate import Predicate
from fhir_server.search.text import unescape as unescaped
from fhir_server.search.types.string import fold
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


def index(resource: dict[str, Any], entries: Entries) -> None:
    narrative = resource.get("text")
    div = narrative.get("div") if isinstance(narrative, dict) else None
    told = words_of(unescape(_TAG.sub(" ", div))) if isinstance(div, str) else set()
    entries.keys.update((TEXT, word) for word in told)
    content = told | {word for text in _texts(resource) for word in words_of(text)}
    entries.keys.update((CONTENT, word) for word in sorted(content)[:WORDS_MAX])


def words_of(text: str) -> set[str]:
    return {word[:WORD_CHARACTERS_MAX] for word in _WORD.findall(fold(text))}


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
    return And(tuple(HasKey(asked.name, (word,)) for word in words))


def _texts(value: Any) -> Iterator[str]:
    waiting: list[Any] = [value]
    while waiting:
        node = waiting.pop()
        for name, child in node.items() if isinstance(node, dict) else enumerate(node):
            if isinstance(child, (dict, list)):
                if name != "text" or isinstance(child, list) or "div" not in child:
                    waiting.append(child)
            elif isinstance(child, str) and name not in UNREAD and not _NO_TEXT.match(child):
                yield child
