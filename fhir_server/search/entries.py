"""What a resource says to searches: its values by the name they are indexed under, before hashing and storing.

The one form all three halves of a parameter type share: `index` makes entries, the database holds them as rows, and
predicates are judged on them in memory. A name is a parameter's code, with a suffix where a modifier has values of
its own (`code:text`).
"""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple


class Span(NamedTuple):
    """A half-open span of time, [low, high); open ends are the first and last instants there are."""

    name: str
    low: datetime
    high: datetime


class Amount(NamedTuple):
    """A closed range of numbers, [low, high], infinite where it is open; `unit` is "" for a number in any unit."""

    name: str
    unit: str
    low: Decimal
    high: Decimal


@dataclass(slots=True)
class Entries:
    """All values of one resource. `keys` are exact texts, `links` local references (`Patient/1`), `texts` folded.

    `words` are those of its texts, by `_text` and `_content`; `orders` the smallest and the largest text `_sort`
    compares, by name, of what is stored hashed.
    """

    type_name: str = ""
    id: str = ""
    compartments: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    keys: set[tuple[str, str]] = field(default_factory=set)
    links: set[tuple[str, str]] = field(default_factory=set)
    texts: set[tuple[str, str]] = field(default_factory=set)
    words: set[tuple[str, str]] = field(default_factory=set)
    spans: set[Span] = field(default_factory=set)
    amounts: set[Amount] = field(default_factory=set)
    orders: dict[str, tuple[str, str]] = field(default_factory=dict)
