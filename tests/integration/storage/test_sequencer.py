"""The sequencer under concurrent writers, long and short: each committed version becomes one event, in order."""

import asyncio
import os
import random
import secrets
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from fhir_server.auth.context import Context
from fhir_server.clock import after, truncate
from fhir_server.search.index import IndexRow
from fhir_server.storage.stamp import stamped
from fhir_server.storage.version import NewVersion, Version
from fhir_server.storage.write import write_versions
from tests.conftest import Database
from tests.running.galenic import CURSOR_KEY, INDEX_KEY
from tests.running.store import (
    Contents,
    assert_each_version_has_one_audit_record,
    assert_each_version_has_one_event,
    assert_histories_are_contiguous,
    drain,
    read_contents,
)
from tests.running.valkey import redis_url
from tests.running.waiting import wait_until

ROOT = Path(__file__).parents[3]
WRITERS = 8
TAKEOVER_SECONDS_MAX = 3.0
HOLDER = """
SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND l.classid = 2 AND l.granted AND d.datname = current_database()
"""
STANDING_BY = """
SELECT count(*) FROM pg_stat_activity
WHERE query LIKE 'SELECT pg_try_advisory_lock%%' AND datname = current_database() AND pid <> %s
"""
LAST_SEQ = "SELECT seq FROM event_head"


@pytest.fixture
def transactions(at_full_counts: bool) -> int:
    """Transactions of each writer."""
    return 400 if at_full_counts else 60


class Writing:
    """Writers of the real statements; one in ten holds its transaction open, one in ten rolls it back."""

    def __init__(self, database: Database, transactions: int) -> None:
        self._database = database
        self._transactions = transactions
        self._rids = count(1_000_000)
        self.committed: set[tuple[int, int]] = set()
        self.rolled_back: set[tuple[int, int]] = set()

    async def run(self, until: asyncio.Event | None = None) -> None:
        """So many transactions a writer, or as many as there is time for."""
        turns = (iter(until.is_set, True) if until else range(self._transactions) for _ in range(WRITERS))
        await asyncio.gather(*(self._write(random.Random(number), own) for number, own in enumerate(turns)))

    async def _write(self, draw: random.Random, turns: Iterable[Any]) -> None:
        mine: list[Version] = []
        async with await AsyncConnection.connect(self._database.app_url) as connection:
            for _ in turns:
                new = [next_version(draw, mine, self._rids) for _ in range(draw.randint(1, 3))]
                new = list({one.stored.rid: one for one in new}.values())
                await write_versions(connection, new, Context("a", "b", "TREAT", secrets.token_hex(8)))
                await self._end(connection, draw, new, mine)

    async def _end(self, connection: Any, draw: random.Random, new: list[NewVersion], mine: list[Version]) -> None:
        what = draw.random()
        if what < 0.1:
            await asyncio.sleep(draw.uniform(0.005, 0.1))  # a long transaction, not a wait for something
        written = {(one.stored.rid, one.stored.version) for one in new}
        if what > 0.9:
            await connection.rollback()
            self.rolled_back |= written
            return
        await connection.commit()
        self.committed |= written
        rids = {one.stored.rid for one in new}
        mine[:] = [version for version in mine if version.rid not in rids] + [one.stored for one in new]


def next_version(draw: random.Random, mine: list[Version], rids: Iterator[int]) -> NewVersion:
    """Of a resource of this writer's own, or of a new one."""
    now = truncate(datetime.now(UTC))
    if mine and draw.random() < 0.6:
        old = draw.choice(mine)
        changed = a_version(old.rid, old.version + 1, after(old.last_updated, now), "update")
        return NewVersion(changed, old.version, IndexRow(), 200)
    return NewVersion(a_version(next(rids), 1, now, "create"), None, IndexRow(), 201)


def a_version(rid: int, version: int, moment: Any, interaction: Any) -> Version:
    body = stamped({"resourceType": "Basic", "code": {"text": "x"}}, str(rid), version, moment)
    return Version(rid, "Basic", str(rid), version, moment, interaction, body)


@contextmanager
def worker(database: Database) -> Iterator[subprocess.Popen[bytes]]:
    """A worker process, as the server starts it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GALENIC_")}
    environment |= {"GALENIC_DATABASE_URL": database.app_url, "GALENIC_REDIS_URL": redis_url()}
    environment |= {"GALENIC_LOG_LEVEL": "error"}
    environment |= {"GALENIC_INDEX_KEY": INDEX_KEY, "GALENIC_CURSOR_KEY": CURSOR_KEY}
    process = subprocess.Popen([sys.executable, "-m", "fhir_server.worker.main"], env=environment, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def value(database: Database, statement: str, *values: Any) -> Any:
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        row = connection.execute(statement, values).fetchone()
        return row[0] if row else None


def assert_events_are_complete(database: Database, writing: Writing) -> Contents:
    drain(database.superuser_url)
    contents = read_contents(database.superuser_url)
    assert_histories_are_contiguous(contents.versions)
    assert_each_version_has_one_event(contents)
    assert_each_version_has_one_audit_record(contents)
    assert {(event.rid, event.version) for event in contents.events} == writing.committed
    return contents


async def test_each_committed_version_is_one_event_and_nothing_rolled_back_is(database, transactions):
    writing = Writing(database, transactions)
    with worker(database):
        await writing.run()
        contents = await asyncio.to_thread(assert_events_are_complete, database, writing)
    never = writing.rolled_back - writing.committed
    assert never
    assert not never & {(event.rid, event.version) for event in contents.events}


async def test_a_naive_reader_past_a_high_water_mark_misses_what_commits_late(database, transactions):
    writing = Writing(database, transactions)
    done = asyncio.Event()
    reading = asyncio.create_task(read_past_the_mark(database, done))
    await writing.run()
    done.set()
    missed = writing.committed - await reading
    print(f"a high-water mark missed {len(missed)} of {len(writing.committed)} versions")
    assert missed


async def read_past_the_mark(database: Database, done: asyncio.Event) -> set[tuple[int, int]]:
    return {row async for rows in polls(database, done) for row in rows}


async def polls(database: Database, done: asyncio.Event) -> AsyncIterator[list[tuple[int, int]]]:
    """What stands in the outbox past the highest number seen; once more when all is written."""
    mark = 0
    async with await AsyncConnection.connect(database.superuser_url, autocommit=True) as connection:
        while True:
            last = done.is_set()
            found = await connection.execute("SELECT number, rid, version FROM outbox WHERE number > %s", [mark])
            rows = await found.fetchall()
            mark = max([mark, *(number for number, _, _ in rows)])
            yield [(rid, version) for _, rid, version in rows]
            if last:
                return


async def test_a_killed_sequencer_is_replaced_and_no_event_is_lost_or_doubled(database, transactions):
    """Two workers; the one that sequences is killed under load, the other takes over; and once more."""
    writing = Writing(database, transactions)
    with worker(database) as first:
        await asyncio.to_thread(wait_for_holder, database, None)
        with worker(database) as second:
            took = [await kill_under_load(database, writing, first)]
            with worker(database):
                took.append(await kill_under_load(database, writing, second))
                await asyncio.to_thread(assert_events_are_complete, database, writing)
    print("another worker sequenced " + " and ".join(f"{seconds:.2f} s" for seconds in took) + " after the kill")


async def kill_under_load(database: Database, writing: Writing, process: subprocess.Popen[bytes]) -> float:
    holder = value(database, HOLDER)
    await asyncio.to_thread(wait_for_standby, database, holder)
    killed = asyncio.Event()
    load = asyncio.create_task(writing.run(until=killed))
    try:
        return await asyncio.to_thread(kill_and_wait, database, process, holder)
    finally:
        killed.set()
        await load


def wait_for_holder(database: Database, not_this: int | None) -> int:
    wait_until(lambda: value(database, HOLDER) not in (None, not_this))
    return int(value(database, HOLDER))


def wait_for_standby(database: Database, holder: int) -> None:
    wait_until(lambda: value(database, STANDING_BY, holder) > 0)


def kill_and_wait(database: Database, process: subprocess.Popen[bytes], holder: int) -> float:
    """Kills once events flow; the time until another session holds the lock (seconds)."""
    before = value(database, LAST_SEQ)
    wait_until(lambda: value(database, LAST_SEQ) > before)
    process.send_signal(signal.SIGKILL)
    return wait_until(lambda: value(database, HOLDER) not in (None, holder), TAKEOVER_SECONDS_MAX)


async def test_only_one_of_two_workers_sequences(database):
    with worker(database), worker(database):
        holder = await asyncio.to_thread(wait_for_holder, database, None)
        await asyncio.to_thread(wait_for_standby, database, holder)
        with psycopg.connect(database.superuser_url) as connection:
            assert connection.execute(HOLDER).fetchall() == [(holder,)]
