"""Jobs of one kind, many at once: each waits for somebody outside, and none for another."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol

import psycopg

from fhir_server.errors import Conflict, Unavailable
from fhir_server.search.index import INDEX_VERSION
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.events import wait_for_notification
from fhir_server.storage.jobs import LEASE_SECONDS, Job, LeaseLost, advance, claim, postpone
from fhir_server.storage.subscriptions import CHANNEL

LOG = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
"""Longest a job that is due waits where no notification wakes the worker (seconds)."""

RECONNECT_SECONDS: Final = 1.0
"""Time between two attempts to reach the database (seconds)."""

AT_ONCE_MAX: Final = 64
"""Jobs under way in one worker at the same time (jobs)."""

SOON_SECONDS: Final = 1.0
"""Until what failed for a moment, of the database, is tried again (seconds)."""

AGAIN_SECONDS: Final = 60.0
"""Until what failed in a way nobody foresaw is tried again (seconds)."""


class Work(Protocol):
    """What is done with the jobs of a kind; a connection is only held where something is asked."""

    kind: str

    async def run(self, job: Job) -> None:
        """Does it, and ends or postpones the job; raises `LeaseLost`."""


class Lanes:
    """Does jobs of one kind until cancelled."""

    def __init__(self, url: str, database: Database, work: Work) -> None:
        self._url = url
        self._database = database
        self._work = work
        self._lanes: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        try:
            while True:
                try:
                    await self._serve()
                except (psycopg.Error, Unavailable) as error:
                    LOG.warning("the lanes lost their connection: %s", type(error).__name__)
                    await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            for lane in self._lanes:
                lane.cancel()
            await asyncio.gather(*self._lanes, return_exceptions=True)

    async def _serve(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, options="-c timezone=UTC")
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                await self._fill(connection)
                await wait_for_notification(connection, POLL_SECONDS)

    async def _fill(self, connection: Connection) -> None:
        while len(self._lanes) < AT_ONCE_MAX and (job := await self._claim(connection)):
            lane = asyncio.create_task(self._lane(job))
            self._lanes.add(lane)
            lane.add_done_callback(self._lanes.discard)

    async def _claim(self, connection: Connection) -> Job | None:
        return await claim(connection, self._work.kind, INDEX_VERSION)

    async def _lane(self, job: Job) -> None:
        """One job after the other, for as long as there are any."""
        try:
            following: Job | None = job
            while following:
                await self._do(following)
                async with self._database.connection() as connection:
                    following = await self._claim(connection)
        except (psycopg.Error, Unavailable) as error:  # the lease runs out, and whoever comes first goes on
            LOG.warning("a lane lost its connection: %s", type(error).__name__)

    async def _do(self, job: Job) -> None:
        try:
            async with self._held(job):
                await self._work.run(job)
        except LeaseLost as lost:
            LOG.warning("%s", lost)
        except asyncio.CancelledError:
            await self._later(job, 0)
            raise
        except (psycopg.OperationalError, Unavailable, Conflict) as error:
            LOG.warning("job %s is tried again: %s", job.id, type(error).__name__)
            await self._later(job, SOON_SECONDS)
        except Exception as error:  # noqa: BLE001 - one job that cannot be done must not keep others from being done
            LOG.error("job %s has failed: %s", job.id, type(error).__name__)  # noqa: TRY400 - no values in the log
            await self._later(job, AGAIN_SECONDS)

    @asynccontextmanager
    async def _held(self, job: Job) -> AsyncIterator[None]:
        """The lease is renewed for as long as the job is being done, so that it ends soon after its worker."""
        holding = asyncio.create_task(self._hold(job))
        try:
            yield
        finally:
            holding.cancel()
            await asyncio.gather(holding, return_exceptions=True)

    async def _hold(self, job: Job) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / 3)
            async with self._database.connection() as connection:
                await advance(connection, job)

    async def _later(self, job: Job, seconds: float) -> None:
        """Where the database is away the lease runs out, and whoever comes first goes on."""
        with suppress(LeaseLost, psycopg.Error, Unavailable):
            async with self._database.connection() as connection:
                await postpone(connection, job, seconds)
