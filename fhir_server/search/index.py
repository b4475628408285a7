"""The search row of one resource: what `storage` writes beside the body."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

INDEX_VERSION: Final = 1
"""Raised when the same resource would give another row; rows of older versions are re-indexed by a job."""


@dataclass(frozen=True, slots=True)
class IndexRow:
    """Columns of the table `search`; `tokens` are keyed hashes, `identifiers` the lock keys of Identifiers."""

    tokens: tuple[int, ...] = ()
    identifiers: tuple[int, ...] = ()
    patient: str | None = None
    status: str | None = None
    date_low: datetime | None = None
    date_high: datetime | None = None
    compartments: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
