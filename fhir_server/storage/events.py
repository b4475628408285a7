"""The sequencer: moves outbox rows, in the order they became visible, into `event` under a gap-free `seq`.

One process at a time holds the lock; where it dies PostgreSQL frees the lock and another takes over within a second.
Versions of one resource stay in order: version n + 1 gets its outbox number after version n has committed.
"""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from fhir_server.errors import Unavailable
from fhir_server.storage.alone import alone
from fhir_server.storage.database import Connection, Database

LOG = logging.getLogger(__name__)

SEQUENCER_LOCK: Final = 2
POLL_SECONDS: Final = 1.0
"""Longest an outbox row waits where no notification wakes the sequencer (seconds)."""

BATCH: Final = 5_000
"""Outbox rows moved in one transaction at most (rows)."""

DEBOUNCE_SECONDS: Final = 0.05
"""Commits within this time share one notification (seconds)."""

CHANNEL: Final = "galenic_outbox"
SEQUENCED: Final = "galenic_event"
"""Where it is told that there are new events."""

MAINTENANCE_SECONDS: Final = 3_600.0
"""Time between two rounds of making partitions and dropping expired ones (seconds)."""

DAYS_AHEAD: Final = 7


MOVE: Final = """
WITH moved AS (
    DELETE FROM outbox WHERE number IN (SELECT number FROM outbox ORDER BY number LIMIT %(batch)s)
    RETURNING number, rid, type, id, version, previous_version, interaction, request_id
), head AS (
    UPDATE event_head SET seq = seq + (SELECT count(*) FROM moved) WHERE EXISTS (SELECT FROM moved)
    RETURNING seq - (SELECT count(*) FROM moved) AS before
)
INSERT INTO event (seq, recorded, rid, type, id, version, previous_version, interaction, request_id)
SELECT head.before + row_number() OVER (ORDER BY number), clock_timestamp(),
       rid, type, id, version, previous_version, interaction, request_id
FROM moved, head
"""

MAKE_PARTITIONS: Final = "SELECT galenic_make_partitions(%s::regclass, %s)"
DROP_EXPIRED: Final = "SELECT galenic_drop_expired_events(%s)"


async def move_outbox(connection: Connection) -> int:
    """Moves up to `BATCH` rows; how many it were."""
    cursor = await connection.execute(MOVE, {"batch": BATCH})
    return cursor.rowcount


async def maintain(connection: Connection, retention_days: int) -> None:
    """Partitions for the days to come are there, expired events are gone."""
    for parent in ("event", "audit"):
        await connection.execute(MAKE_PARTITIONS, (parent, DAYS_AHEAD))
    await connection.execute(DROP_EXPIRED, (retention_days,))


class Sequencer:
    """Runs until cancelled; a lost connection costs a second, never an event."""

    def __init__(self, url: str, retention_days: int) -> None:
        self._url = url
        self._retention_days = retention_days

    async def run(self) -> None:
        await alone(self._url, SEQUENCER_LOCK, "the sequencer", self._serve)

    async def _serve(self, connection: Connection) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        next_maintenance = 0.0
        while True:
            if asyncio.get_running_loop().time() >= next_maintenance:
                await maintain(connection, self._retention_days)
                next_maintenance = asyncio.get_running_loop().time() + MAINTENANCE_SECONDS
            moved = await move_outbox(connection)
            if moved:
                await connection.execute(f"NOTIFY {SEQUENCED}")
            if moved < BATCH:
                await wait_for_notification(connection, POLL_SECONDS)


async def wait_for_notification(connection: Connection, seconds: float) -> None:
    """Returns at the first notification of what the connection listens to, at the latest after so long."""
    async for _ in connection.notifies(timeout=seconds, stop_after=1):
        return


class Waker:
    """One NOTIFY per process and short while: one in every commit would halve the writes."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Tells the sequencer soon that there is something in the outbox."""
        if self._pending is None or self._pending.done():
            self._pending = asyncio.get_running_loop().create_task(self._notify())

    async def _notify(self) -> None:
        await asyncio.sleep(DEBOUNCE_SECONDS)
        with suppress(Unavailable):  # the sequencer polls as well
            async with self._database.connection() as connection:
                await connection.execute(f"NOTIFY {CHANNEL}")
