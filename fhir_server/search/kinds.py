"""From the type of a search parameter to the file that knows it. https://hl7.org/fhir/R4/search.html#ptypes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from fhir_server.errors import Invalid
from fhir_server.search.asked import FILTER_DIFFERS, FILTER_EQUALS, Asked
from fhir_server.search.entries import Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.predicate import Predicate
from fhir_server.search.several import differs
from fhir_server.search.types import date, number, quantity, reference, special, string, token, uri


class Kind(Protocol):
    """A file of `search/types`."""

    def index(self, typed: Typed, name: str, entries: Entries) -> None:
        """Adds what a value says."""

    def predicate(self, asked: Asked) -> Predicate:
        """Raises `Invalid` and `NotSupported`."""


KINDS: Final[dict[str, Kind]] = {
    "date": date,
    "number": number,
    "quantity": quantity,
    "special": special,
    "string": string,
    "token": token,
    "uri": uri,
}

ORDERED_BY_TEXT: Final = {"token": token.orders, "reference": reference.orders, "uri": token.orders}
"""What is stored hashed has no order: what `_sort` compares is kept beside it."""

PREFIXED: Final = {FILTER_EQUALS: "eq", FILTER_DIFFERS: "ne"}
"""Operators of `_filter` that values with prefixes write as one."""

ORDER_CHARACTERS_MAX = 64
"""Characters of a text by which `_sort` orders tokens, references and uris (characters)."""


def index_value(
    kind: str, typed: Typed, name: str, entries: Entries, base_url: str, targets: Sequence[str] = ()
) -> None:
    """Adds one extracted value; an extension stands for its value."""
    typed = unwrapped(typed)
    if kind == "reference":
        reference.index(typed, name, entries, base_url, targets)
    else:
        KINDS[kind].index(typed, name, entries)


def index_order(kind: str, typed: Typed, name: str, entries: Entries, base_url: str) -> None:
    """Adds what `_sort` compares of a value whose type is stored hashed."""
    if kind not in ORDERED_BY_TEXT:
        return
    for text in ORDERED_BY_TEXT[kind](unwrapped(typed), base_url):
        cut = text[:ORDER_CHARACTERS_MAX]
        least, most = entries.orders.get(name, (cut, cut))
        entries.orders[name] = min(least, cut), max(most, cut)


def unwrapped(typed: Typed) -> Typed:
    """`Extension.value[x]` of a parameter that selects an extension."""
    if typed.type_name != "Extension" or not isinstance(typed.value, dict):
        return typed
    found: list[tuple[str, Any]] = [(n, v) for n, v in typed.value.items() if n.startswith("value")]
    if not found:
        return typed
    suffix, value = found[0][0].removeprefix("value"), found[0][1]
    primitive = not isinstance(value, dict)
    return Typed(suffix[:1].lower() + suffix[1:] if primitive else suffix, value)


def predicate_of(kind: str, asked: Asked) -> Predicate:
    """Raises `Invalid` and `NotSupported`."""
    if kind in ("date", "number", "quantity") and asked.modifier in PREFIXED:
        values = tuple(PREFIXED[asked.modifier] + value for value in asked.values)
        return predicate_of(kind, replace(asked, modifier="", values=values))
    if kind in ORDERED_BY_TEXT and asked.modifier == FILTER_DIFFERS:
        return differs(asked.name, predicate_of(kind, replace(asked, modifier="")))
    if kind != "string" and asked.modifier == FILTER_EQUALS:
        asked = replace(asked, modifier="")
    if kind == "reference":
        return reference.predicate(asked)
    if kind not in KINDS:
        raise Invalid(f"{asked.code} cannot be searched")
    return KINDS[kind].predicate(asked)
