"""From the type of a search parameter to the file that knows it. https://hl7.org/fhir/R4/search.html#ptypes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from fhir_server.errors import Invalid, Issue, NotSupported
from fhir_server.search.asked import Asked
from fhir_server.search.comparison import PREFIXES
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

OPERATORS: Final = {
    **dict.fromkeys(("date", "number", "quantity"), frozenset(PREFIXES)),
    "string": frozenset(string.BY_OPERATOR),
    "reference": frozenset({"eq", "ne", "re"}),
    **dict.fromkeys(("token", "uri"), frozenset({"eq", "ne"})),
    "special": frozenset({"eq"}),
}
"""The operators of `_filter` by type of parameter."""

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
    if kind not in OPERATORS:
        raise Invalid(f"{asked.code} cannot be searched")
    if asked.operator and kind != "string":
        return _filtered(kind, asked)
    if asked.operator not in ("", *OPERATORS[kind]):
        raise _no_operator(kind, asked)
    return reference.predicate(asked) if kind == "reference" else KINDS[kind].predicate(asked)


def _filtered(kind: str, asked: Asked) -> Predicate:
    """By an operator of `_filter`."""
    if asked.operator not in OPERATORS[kind]:
        raise _no_operator(kind, asked)
    plain = replace(asked, operator="")
    if kind in ("date", "number", "quantity"):
        return predicate_of(kind, replace(plain, values=tuple(asked.operator + value for value in asked.values)))
    found = predicate_of(kind, plain)
    return differs(asked.name, found) if asked.operator == "ne" else found


def _no_operator(kind: str, asked: Asked) -> NotSupported:
    message = f"_filter: {asked.code}, of the type {kind}, has no operator '{asked.operator}'"
    return NotSupported(message, [Issue("not-supported", message, "_filter")])
