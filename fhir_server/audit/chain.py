"""The chain and its records as they stand in the database, a stretch at a time, in one snapshot."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from fhir_server.audit.canonical import DIGEST_BYTES, NAMES, SEAL_NAMES, SELECTED, Row, Seal, digest, multirange
from fhir_server.audit.numbers import Range
from fhir_server.storage.database import Connection

SEALS_AT_ONCE: Final = 500
RECORDS_AT_ONCE: Final = 50_000
"""Records that are compared together at most, unless one seal has more (records)."""

FETCHED: Final = 5_000
"""Rows that travel together (rows)."""

_NUMBER: Final = NAMES.index("number")
_RECORDED: Final = NAMES.index("recorded")

SEALS: Final = f"""
SELECT {", ".join(f"{name}::text" if name == "numbers" else name for name in SEAL_NAMES)}, hash, numbers
FROM audit_seal WHERE batch > %s AND batch <= %s ORDER BY batch LIMIT {SEALS_AT_ONCE}
"""  # noqa: S608 - our own columns

# Every partition may hold a record of a number: one that was put in later need not lie where the others do.
RECORDS: Final = f"""
SELECT {SELECTED} FROM unnest(%s::int8multirange) AS r(span)
JOIN audit a ON a.number >= lower(r.span) AND a.number < upper(r.span) ORDER BY a.number, a.recorded
"""  # noqa: S608 - our own columns


@dataclass(frozen=True, slots=True)
class Stored:
    """A seal as it stands in the table, with the hash that stands beside it.

    `ranges` are those of its numbers that have both ends; `numbers` are those of its records, one more than it says
    where there are more.
    """

    seal: Seal
    hash: bytes
    ranges: tuple[Range, ...]
    numbers: tuple[int, ...]

    @property
    def fits(self) -> bool:
        return len(self.numbers) == self.seal.count == len(self.seal.digests) / DIGEST_BYTES

    @property
    def digests(self) -> dict[int, bytes]:
        """Those it says its records have, by their numbers; fewer where the two do not fit."""
        said = self.seal.digests
        parts = (said[at : at + DIGEST_BYTES] for at in range(0, len(said), DIGEST_BYTES))
        return dict(zip(self.numbers, parts, strict=False))


@dataclass(frozen=True, slots=True)
class Held:
    """A record as it stands in the table, by what identifies it."""

    number: int
    recorded: datetime
    digest: bytes


async def seals(connection: Connection, after: int, until: int) -> AsyncIterator[list[Stored]]:
    """The seals of batches past `after` up to `until`, some at a time, in their order."""
    while rows := await (await connection.execute(SEALS, (after, until))).fetchall():
        for group in _groups(_stored(row) for row in rows):
            yield group
        after = rows[-1][0]


def _groups(links: Iterable[Stored]) -> Iterator[list[Stored]]:
    group: list[Stored] = []
    for link in links:
        if group and sum(len(one.numbers) for one in group) + len(link.numbers) > RECORDS_AT_ONCE:
            yield group
            group = []
        group.append(link)
    if group:
        yield group


def _stored(row: Sequence[Any]) -> Stored:
    *fields, found_hash, spans = row
    seal = Seal(*fields)
    ranges = tuple((span.lower, span.upper) for span in spans if span.lower and span.upper)
    numbers = (number for low, high in ranges for number in range(low, high))
    return Stored(seal, found_hash, ranges, tuple(islice(numbers, seal.count + 1)))


async def records(connection: Connection, numbers: Iterable[int]) -> dict[int, list[Held]]:
    """All records of these numbers; more than one of a number where somebody has put one in."""
    found: dict[int, list[Held]] = {}
    async with connection.cursor(name="records", binary=True) as cursor:
        await cursor.execute(RECORDS, (multirange(numbers),))
        while rows := await cursor.fetchmany(FETCHED):
            for row in rows:
                found.setdefault(row[_NUMBER], []).append(_held(row))
    return found


def _held(row: Row) -> Held:
    return Held(row[_NUMBER], row[_RECORDED], digest(row))
