"""Does jobs of all kinds: each in a lane, as many at once as its kind has lanes.

The row is the truth. Whoever says that there is something to do is believed only as far as the row can be claimed: said
twice, it is done once; said to nobody, it is found by looking.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final, Protocol

import psycopg

from fhir_server.errors import Conflict, GalenicError, TooCostly, Unavailable
from fhir_server.search.index import INDEX_VERSION
from fhir_server.storage.database import Database, is_away
from fhir_server.storage.jobs import (
    ATTEMPTS_MAX,
    LEASE_SECONDS,
    Job,
    LeaseLost,
    Queue,
    advance,
    claim_several,
    forget,
    queues,
    release,
)
from fhir_server.together import Together
from fhir_server.worker.meters import Meters, Outcome

LOG = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0
"""Time between two looks for jobs that nobody was told of (seconds)."""

OVERDUE_SECONDS: Final = 2.0
"""A job that is due for so long, and that nobody has claimed, is done by whoever sees it (seconds)."""

SOON_SECONDS: Final = 1.0
"""Until a job is given back that failed for a moment, of the database (seconds)."""

RENEW_SECONDS: Final = LEASE_SECONDS / 3
"""Between two signs of life of whoever holds a job (seconds)."""

TIDY_SECONDS: Final = 3_600.0
"""Time between two looks for what was left behind (seconds)."""


class Work(Protocol):
    """What is done with the jobs of a kind."""

    kind: str
    lanes: int
    """Jobs under way in one worker at the same time (jobs)."""

    async def run(self, job: Job) -> None:
        """Does it, and ends or postpones the job in the transaction of its effect; raises `LeaseLost`."""

    async def abandon(self, job: Job, problem: str) -> None:
        """It has failed in a way nobody foresaw; raises `LeaseLost`."""

    async def tidy(self) -> None:
        """At the start, and once in TIDY_SECONDS."""


class Runner:
    """Of one worker."""

    def __init__(self, database: Database, works: Sequence[Work], meters: Meters) -> None:
        self._database = database
        self._works = {work.kind: work for work in works}
        self._claims = {work.kind: Together(partial(self._claimed_together, work.kind)) for work in works}
        self._meters = meters
        self._busy: Counter[str] = Counter()
        self._lanes: set[asyncio.Task[None]] = set()
        self._tidy_at = 0.0
        self._is_ending = False

    @property
    def lanes(self) -> int:
        """Jobs under way at the same time at most (jobs)."""
        return sum(work.lanes for work in self._works.values())

    async def run(self) -> None:
        """Until cancelled: does what is overdue, and gives back what is under way when it ends."""
        self._is_ending = False
        try:
            while True:
                try:
                    await self._look()
                except (psycopg.Error, GalenicError) as error:
                    LOG.warning("jobs cannot be looked for: %s", type(error).__name__)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            self._is_ending = True
            for lane in self._lanes:
                lane.cancel()
            await asyncio.gather(*self._lanes, return_exceptions=True)

    async def _look(self) -> None:
        if time.monotonic() >= self._tidy_at:
            await self._tidy()
            self._tidy_at = time.monotonic() + TIDY_SECONDS
        async with self._database.connection() as connection:
            found = await queues(connection, OVERDUE_SECONDS)
        for kind, work in self._works.items():
            queue = found.get(kind, Queue())
            self._meters.looked(kind, queue)
            for _ in range(min(queue.overdue, work.lanes - self._busy[kind])):
                self.wake(kind)

    async def _tidy(self) -> None:
        """What cannot be tidied up now keeps no job waiting."""
        tidying = {kind: work.tidy for kind, work in self._works.items()} | {"ended jobs": self._forget}
        for name, tidy in tidying.items():
            try:
                await tidy()
            except (psycopg.Error, GalenicError) as error:
                LOG.warning("what is left of %s is not tidied up: %s", name, type(error).__name__)

    async def _forget(self) -> None:
        async with self._database.connection() as connection:
            while await forget(connection):
                pass

    def wake(self, kind: str) -> asyncio.Task[None] | None:
        """There is a job of that kind: a lane begins, unless all are taken, which look for themselves."""
        work = self._works.get(kind)
        if work is None or self._busy[kind] >= work.lanes or self._is_ending:
            return None
        self._busy[kind] += 1
        lane = asyncio.create_task(self._lane(work))
        self._lanes.add(lane)
        lane.add_done_callback(self._lanes.discard)
        return lane

    async def _lane(self, work: Work) -> None:
        """One job after the other, for as long as there are any."""
        try:
            while job := await self._claimed(work):
                await self._do(work, job)
        except Exception as error:  # noqa: BLE001 - the lease runs out, and whoever comes first goes on
            LOG.warning("a lane ends: %s", type(error).__name__)
        finally:
            self._busy[work.kind] -= 1

    async def _claimed(self, work: Work) -> Job | None:
        """The next job; what is claimed for a lane that ends meanwhile is given back."""
        asking = asyncio.ensure_future(self._claims[work.kind].ask(None))
        try:
            return await asyncio.shield(asking)
        except asyncio.CancelledError:
            with suppress(psycopg.Error, GalenicError):
                if job := await asking:
                    await self._give_back(job)
            raise

    async def _claimed_together(self, kind: str, lanes: Sequence[None]) -> list[Job | None]:
        """One for each lane that asks, as far as there are any: one commit for all."""
        async with self._database.connection() as connection:
            found = await claim_several(connection, kind, INDEX_VERSION, len(lanes))
        return [*found, *[None] * (len(lanes) - len(found))]

    async def _do(self, work: Work, job: Job) -> None:
        try:
            async with self._held(job):
                self._meters.attempted(work.kind, await self._attempt(work, job))
        except asyncio.CancelledError:
            await self._give_back(job)
            raise

    async def _attempt(self, work: Work, job: Job) -> Outcome:
        try:
            if job.attempts > ATTEMPTS_MAX:
                return await self._abandon(work, job, "TooManyAttempts")
            await work.run(job)
        except LeaseLost as lost:
            LOG.warning("%s", lost)
            return "lost"
        except (psycopg.OperationalError, Unavailable, Conflict, TooCostly) as error:
            LOG.warning("job %s is tried again: %s", job.id, type(error).__name__)
            await asyncio.sleep(SOON_SECONDS)
            await self._give_back(job, counts=not _is_away(error))
            return "given back"
        except Exception as error:  # noqa: BLE001 - one job that cannot be done must not keep others from being done
            LOG.error("job %s has failed: %s", job.id, type(error).__name__)  # noqa: TRY400 - no values in the log
            return await self._abandon(work, job, type(error).__name__)
        return "ended"

    async def _abandon(self, work: Work, job: Job, problem: str) -> Outcome:
        try:
            await work.abandon(job, problem)
        except (psycopg.Error, GalenicError) as error:  # the lease runs out, and whoever comes first goes on
            LOG.warning("job %s is not given up: %s", job.id, type(error).__name__)
            return "lost"
        return "failed"

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
        """Until it is lost: what goes wrong once is tried again soon, the lease is three renewals long."""
        wait = RENEW_SECONDS
        while True:
            await asyncio.sleep(wait)
            try:
                async with self._database.connection() as connection:
                    await advance(connection, job)
                wait = RENEW_SECONDS
            except LeaseLost:
                return
            except (psycopg.Error, GalenicError) as error:
                LOG.warning("the lease of job %s is not renewed: %s", job.id, type(error).__name__)
                wait = SOON_SECONDS

    async def _give_back(self, job: Job, *, counts: bool = False) -> None:
        """Where the database is away the lease runs out, and whoever comes first goes on."""
        with suppress(psycopg.Error, GalenicError):
            async with self._database.connection() as connection:
                await release(connection, job, counts=counts)


def _is_away(error: Exception) -> bool:
    """Whether it says nothing about the job: one that always runs into a lock is given up in the end."""
    return isinstance(error, Unavailable) or (isinstance(error, psycopg.OperationalError) and is_away(error))
