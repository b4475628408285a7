"""The chain and its records as they stand in the database, a stretch at a time, in one snapshot."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, Final

from fhir_server.audit.canonical import DIGEST_BYTES, NAMES, SEAL_NAMES, SELECTED, Row, Seal, digest, multirange
from fhir_server.storage.database import Connection

SEALS_AT_ONCE: Final = 50
RECORDS_AT_ONCE: Final = 5_000

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

    `numbers` are those of its records; one more than it says, where there are more.
    """

    seal: Seal
    hash: bytes
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
    while True:
        rows = await (await connection.execute(SEALS, (after, until))).fetchall()
        if not rows:
            return
        yield [_stored(row) for row in rows]
        after = rows[-1][0]


def _stored(row: Sequence[Any]) -> Stored:
    *fields, found_hash, spans = row
    seal = Seal(*fields)
    return Stored(seal, found_hash, tuple(islice(_numbers(spans), seal.count + 1)))


def _numbers(spans: Iterable[Any]) -> Iterator[int]:
    """An edited span may have no end."""
    return (number for span in spans if span.lower and span.upper for number in range(span.lower, span.upper))


async def records(connection: Connection, numbers: Iterable[int]) -> dict[int, list[Held]]:
    """All records of these rising numbers; more than one of a number where somebody has put one in."""
    found: dict[int, list[Held]] = {}
    async with connection.cursor(name="records", binary=True) as cursor:
        await cursor.execute(RECORDS, (multirange(numbers),))
        while rows := await cursor.fetchmany(RECORDS_AT_ONCE):
            for row in rows:
                found.setdefault(row[_NUMBER], []).append(_held(row))
    return found


def _held(row: Row) -> Held:
    return Held(row[_NUMBER], row[_RECORDED], digest(row))
