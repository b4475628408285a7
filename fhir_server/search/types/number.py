"""Number parameters, and the comparisons of quantities. https://hl7.org/fhir/R4/search.html#number.

A value is a closed range, most often a point. Without a prefix the search asks for what rounds to its number: 100 is
[99.5, 100.5), 1e2 is [50, 150).
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import groupby
from typing import Any, Final

import msgspec

from fhir_server.search.asked import Asked
from fhir_server.search.comparison import malformed, refuse_modifier, split_prefix
from fhir_server.search.entries import Amount, Entries
from fhir_server.search.fetching import Typed
from fhir_server.search.predicate import Predicate, Scope, in_side_table, rids_in_side_table
from fhir_server.search.text import unescape

DIGITS_MAX = 40
"""Significant digits of a number that is searched or indexed (digits); R4 asks for 18."""

EXPONENT_MAX = 300
"""Its exponent of ten at most, in either direction."""

INFINITY: Final = Decimal("Infinity")
EXACTLY: Final = Context(prec=100)
"""Room for the product of two of our numbers: nothing is rounded."""

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TENTH: Final = Decimal("0.1")


def read(text: str) -> Decimal | None:
    """A number as precise as it is written; None for what is none, or is past the limits of this file."""
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    _, digits, exponent = number.as_tuple()
    within = len(digits) <= DIGITS_MAX and abs(int(exponent)) <= EXPONENT_MAX
    return number if within else None


def number_of(value: object) -> Decimal | None:
    """The number of a parsed JSON value (model/parser.py)."""
    if isinstance(value, msgspec.Raw):
        return read(bytes(value).decode())
    return read(str(value)) if isinstance(value, int) and not isinstance(value, bool) else None


def index(typed: Typed, name: str, entries: Entries) -> None:
    """A number, or a Range of them: a probability can be either."""
    match typed:
        case ("decimal" | "integer" | "positiveInt" | "unsignedInt", value):
            number = number_of(value)
            low, high = number, number
        case ("Range", dict() as range_):
            low, high = (_end(range_, end) for end in ("low", "high"))
        case _:
            return
    if low is not None or high is not None:
        entries.amounts.add(Amount(name, "", -INFINITY if low is None else low, INFINITY if high is None else high))


def _end(range_: dict[str, Any], end: str) -> Decimal | None:
    quantity = range_.get(end)
    return number_of(quantity.get("value")) if isinstance(quantity, dict) else None


def side_name(name: str, unit: str) -> str:
    """The name whose hash is the key of `search_number`: each unit of a parameter is ordered on its own."""
    return f"{name}\0{unit}"


@dataclass(frozen=True, slots=True, order=True)
class Comparison:
    """A prefix and what it compares with: [low, high) for eq and ne, [low, high] for ap, else a point."""

    prefix: str
    low: Decimal
    high: Decimal
    unit: str = ""


_HOLDS: Final[dict[str, Callable[[Amount, Comparison], bool]]] = {
    "eq": lambda amount, c: amount.low >= c.low and amount.high < c.high,
    "ne": lambda amount, c: amount.low < c.low or amount.high >= c.high,
    "gt": lambda amount, c: amount.high > c.high,
    "lt": lambda amount, c: amount.low < c.low,
    "ge": lambda amount, c: amount.high >= c.high,
    "le": lambda amount, c: amount.low <= c.low,
    "sa": lambda amount, c: amount.low > c.high,
    "eb": lambda amount, c: amount.high < c.low,
    "ap": lambda amount, c: amount.low <= c.high and amount.high >= c.low,
}

_SQL: Final = {
    "eq": "{row}.low >= {low} AND {row}.low < {high} AND {row}.high < {high}",
    "ne": "({row}.low < {low} OR {row}.high >= {high})",
    "gt": "{row}.high > {high}",
    "lt": "{row}.low < {low}",
    "ge": "{row}.high >= {high}",
    "le": "{row}.low <= {low}",
    "sa": "{row}.low > {high}",
    "eb": "{row}.low < {low} AND {row}.high < {low}",
    "ap": "{row}.low <= {high} AND {row}.high >= {low}",
}
"""`_HOLDS` again, with bounds on `low` that follow from it being the smaller end: an index finds by them."""

_SURELY: Final = {
    "gt": "{row}.low > {high}",
    "ge": "{row}.low >= {high}",
    "ap": "{row}.low >= {low} AND {row}.low <= {high}",
}
"""What satisfies a comparison by its lower end, as all points do; ranges are looked for again by their upper end."""


@dataclass(frozen=True, slots=True)
class Measures:
    """An amount in a comparison's unit satisfies it, any of them will do; no index helps to find what is not equal."""

    name: str
    comparisons: tuple[Comparison, ...]

    def matches(self, entries: Entries) -> bool:
        return any(
            amount.name == self.name
            and amount.unit == comparison.unit
            and _HOLDS[comparison.prefix](amount, comparison)
            for amount in entries.amounts
            for comparison in self.comparisons
        )

    def condition(self, scope: Scope) -> str:
        by_unit = groupby(sorted(self.comparisons, key=lambda c: c.unit), key=lambda c: c.unit)
        held = (
            in_side_table("search_number", side_name(self.name, unit), _any_of(comparisons, scope), scope)
            for unit, comparisons in by_unit
        )
        return f"({' OR '.join(held)})"

    def rids(self, scope: Scope) -> str | None:
        if any(comparison.prefix == "ne" for comparison in self.comparisons):
            return None
        return " UNION ALL ".join(
            rids_in_side_table("search_number", side_name(self.name, comparison.unit), branch, scope)
            for comparison in self.comparisons
            for branch in _branches(comparison, scope)
        )


def _any_of(comparisons: Iterator[Comparison], scope: Scope) -> str:
    return f"({' OR '.join(f'({_written(_SQL, comparison, scope)})' for comparison in comparisons)})"


def _branches(comparison: Comparison, scope: Scope) -> Iterator[str]:
    """Conditions that together are the comparison's, each with bounds an index has."""
    holds = _written(_SQL, comparison, scope)
    if comparison.prefix not in _SURELY:
        yield holds
        return
    yield _written(_SURELY, comparison, scope)
    yield f"{{row}}.high <> {{row}}.low AND {holds}"


def _written(templates: dict[str, str], comparison: Comparison, scope: Scope) -> str:
    low, high = scope.value(comparison.low), scope.value(comparison.high)
    return templates[comparison.prefix].format(row="{row}", low=low, high=high)


def compared(prefix: str, number: Decimal) -> Comparison:
    """What a prefix and a number ask for, in no unit. https://hl7.org/fhir/R4/search.html#prefix."""
    reach = Decimal()
    if prefix in ("eq", "ne"):
        reach = Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)
    elif prefix == "ap":
        reach = EXACTLY.multiply(abs(number), _TENTH)
    return Comparison(prefix, EXACTLY.subtract(number, reach), EXACTLY.add(number, reach))


def predicate(asked: Asked) -> Predicate:
    """Raises `Invalid` for what is not a number, `NotSupported` for every modifier."""
    refuse_modifier(asked, "number")
    return Measures(asked.name, tuple(sorted({_comparison(asked, unescape(value)) for value in asked.values})))


def _comparison(asked: Asked, text: str) -> Comparison:
    prefix, rest = split_prefix(text)
    number = read(rest)
    if number is None:
        raise malformed(asked, text, f"a number of at most {DIGITS_MAX} digits, after a prefix if any")
    return compared(prefix, number)
