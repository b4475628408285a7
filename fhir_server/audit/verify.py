"""Walks the chain, and says which record or seal is not what was sealed, and where.

What one batch hides the chain shows: a seal holds the hash of the one before, and a digest of each of its records. What
the whole chain hides, one that was cut short or made anew, an anchor outside the database shows (audit/anchor.py).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from psycopg import IsolationLevel

from fhir_server.audit.canonical import START, moment
from fhir_server.audit.chain import Held, Stored, records, seals
from fhir_server.audit.numbers import Numbers, written
from fhir_server.storage.database import Connection

Kind = Literal[
    "edited", "deleted", "inserted", "seal-edited", "seal-missing", "seal-doubled", "chain-broken", "anchor", "expiry"
]

PROBLEMS_MAX: Final = 1_000
"""Problems that are listed; what has so many is not read record by record (problems)."""

KEPT: Final = timedelta(days=6 * 365)
"""What is younger cannot have expired."""

ENTIRE: Final = 2**62
"""A batch no installation reaches."""

EXPIRED: Final = "SELECT name, dropped, before, numbers FROM audit_expiry ORDER BY name"
# A record that was visible in the snapshot of the last seal and is in no batch was put there by other hands.
NEVER_SEALED: Final = """
SELECT number, recorded FROM audit
WHERE pg_visible_in_snapshot(xid, %s::pg_snapshot) AND NOT number <@ %s::int8multirange ORDER BY number LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """`number` of the record, `batch` of the seal, `at` when it was recorded or sealed; None where that is unknown."""

    kind: Kind
    batch: int | None = None
    number: int | None = None
    at: datetime | None = None
    detail: str = ""

    def __str__(self) -> str:
        where = [f"record {self.number}"] if self.number is not None else []
        where += [f"batch {self.batch}"] if self.batch is not None else []
        where += [moment(self.at)] if self.at is not None else []
        return f"{self.kind}: {', '.join(where)}{': ' if self.detail and where else ''}{self.detail}"

    def as_json(self) -> dict[str, Any]:
        at = {"at": moment(self.at)} if self.at else {}
        return {"kind": self.kind, "batch": self.batch, "number": self.number, **at, "detail": self.detail}


@dataclass(frozen=True, slots=True)
class Expiry:
    """A partition that was dropped after its retention: its records are gone, their seals are not."""

    name: str
    dropped: datetime
    before: datetime
    numbers: Any

    def explains(self, number: int, link: Stored) -> bool:
        """A record can only have expired if its seal, whose word is in the chain, says it was old enough."""
        old = link.seal.recorded_low < min(self.before, self.dropped - KEPT)
        return old and any(span.lower <= number < span.upper for span in self.numbers)


@dataclass(slots=True)
class Verified:
    """What was walked, and what is wrong with it: nothing, if `problems` is empty."""

    batches: int = 0
    records: int = 0
    expired: int = 0
    head: int = 0
    head_hash: bytes = START
    head_snapshot: str = ""
    sealed: Numbers = field(default_factory=Numbers)
    problems: list[Problem] = field(default_factory=list)


async def verify(connection: Connection, *, first: int = 1, last: int = ENTIRE) -> Verified:
    """The chain as it stands now, from batch `first` to `last`; in one snapshot, so that sealing may go on."""
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)
    async with connection.transaction():
        found = Verified()
        await connection.execute("SET LOCAL enable_seqscan = off")
        expired = [Expiry(*row) for row in await _rows(connection, EXPIRED)]
        await _walk(connection, found, expired, (first, last))
        await connection.execute("SET LOCAL enable_seqscan = on")
        if (first, last) == (1, ENTIRE):
            await _find_strays(connection, found)
            found.problems += _unsealed_expiry(found.sealed, expired)
    return found


async def _walk(connection: Connection, found: Verified, expired: list[Expiry], span: tuple[int, int]) -> None:
    first, last = span
    before = await _hash_before(connection, first)
    async for links in seals(connection, first - 1, last):
        held = await records(connection, [number for link in links for number in link.numbers])
        for link in links:
            found.problems += _chain_problems(link, found.head or first - 1, before)
            found.problems += _doubled(link, found.sealed)
            found.problems += _record_problems(link, held, found, expired)
            before = link.hash
            found.head, found.head_hash, found.head_snapshot = link.seal.batch, link.hash, link.seal.snapshot
            found.batches += 1
        if len(found.problems) > PROBLEMS_MAX:
            return


async def _hash_before(connection: Connection, first: int) -> bytes | None:
    """None where the seal before is not there: then that is what is reported."""
    if first == 1:
        return START
    rows = await _rows(connection, "SELECT hash FROM audit_seal WHERE batch = %s", (first - 1,))
    return rows[0][0] if rows else None


def _chain_problems(link: Stored, last: int, before: bytes | None) -> Iterator[Problem]:
    seal = link.seal
    if seal.batch != last + 1:
        for batch in range(last + 1, min(seal.batch, last + 1 + PROBLEMS_MAX)):
            yield Problem("seal-missing", batch, at=seal.sealed, detail="no such seal")
    elif seal.previous != before:
        yield Problem("chain-broken", seal.batch, at=seal.sealed, detail="it does not follow the seal before it")
    if seal.hash != link.hash:
        yield Problem("seal-edited", seal.batch, at=seal.sealed, detail="its hash is not that of what it says")
    if not link.fits:
        yield Problem("seal-edited", seal.batch, at=seal.sealed, detail="numbers, count and digests do not fit")


def _record_problems(
    link: Stored, held: dict[int, list[Held]], found: Verified, expired: Sequence[Expiry]
) -> Iterator[Problem]:
    batch, sealed = link.seal.batch, link.seal.sealed
    for number, digest in link.digests.items():
        there = held.get(number, [])
        if not there and any(expiry.explains(number, link) for expiry in expired):
            found.expired += 1
        elif not there:
            yield Problem("deleted", batch, number, sealed, "the record is gone")
        else:
            found.records += 1
            yield from _unequal(batch, digest, there)


def _unequal(batch: int, digest: bytes, there: Sequence[Held]) -> Iterator[Problem]:
    """Where several records have one number, one of them may be the one that was sealed."""
    others = [held for held in there if held.digest != digest]
    if len(there) == 1 and others:
        yield Problem("edited", batch, others[0].number, others[0].recorded, "it is not what was sealed")
    for held in others if len(there) > 1 else ():
        yield Problem("inserted", batch, held.number, held.recorded, "another record has the number of a sealed one")


def _doubled(link: Stored, sealed: Numbers) -> Iterator[Problem]:
    for low, high in link.ranges:
        if not sealed.add(low, high):
            yield Problem(
                "seal-doubled", link.seal.batch, low, link.seal.sealed, "another batch has some of its records"
            )


async def _find_strays(connection: Connection, found: Verified) -> None:
    """Records of no batch, though the last seal could see them."""
    if not found.head:
        return
    values = (found.head_snapshot, written(found.sealed.ranges), PROBLEMS_MAX)
    strays = await _rows(connection, NEVER_SEALED, values)
    found.problems += [Problem("inserted", None, number, at, "no seal knows it") for number, at in strays]


def _unsealed_expiry(sealed: Numbers, expired: Iterable[Expiry]) -> Iterator[Problem]:
    for expiry in expired:
        for span in expiry.numbers:
            if not sealed.holds(span.lower, span.upper):
                yield Problem("expiry", None, span.lower, expiry.dropped, "expired, and was never sealed")


async def _rows(connection: Connection, statement: str, values: Iterable[Any] = ()) -> list[Any]:
    return await (await connection.execute(statement, tuple(values))).fetchall()
