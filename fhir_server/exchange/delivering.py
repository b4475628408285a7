"""HL7 v2 out: messages that wait for partners are sent by MLLP, each partner's in their order, until acknowledged.

The next one goes when the one before is acknowledged, refused or given up. At least once: whoever dies between sending
and writing down sends again, under the same control id.
"""

import logging
import random
import ssl
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from fhir_server.exchange import ledger
from fhir_server.storage import jobs
from fhir_server.storage.database import Database
from fhir_server.storage.jobs import Job
from integrations.mllp.sender import NotDelivered, Sender, Target
from mappers.hl7v2.message import parse

LOG = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 2.0
DELAY_SECONDS_MAX: Final = 900.0
"""Until a message that was not acknowledged is sent again: twice as long each time (seconds)."""

CLOSED_SECONDS: Final = 60.0
"""Until a partner that is ended, or has no address, is looked at again (seconds)."""

ATTEMPTS_MAX: Final = 300
"""After that often, three days or so, a message is dead, and the next one goes (attempts)."""

ADDRESS: Final = "SELECT address FROM partner WHERE id = %s AND disabled IS NULL AND address <> ''"
FORGOTTEN: Final = """
SELECT DISTINCT m.partner FROM message m
WHERE m.direction = 'out' AND m.wire = 'mllp' AND m.state = 'mapped'
      AND NOT EXISTS (SELECT FROM job j WHERE j.key = 'send/' || m.partner AND j.state IN ('waiting', 'running'))
"""
"""Partners whose messages wait without a job: an older release made none."""

TAKEN: Final = ("AA", "CA")


@dataclass(frozen=True, slots=True)
class Deliveries:
    """What is done with the jobs of `ledger.send`: one for each partner, so that one worker at a time sends to it."""

    database: Database
    first_delay_seconds: float = FIRST_DELAY_SECONDS

    kind = ledger.KIND
    lanes = 16

    async def run(self, job: Job) -> None:
        """All that waits for a partner, until one message is not acknowledged; raises `LeaseLost`, `Unavailable`."""
        address = await self._address(job)
        if address is None:
            async with self.database.connection() as connection:
                return await jobs.postpone(connection, job, CLOSED_SECONDS)
        sender = Sender(target_of(address))
        try:
            while entry := await self._next(job):
                if not await self._sent(job, sender, entry):
                    return None
        finally:
            await sender.close()
        return None

    async def abandon(self, job: Job, problem: str) -> None:
        """A partner's messages are never given up together."""
        LOG.error("nothing can be sent to a partner, job %s: %s", job.id, problem)
        async with self.database.connection() as connection:
            await jobs.postpone(connection, job, CLOSED_SECONDS)

    async def tidy(self) -> None:
        """What waits has its job."""
        async with self.database.transaction() as connection:
            for (partner,) in await (await connection.execute(FORGOTTEN)).fetchall():
                await ledger.wake(connection, partner)

    async def _address(self, job: Job) -> str | None:
        async with self.database.connection() as connection:
            row = await (await connection.execute(ADDRESS, (job.payload["partner"],))).fetchone()
        return str(row[0]) if row else None

    async def _next(self, job: Job) -> ledger.Entry | None:
        """The message that is sent next; where there is none the job is over.

        The job's row is locked before it is looked: whoever adds a message is seen, or finds the job ended.
        """
        async with self.database.transaction() as connection:
            await jobs.advance(connection, job)
            entry = await ledger.waiting(connection, job.payload["partner"], "mllp")
            if entry is None:
                await jobs.finish(connection, job, "done")
        return entry

    async def _sent(self, job: Job, sender: Sender, entry: ledger.Entry) -> bool:
        """Whether the next one may go."""
        try:
            answer = await sender.send(entry.raw, entry.control_id)
        except NotDelivered as error:
            LOG.warning("message %s to %s was not acknowledged: %s", entry.id, entry.partner, error)
            return await self._not_sent(job, entry)
        msa = parse(answer).first("MSA")
        code = msa.text(1) if msa else ""
        async with self.database.transaction() as connection:
            await jobs.advance(connection, job, 1)
            await ledger.delivered(connection, entry.id, "answered" if code in TAKEN else "failed", code, answer)
        return True

    async def _not_sent(self, job: Job, entry: ledger.Entry) -> bool:
        is_over, wait = entry.attempts >= ATTEMPTS_MAX, self._delay(entry.attempts)
        async with self.database.transaction() as connection:
            await ledger.postpone(connection, entry.id, "dead" if is_over else "mapped", wait)
            await (jobs.advance(connection, job) if is_over else jobs.postpone(connection, job, wait))
        return is_over

    def _delay(self, attempts: int) -> float:
        """Not the same for all: partners that were away together do not come back together."""
        longest = min(self.first_delay_seconds * 2.0 ** min(attempts - 1, 20), DELAY_SECONDS_MAX)
        return float(longest * random.uniform(0.5, 1.0))  # noqa: S311 - nothing secret hangs on it


def target_of(address: str) -> Target:
    """`mllp://host:port`, over TLS `mllps://host:port`."""
    parts = urlsplit(address)
    tls = ssl.create_default_context() if parts.scheme == "mllps" else None
    return Target(parts.hostname or "", parts.port or 0, tls)
