"""HL7 v2 out: messages that wait for partners are sent by MLLP, each partner's in their order, until acknowledged.

The next one goes when the one before is acknowledged, refused or given up. At least once: whoever dies between sending
and writing down sends again, under the same control id.
"""

import asyncio
import logging
import random
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import psycopg

from fhir_server.exchange import ledger
from fhir_server.storage.database import Connection
from integrations.mllp.sender import NotDelivered, Sender, Target
from mappers.hl7v2.message import parse

LOG = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
"""Time between two looks for messages that are due (seconds)."""

RECONNECT_SECONDS: Final = 1.0
"""Time between two attempts to reach the database (seconds)."""

FIRST_DELAY_SECONDS: Final = 2.0
DELAY_SECONDS_MAX: Final = 900.0
"""Until a message that was not acknowledged is sent again: twice as long each time (seconds)."""

ATTEMPTS_MAX: Final = 300
"""After that often, three days or so, a message is dead, and the next one goes (attempts)."""

AT_ONCE_MAX: Final = 16
"""Partners that are sent to at the same time by one worker (partners)."""

PARTNER_LOCK: Final = 6
"""First key of the advisory locks on partners: of all workers one sends to a partner at a time."""

LOCK: Final = "SELECT pg_try_advisory_lock(%s, hashtext(%s))"
UNLOCK: Final = "SELECT pg_advisory_unlock(%s, hashtext(%s))"

DUE: Final = """
SELECT p.id, p.address FROM partner p CROSS JOIN LATERAL (
    SELECT m.due FROM message m
    WHERE m.partner = p.id AND m.direction = 'out' AND m.wire = 'mllp' AND m.state = 'mapped' ORDER BY m.number LIMIT 1
) first
WHERE p.disabled IS NULL AND p.address <> '' AND first.due <= clock_timestamp()
"""
"""Partners whose first waiting message is due: those behind it wait with it."""

TAKEN: Final = ("AA", "CA")


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Of one worker; runs until cancelled."""

    url: str
    first_delay_seconds: float = FIRST_DELAY_SECONDS

    async def run(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self.url, autocommit=True)
                async with connection:
                    await self._serve(connection)
            except psycopg.Error as error:
                LOG.warning("deliveries lost their connection: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self, connection: Connection) -> None:
        """A connection's locks end with it: whoever comes next goes on."""
        under_way: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                for partner, address in await (await connection.execute(DUE)).fetchall():
                    if partner not in under_way and len(under_way) < AT_ONCE_MAX:
                        under_way[partner] = asyncio.create_task(self._deliver(connection, partner, address))
                await asyncio.sleep(POLL_SECONDS)
                for partner in [name for name, task in under_way.items() if task.done()]:
                    await under_way.pop(partner)
        finally:
            for task in under_way.values():
                task.cancel()
            await asyncio.gather(*under_way.values(), return_exceptions=True)

    async def _deliver(self, connection: Connection, partner: str, address: str) -> None:
        """All that waits for a partner, until one message is not acknowledged."""
        if await (await connection.execute(LOCK, (PARTNER_LOCK, partner))).fetchone() != (True,):
            return
        sender = Sender(target_of(address))
        try:
            while entry := await ledger.waiting(connection, partner, "mllp"):
                if not await self._sent(connection, sender, entry):
                    break
        finally:
            await sender.close()
            await connection.execute(UNLOCK, (PARTNER_LOCK, partner))

    async def _sent(self, connection: Connection, sender: Sender, entry: ledger.Entry) -> bool:
        """Whether the next one may go."""
        try:
            answer = await sender.send(entry.raw, entry.control_id)
        except NotDelivered as error:
            is_over = entry.attempts >= ATTEMPTS_MAX
            LOG.warning("message %s to %s was not acknowledged: %s", entry.id, entry.partner, error)
            await ledger.postpone(connection, entry.id, "dead" if is_over else "mapped", self._delay(entry.attempts))
            return is_over
        msa = parse(answer).first("MSA")
        code = msa.text(1) if msa else ""
        await ledger.delivered(connection, entry.id, "answered" if code in TAKEN else "failed", code, answer)
        return True

    def _delay(self, attempts: int) -> float:
        """Not the same for all: partners that were away together do not come back together."""
        longest = min(self.first_delay_seconds * 2.0 ** min(attempts - 1, 20), DELAY_SECONDS_MAX)
        return float(longest * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret hangs on it


def target_of(address: str) -> Target:
    """`mllp://host:port`, over TLS `mllps://host:port`."""
    parts = urlsplit(address)
    tls = ssl.create_default_context() if parts.scheme == "mllps" else None
    return Target(parts.hostname or "", parts.port or 0, tls)
