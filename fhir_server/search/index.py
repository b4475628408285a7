"""The search row of one resource: what `storage` writes beside the body."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

INDEX_VERSION: Final = 4
"""Raised when the same resource would give another row; rows of older versions are re-indexed by a job."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """A row of `search` and those of its side tables.

    `tokens` are keyed hashes, `identifiers` the lock keys of Identifiers, `itself` the resource's half of links to it.
    `strings`, `dates` and `numbers` are (key, value) and (key, low, high), the key a hash of type and name.
    """

    tokens: tuple[int, ...] = ()
    identifiers: tuple[int, ...] = ()
    patient: str | None = None
    status: str | None = None
    date_low: datetime | None = None
    date_high: datetime | None = None
    compartments: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    itself: int | None = None
    grams: tuple[int, ...] | None = None
    words: tuple[int, ...] | None = None
    orders: str | None = None
    strings: tuple[tuple[int, str], ...] = ()
    dates: tuple[tuple[int, datetime, datetime], ...] = ()
    numbers: tuple[tuple[int, Decimal, Decimal], ...] = ()
    generation: int = 0
