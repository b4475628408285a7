"""What a worker does with a job that cannot be done: now, or ever; and how many it does at once."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from fhir_server.errors import Conflict, TooCostly, Unavailable
from fhir_server.storage.jobs import ATTEMPTS_MAX, Job, LeaseLost
from fhir_server.worker import main, runner
from fhir_server.worker.main import kept_running
from fhir_server.worker.meters import Meters
from fhir_server.worker.runner import Runner
from tests.running.waiting import PATIENCE_SECONDS

RENEWALS = 3
MOMENT = datetime(2026, 11, 21, tzinfo=UTC)


@dataclass
class Work:
    """Does what it is told."""

    error: Exception | None = None
    kind: str = "test"
    lanes: int = 2
    ran: int = 0
    under_way: int = 0
    most: int = 0
    abandoned: list[str] = field(default_factory=list)
    going_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, _job: Job) -> None:
        self.ran += 1
        if self.error:
            raise self.error
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.going_on.wait()
        self.under_way -= 1

    async def abandon(self, _job: Job, problem: str) -> None:
        self.abandoned.append(problem)

    async def tidy(self) -> None:
        return


class Jobs:
    """In place of the statements of storage/jobs.py: so many wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, waiting: int = 1, attempts: int = 1) -> None:
        self.waiting = waiting
        self.attempts = attempts
        self.released = 0
        self.counted = 0
        self.statements = 0
        self.renewals = 0
        self.renewed = asyncio.Event()
        for name in ("claim_several", "release", "advance"):
            monkeypatch.setattr(runner, name, getattr(self, name))
        monkeypatch.setattr(runner, "SOON_SECONDS", 0.0)

    async def claim_several(self, _connection: Any, _kind: str, _version: int, most: int) -> list[Job]:
        self.statements += 1
        claimed = min(most, self.waiting)
        self.waiting -= claimed
        return [self._job() for _ in range(claimed)]

    def _job(self) -> Job:
        return Job(uuid4(), "test", "t/1", "running", {}, 0, 0, self.attempts, 1, MOMENT, MOMENT, None, None, None)

    async def release(self, *_: Any, counts: bool) -> None:
        self.released += 1
        self.counted += counts

    async def advance(self, *_: Any) -> None:
        self.renewals += 1
        if self.renewals == 1:
            raise Unavailable("for a moment")
        if self.renewals == RENEWALS:
            self.renewed.set()


class NoDatabase:
    @asynccontextmanager
    async def connection(self):
        yield None


async def woken(work: Work) -> None:
    lane = Runner(NoDatabase(), [work], Meters()).wake("test")  # type: ignore[arg-type]
    assert lane is not None
    await lane


@pytest.mark.parametrize(
    ("error", "counted"),
    [
        (Unavailable("away"), 0),
        (psycopg.OperationalError("no answer"), 0),
        (Conflict("held"), 1),
        (TooCostly("long"), 1),
        (psycopg.errors.DeadlockDetected("held"), 1),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_what_a_moment_of_the_database_stopped_is_given_back_and_counts_if_it_may_be_the_job_s_doing(
    monkeypatch: pytest.MonkeyPatch, error: Exception, counted: int
) -> None:
    jobs, work = Jobs(monkeypatch), Work(error)
    await woken(work)
    assert (work.abandoned, jobs.released, jobs.counted) == ([], 1, counted)


@pytest.mark.parametrize(("attempts", "ran"), [(1, 1), (ATTEMPTS_MAX + 1, 0)])
async def test_what_can_never_be_done_is_given_up(monkeypatch: pytest.MonkeyPatch, attempts: int, ran: int) -> None:
    jobs, work = Jobs(monkeypatch, attempts=attempts), Work(LookupError())
    await woken(work)
    assert (work.ran, len(work.abandoned), jobs.released) == (ran, 1, 0)


async def test_whoever_lost_the_lease_says_nothing_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, work = Jobs(monkeypatch), Work(LeaseLost("gone"))
    await woken(work)
    assert (work.ran, work.abandoned, jobs.released) == (1, [], 0)


async def test_a_kind_has_as_many_lanes_as_it_says_and_they_go_on_by_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs, work = Jobs(monkeypatch, waiting=10), Work()
    running = Runner(NoDatabase(), [work], Meters())  # type: ignore[arg-type]
    lanes = [running.wake("test") for _ in range(5)]
    assert [lane is not None for lane in lanes] == [True, True, False, False, False]
    while work.under_way < work.lanes:
        await asyncio.sleep(0)
    work.going_on.set()
    await asyncio.gather(*(lane for lane in lanes if lane))
    assert (work.ran, work.most) == (10, 2)
    assert jobs.statements < 10  # lanes that are free at the same time claim together


async def test_a_kind_nobody_here_does_is_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(monkeypatch)
    assert Runner(NoDatabase(), [Work()], Meters()).wake("other") is None  # type: ignore[arg-type]
    assert jobs.waiting == 1


async def test_a_worker_that_stops_gives_back_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, work = Jobs(monkeypatch), Work()
    running = Runner(NoDatabase(), [work], Meters())  # type: ignore[arg-type]
    monkeypatch.setattr(running, "_look", lambda: asyncio.sleep(0))
    ran = asyncio.create_task(running.run())
    running.wake("test")
    while work.under_way == 0:
        await asyncio.sleep(0)
    ran.cancel()
    await asyncio.gather(ran, return_exceptions=True)
    assert jobs.released == 1
    assert running.wake("test") is None


async def test_what_is_claimed_for_a_lane_that_has_ended_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, work = Jobs(monkeypatch), Work()
    running = Runner(NoDatabase(), [work], Meters())  # type: ignore[arg-type]
    lane = running.wake("test")
    assert lane is not None
    while jobs.statements == 0:
        await asyncio.sleep(0)
    lane.cancel()
    await asyncio.gather(lane, return_exceptions=True)
    assert (work.ran, jobs.waiting, jobs.released) == (0, 0, 1)


async def test_a_lease_that_could_not_be_renewed_once_is_renewed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs, work = Jobs(monkeypatch), Work()
    monkeypatch.setattr(runner, "RENEW_SECONDS", 0.0)
    lane = Runner(NoDatabase(), [work], Meters()).wake("test")  # type: ignore[arg-type]
    assert lane is not None
    async with asyncio.timeout(PATIENCE_SECONDS):
        await jobs.renewed.wait()
    work.going_on.set()
    await lane


@pytest.mark.parametrize("error", [Conflict("held"), TooCostly("long"), Unavailable("away"), LookupError()])
async def test_a_runner_that_failed_once_does_jobs_again(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever it failed with: what is not foreseen ends it, and it is run again."""
    Jobs(monkeypatch)
    work, failures = Work(), iter([error])
    work.going_on.set()
    running = Runner(NoDatabase(), [work], Meters())  # type: ignore[arg-type]

    async def look() -> None:
        if failed := next(failures, None):
            raise failed
        running.wake("test")

    monkeypatch.setattr(running, "_look", look)
    monkeypatch.setattr(runner, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(main, "RESTART_SECONDS", 0.0)
    kept = asyncio.create_task(kept_running("the jobs", running.run))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not work.ran:
            await asyncio.sleep(0)
    kept.cancel()
    await asyncio.gather(kept, return_exceptions=True)


@pytest.mark.parametrize("error", [Conflict("held"), Unavailable("away"), ValueError()])
async def test_where_giving_up_fails_too_the_lane_ends_and_another_begins(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    Jobs(monkeypatch, waiting=2)
    work = Work(LookupError())

    async def abandon(*_: Any) -> None:
        raise error

    monkeypatch.setattr(work, "abandon", abandon)
    running = Runner(NoDatabase(), [work], Meters())  # type: ignore[arg-type]
    for _ in range(3):
        lane = running.wake("test")
        assert lane is not None
        await lane
    assert work.ran == 2
