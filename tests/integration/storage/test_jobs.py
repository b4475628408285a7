"""Jobs: one holder at a time, and whoever was replaced writes nothing."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import psycopg
import pytest

from fhir_server.storage.database import Connection
from fhir_server.storage.jobs import Job, LeaseLost, advance, claim, enqueue, find, finish, supersede
from tests.conftest import Database

VERSION = 2
EXPIRE = "UPDATE job SET lease_until = clock_timestamp() - interval '1 second'"


@pytest.fixture
async def workers(database: Database) -> AsyncIterator[list[Connection]]:
    """Two, each with a connection of its own."""
    async with AsyncExitStack() as stack:
        connect = psycopg.AsyncConnection.connect
        yield [await stack.enter_async_context(await connect(database.app_url, autocommit=True)) for _ in range(2)]


@pytest.fixture
async def job(workers: list[Connection]) -> Job:
    return await enqueue(workers[0], "reindex", "reindex/1/1", {"generation": 1, "index_version": VERSION})


async def claimed(connection: Connection) -> Job:
    job = await claim(connection, "reindex", VERSION)
    assert job is not None
    return job


async def test_what_is_asked_for_twice_is_one_job(workers: list[Connection], job: Job) -> None:
    again = await enqueue(workers[1], "reindex", "reindex/1/1", {"generation": 1})
    assert (again.id, again.payload, again.state) == (job.id, job.payload, "waiting")


async def test_a_job_has_one_holder(workers: list[Connection], job: Job) -> None:
    held = await claimed(workers[0])
    assert (held.id, held.state, held.fence, held.attempts) == (job.id, "running", 1, 1)
    assert await claim(workers[1], "reindex", VERSION) is None


async def test_a_job_being_claimed_by_one_is_passed_over_by_the_other(workers: list[Connection], job: Job) -> None:
    async with workers[0].transaction():
        await claimed(workers[0])
        assert await claim(workers[1], "reindex", VERSION) is None


async def test_whoever_lost_the_lease_can_write_nothing(workers: list[Connection], job: Job) -> None:
    first = await claimed(workers[0])
    await advance(workers[0], first, 10)
    await workers[0].execute(EXPIRE)
    second = await claimed(workers[1])
    assert (second.fence, second.position) == (2, 10)
    for change in (advance(workers[0], first, 5), finish(workers[0], first, "done")):
        with pytest.raises(LeaseLost):
            await change
    await advance(workers[1], second, 1)
    await finish(workers[1], second, "failed", "ValueError")
    ended = await find(workers[0], job.id)
    assert ended is not None
    assert (ended.position, ended.total, ended.state, ended.problem) == (11, 11, "failed", "ValueError")
    assert ended.finished is not None


async def test_progress_renews_the_lease_and_forgives_earlier_attempts(workers: list[Connection], job: Job) -> None:
    held = await claimed(workers[0])
    await workers[0].execute(EXPIRE)
    await advance(workers[0], held, 1)
    assert await claim(workers[1], "reindex", VERSION) is None
    kept = await find(workers[0], job.id)
    assert kept is not None
    assert kept.attempts == 0


async def test_a_superseded_job_is_nobody_s(workers: list[Connection], job: Job) -> None:
    held = await claimed(workers[0])
    await supersede(workers[1], "reindex")
    with pytest.raises(LeaseLost):
        await advance(workers[0], held)
    assert await claim(workers[1], "reindex", VERSION) is None


async def test_a_job_for_a_later_release_waits_for_its_worker(workers: list[Connection], job: Job) -> None:
    assert await claim(workers[0], "reindex", VERSION - 1) is None
    assert await claim(workers[0], "reindex", VERSION + 1) is not None
