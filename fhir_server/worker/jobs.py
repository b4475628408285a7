"""The loop that does jobs: claims one after the other, and gives up what it no longer holds."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

import psycopg

from fhir_server.errors import Unavailable
from fhir_server.search.index import INDEX_VERSION
from fhir_server.storage.database import LOCK_WAIT_MS, Connection
from fhir_server.storage.jobs import ATTEMPTS_MAX, Job, LeaseLost, claim

LOG = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
"""Time between two looks for a job (seconds)."""

RECONNECT_SECONDS: Final = 1.0
"""Time between two attempts to reach the database (seconds)."""

TIDY_SECONDS: Final = 3_600.0
"""Time between two looks for what was left behind (seconds)."""

OPTIONS: Final = f"-c timezone=UTC -c lock_timeout={LOCK_WAIT_MS}"


class Work(Protocol):
    """What is done with the jobs of a kind."""

    kind: str

    async def run(self, connection: Connection, job: Job) -> None:
        """Does it, and says in the same transaction that it is done; raises `LeaseLost`."""

    async def abandon(self, connection: Connection, job: Job, problem: str) -> None:
        """It has failed; raises `LeaseLost`."""

    async def tidy(self, connection: Connection) -> None:
        """At the start, and once in TIDY_SECONDS."""


class JobLoop:
    """Does jobs of one kind until cancelled, on a connection of its own."""

    def __init__(self, url: str, work: Work, clock: Callable[[], float]) -> None:
        self._url = url
        self._work = work
        self._clock = clock

    async def run(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, options=OPTIONS)
                async with connection:
                    await self._serve(connection)
            except psycopg.Error as error:
                LOG.warning("the job loop lost its connection: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self, connection: Connection) -> None:
        tidy_at = self._clock()
        while True:
            if self._clock() >= tidy_at:
                await self._work.tidy(connection)
                tidy_at = self._clock() + TIDY_SECONDS
            job = await claim(connection, self._work.kind, INDEX_VERSION)
            if job is None:
                await asyncio.sleep(POLL_SECONDS)
            else:
                await self._do(connection, job)

    async def _do(self, connection: Connection, job: Job) -> None:
        try:
            if job.attempts > ATTEMPTS_MAX:
                await self._work.abandon(connection, job, "TooManyAttempts")
                return
            await self._work.run(connection, job)
        except LeaseLost as lost:
            LOG.warning("%s", lost)
        except (psycopg.OperationalError, Unavailable):
            raise  # the database was away: the lease runs out, and whoever comes first goes on
        except Exception as error:  # noqa: BLE001 - one job that cannot be done must not keep others from being done
            LOG.error("job %s has failed: %s", job.id, type(error).__name__)  # noqa: TRY400 - no values in the log
            await self._fail(connection, job, error)

    async def _fail(self, connection: Connection, job: Job, error: Exception) -> None:
        try:
            await self._work.abandon(connection, job, type(error).__name__)
        except LeaseLost as lost:
            LOG.warning("%s", lost)
