"""Who is told of a job, over a real Redis, and what becomes of it where nobody is told."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
import redis

from fhir_server.embedded.valkey import EmbeddedValkey
from fhir_server.storage.database import Database, DatabaseOptions
from fhir_server.storage.jobs import DUE_MAX, Job, enqueue, finish, forget
from fhir_server.worker import runner as runner_module
from fhir_server.worker.broker import Broker, BrokerAway
from fhir_server.worker.dispatching import Dispatcher
from fhir_server.worker.main import woken
from fhir_server.worker.meters import Meters
from fhir_server.worker.runner import Runner
from tests.conftest import Database as Place
from tests.running.waiting import eventually

NEVER = 1e9


class Counting:
    """Work whose effect is to be counted."""

    kind = "test"
    lanes = 3

    def __init__(self, database: Database, done: Counter[str]) -> None:
        self.database = database
        self.done = done

    async def run(self, job: Job) -> None:
        async with self.database.transaction() as connection:
            await finish(connection, job, "done")
        self.done[job.key] += 1

    async def abandon(self, job: Job, problem: str) -> None:
        raise AssertionError(problem)

    async def tidy(self) -> None:
        return


class Waking:
    """A database, a Redis, and what tells and does jobs with them."""

    def __init__(self, database: Database, app_url: str, valkey: EmbeddedValkey, stack: AsyncExitStack) -> None:
        self.database = database
        self.app_url = app_url
        self.valkey = valkey
        self.done: Counter[str] = Counter()
        self._stack = stack

    async def add(self, *names: str) -> None:
        async with self.database.connection() as connection:
            for name in names:
                await enqueue(connection, "test", name, {})

    def broker(self) -> Broker:
        return Broker(self.valkey.url)

    async def tell(self) -> None:
        """Starts a dispatcher."""
        await self._stack.enter_async_context(going_on(Dispatcher(self.app_url, self.broker()).run))

    async def work(self, *, looks: bool = True, listens: bool = True) -> None:
        """Starts a worker, which looks for jobs, is told of jobs, or both."""
        runner = Runner(self.database, [Counting(self.database, self.done)], Meters())
        if looks:
            await self._stack.enter_async_context(going_on(runner.run))
        if listens:
            consumer = self.broker().consumer(woken(runner), runner.lanes)
            consumer.start()
            self._stack.push_async_callback(asyncio.to_thread, consumer.stop)

    async def has_done(self, *names: str) -> None:
        await eventually(lambda: self.done.keys() == set(names))


@asynccontextmanager
async def going_on(run: Callable[[], object]) -> AsyncIterator[None]:
    task = asyncio.create_task(run())  # type: ignore[arg-type]
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def waking(database: Place, data_dir: Path) -> AsyncIterator[Waking]:
    valkey = EmbeddedValkey(data_dir)
    valkey.start()
    opened = Database(DatabaseOptions(database.app_url, 4, 30_000))
    await opened.open()
    async with AsyncExitStack() as stack:
        yield Waking(opened, database.app_url, valkey, stack)
    await opened.close()
    valkey.stop()


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(runner_module, "OVERDUE_SECONDS", 0.5)


def names(count: int) -> list[str]:
    return [f"test/{uuid4()}" for _ in range(count)]


async def test_a_job_is_done_when_celery_tells_of_it(waking: Waking) -> None:
    await waking.tell()
    await waking.work(looks=False)
    wanted = names(20)
    await waking.add(*wanted)
    await waking.has_done(*wanted)
    assert set(waking.done.values()) == {1}


@pytest.mark.usefixtures("soon")
async def test_two_workers_do_each_job_once_however_often_they_are_told(waking: Waking) -> None:
    await waking.tell()
    await waking.work()
    await waking.work(listens=False)
    wanted = names(60)
    await waking.add(*wanted)
    await asyncio.to_thread(waking.broker().tell, ["test"] * 100)
    await waking.has_done(*wanted)
    assert set(waking.done.values()) == {1}


async def told_and_lost(waking: Waking) -> list[str]:
    """Jobs that Celery was told of, and has forgotten."""
    wanted = names(3)
    await waking.tell()
    await waking.add(*wanted)
    queue = redis.Redis.from_url(waking.valkey.url)
    await eventually(lambda: queue.llen("galenic") == len(wanted))
    queue.flushall()
    queue.close()
    return wanted


@pytest.mark.usefixtures("soon")
async def test_what_redis_has_lost_is_found_by_looking(waking: Waking) -> None:
    wanted = await told_and_lost(waking)
    await waking.work()
    await waking.has_done(*wanted)


async def test_naive_a_worker_that_only_believes_celery_never_does_what_redis_has_lost(waking: Waking) -> None:
    await told_and_lost(waking)
    await waking.work(looks=False)
    await asyncio.sleep(2)
    assert not waking.done


@pytest.mark.usefixtures("soon")
async def test_without_redis_jobs_are_done_and_with_it_again_they_are_told_of(waking: Waking) -> None:
    waking.valkey.stop()
    await waking.tell()
    await waking.work(listens=False)
    first, second = names(3), names(3)
    await waking.add(*first)
    await waking.has_done(*first)
    with pytest.raises(BrokerAway):
        waking.broker().tell(["test"])
    waking.valkey.start()
    await waking.add(*second)
    await waking.has_done(*first, *second)
    queue = redis.Redis.from_url(waking.valkey.url)
    await waking.add(*names(1))
    await eventually(lambda: queue.llen("galenic") > 0)
    queue.close()


async def test_a_worker_waits_for_a_redis_that_is_not_there_yet(waking: Waking) -> None:
    waking.valkey.stop()
    await waking.work(looks=False)
    await asyncio.sleep(0.5)
    waking.valkey.start()
    await waking.tell()
    wanted = names(1)
    await waking.add(*wanted)
    await waking.has_done(*wanted)


async def test_celery_begins_again_where_redis_has_refused_for_a_while(waking: Waking) -> None:
    """As a replica does, in a failover."""
    await waking.tell()
    await waking.work(looks=False)
    first, second = names(1), names(1)
    await waking.add(*first)
    await waking.has_done(*first)
    with redis.Redis.from_url(waking.valkey.url) as queue:
        queue.config_set("min-replicas-to-write", 1)
        await asyncio.sleep(2)
        queue.config_set("min-replicas-to-write", 0)
    await waking.add(*second)
    await waking.has_done(*first, *second)


async def test_a_kind_of_which_much_waits_hides_no_other(waking: Waking) -> None:
    await waking.tell()
    async with waking.database.connection() as connection:
        for number in range(DUE_MAX + 10):
            await enqueue(connection, "other", f"other/{number}", {})
        await connection.execute("UPDATE job SET due = due - interval '1 hour'")
    await waking.work(looks=False)
    wanted = names(3)
    await waking.add(*wanted)
    await waking.has_done(*wanted)


async def test_what_ended_long_ago_is_forgotten_around_what_somebody_holds(waking: Waking) -> None:
    await waking.add(*names(5))
    old = "UPDATE job SET state = 'done', finished = now() - interval '40 days'"
    async with waking.database.connection() as connection, waking.database.transaction() as other:
        await connection.execute(old)
        await other.execute("SELECT 1 FROM job LIMIT 1 FOR UPDATE")
        assert not await forget(connection)
        assert await (await connection.execute("SELECT count(*) FROM job")).fetchone() == (1,)


async def test_nothing_but_the_kind_of_a_job_is_in_redis(waking: Waking) -> None:
    await waking.tell()
    await waking.add("test/canary-1960")
    queue = redis.Redis.from_url(waking.valkey.url)
    await eventually(lambda: queue.llen("galenic") == 1)
    (message,) = queue.lrange("galenic", 0, -1)
    queue.close()
    assert b"canary" not in message
