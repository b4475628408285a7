"""Uri parameters: the whole URI, or the branch of a URL it is in. https://hl7.org/fhir/R4/search.html#uri."""

import re
from collections.abc import Iterator
from typing import Final

from fhir_server.search.asked import Asked
from fhir_server.search.boolean import And, Or
from fhir_server.search.comparison import refuse_modifier
from fhir_server.search.entries import Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.has_key import HasKey
from fhir_server.search.predicate import Predicate
from fhir_server.search.text import unescape
from fhir_server.search.types.token import in_any_system

URIS: Final = frozenset("uri url canonical oid uuid".split())

URL: Final = "url"
"""The parameter of the canonical URL, beside which stands `version`."""

SEGMENTS_MAX = 32
"""Leading segments of a URL's path that `:below` and `:above` tell apart (segments)."""

_ROOT = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]+")


def index(typed: Typed, name: str, entries: Entries) -> None:
    """The value; a canonical also without its version; a URL also under each URL above it."""
    if typed.type_name not in URIS or not isinstance(typed.value, str):
        return
    value = typed.value
    plain = value.partition("|")[0] if typed.type_name == "canonical" else value
    entries.keys.update({(name, value), (name, plain)})
    entries.keys.update((_below(name), ancestor) for ancestor in ancestors(plain))


def _below(name: str) -> str:
    return f"{name}:below"


def ancestors(uri: str) -> Iterator[str]:
    """The URLs above one, segment by segment, and itself, without closing slashes; only itself for other URIs."""
    root = _ROOT.match(uri)
    if root is None:
        yield uri
        return
    url = uri.rstrip("/")
    slashes = [slash.start() for slash in re.finditer("/", url) if slash.start() >= root.end()]
    yield from (url[:slash] for slash in slashes[:SEGMENTS_MAX])
    yield url


def predicate(asked: Asked) -> Predicate:
    """Raises `NotSupported` for modifiers other than `:below` and `:above`."""
    values = sorted({unescape(value) for value in asked.values})
    if asked.modifier == "below":
        return HasKey(_below(asked.name), tuple(value.rstrip("/") for value in values))
    if asked.modifier == "above":
        return HasKey(asked.name, tuple(sorted({above for value in values for above in _above(value)})))
    refuse_modifier(asked, "uri")
    plain = HasKey(asked.name, tuple(values))
    versioned = [value for value in values if asked.name == URL and "|" in value]
    return Or((plain, *map(_of_version, versioned))) if versioned else plain


def _of_version(canonical: str) -> Predicate:
    """`url|version`, as canonical references are written. https://hl7.org/fhir/R4/search.html#versions."""
    url, _, version = canonical.rpartition("|")
    return And((HasKey(URL, (url,)), HasKey("version", (in_any_system(version),))))


def _above(uri: str) -> Iterator[str]:
    """A branch is named with and without a closing slash; an URN has nothing above it but itself."""
    yield uri
    for ancestor in ancestors(uri):
        yield ancestor
        yield f"{ancestor}/"
