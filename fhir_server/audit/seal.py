"""The sealer: what has been committed since the last seal becomes the next link of the chain.

Records commit out of the order of their numbers, and numbers of transactions that were rolled back stay free. A batch
is therefore told by snapshots: what is visible now and was not visible in the snapshot of the last seal. Each committed
record is in exactly one batch, and no writer waits. One process at a time holds the lock; where two believe they do,
the batch's number lets one of them commit.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import IsolationLevel
from psycopg.errors import SerializationFailure, UniqueViolation

from fhir_server.audit.canonical import NAMES, SEAL_NAMES, SELECTED, START, Row, Seal, digest, multirange
from fhir_server.audit.interactions import INTERFERENCE
from fhir_server.audit.recorder import insert_records
from fhir_server.audit.system import system_record
from fhir_server.storage.alone import alone
from fhir_server.storage.database import Connection

LOG = logging.getLogger(__name__)

SEALER_LOCK: Final = 4
POLL_SECONDS: Final = 0.75
"""Time between two seals (seconds)."""

BATCH: Final = 5_000
"""Records of one seal at most; one snapshot may take several seals (records)."""

EVERYTHING: Final = "1:1:"
"""A snapshot in which nothing is visible yet."""

HEAD: Final = "SELECT batch, hash, snapshot FROM audit_seal ORDER BY batch DESC LIMIT 1"
HASH_OF: Final = "SELECT hash FROM audit_seal WHERE batch = %s"
NOW: Final = "SELECT pg_current_snapshot()::text, clock_timestamp()"

# The newest rows of a table of years: by the index on xid, whatever the planner knows of rows it has not counted yet.
BY_INDEX: Final = "SET LOCAL enable_seqscan = off"
UNSEALED: Final = f"""
WITH fresh AS MATERIALIZED (
    SELECT {SELECTED} FROM audit a
    WHERE a.xid >= pg_snapshot_xmin(%(last)s::pg_snapshot) AND NOT pg_visible_in_snapshot(a.xid, %(last)s::pg_snapshot)
)
SELECT * FROM fresh ORDER BY number
"""  # noqa: S608 - our own columns
INSERT_SEAL: Final = f"""
INSERT INTO audit_seal ({", ".join(SEAL_NAMES)}, hash)
VALUES ({", ".join(f"%({name})s" for name in SEAL_NAMES)}, %(hash)s)
"""  # noqa: S608 - our own columns

_NUMBER: Final = NAMES.index("number")
_RECORDED: Final = NAMES.index("recorded")


class Head(NamedTuple):
    """The last seal, as far as nobody may change it."""

    batch: int
    hash: bytes


class Sealed(NamedTuple):
    """What one turn has done."""

    records: int
    """How many were sealed (records)."""

    head: Head | None
    """The last seal after it; none where nothing was ever recorded."""


async def seal(connection: Connection) -> Sealed:
    """Seals everything that is committed and not sealed, in one transaction of its own.

    Raises `UniqueViolation` or `SerializationFailure` where another process has sealed meanwhile.
    """
    await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)  # of the transactions this connection begins
    async with connection.transaction():
        await connection.execute(BY_INDEX)
        snapshot, now = await _row(connection, NOW)
        batch, previous, last = await _row(connection, HEAD) or (0, START, EVERYTHING)
        records = 0
        async for rows in _unsealed(connection, last):
            batch += 1
            link = _link(batch, rows, previous, (snapshot, now))
            await _insert(connection, link)
            previous = link.hash
            records += len(rows)
    return Sealed(records, Head(batch, previous) if batch else None)


async def _unsealed(connection: Connection, last: str) -> AsyncGenerator[list[Row]]:
    """By statements: the end of the transaction closes the cursor, also where the connection is lost."""
    await connection.execute(f"DECLARE unsealed NO SCROLL CURSOR FOR {UNSEALED}", {"last": last})
    while rows := await (await connection.execute(f"FETCH {BATCH} FROM unsealed", binary=True)).fetchall():
        yield rows  # type: ignore[misc] # a tuple is a sequence


def _link(batch: int, rows: Sequence[Row], previous: bytes, at: tuple[str, datetime]) -> Seal:
    snapshot, now = at
    moments = [row[_RECORDED] for row in rows]
    numbers = multirange(row[_NUMBER] for row in rows)
    digests = b"".join(digest(row) for row in rows)
    return Seal(batch, now, numbers, len(rows), min(moments), max(moments), snapshot, digests, previous)


async def _insert(connection: Connection, link: Seal) -> None:
    values = {name: getattr(link, name) for name in SEAL_NAMES}
    await connection.execute(INSERT_SEAL, values | {"hash": link.hash})


async def _row(connection: Connection, statement: str, values: Sequence[Any] = ()) -> Any:
    return await (await connection.execute(statement, values)).fetchone()


class Sealer:
    """Runs until cancelled; where its database or its process dies, another one goes on with the next batch."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._head: Head | None = None

    async def run(self) -> None:
        await alone(self._url, SEALER_LOCK, "the sealer", self._serve)

    async def _serve(self, connection: Connection) -> None:
        while True:
            await self._compare(connection)
            await self._seal(connection)
            await asyncio.sleep(POLL_SECONDS)

    async def _seal(self, connection: Connection) -> None:
        try:
            self._head = (await seal(connection)).head
        except (UniqueViolation, SerializationFailure):
            LOG.warning("another process seals as well")

    async def _compare(self, connection: Connection) -> None:
        """The seal this process made last is still what it was; if not, that is on record at once."""
        if self._head is None:
            return
        batch, made = self._head
        found = await _row(connection, HASH_OF, (batch,))
        if found is None or found[0] != made:
            what = f"seal {batch} {'is gone' if found is None else 'has been replaced'}"
            LOG.error("the audit trail was interfered with: %s", what)
            await insert_records(connection, [system_record(INTERFERENCE, what, status=500)])
