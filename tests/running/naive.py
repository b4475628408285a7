"""What a server without our locks would do, in SQL: each of these loses its race, so the race is a real one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection

Session = AsyncConnection[tuple[Any, ...]]

TABLES = """
CREATE TABLE IF NOT EXISTS naive_key (key text);
CREATE TABLE IF NOT EXISTS naive_version (id text, version integer);
CREATE TABLE IF NOT EXISTS naive_target (id integer PRIMARY KEY, alive boolean);
CREATE TABLE IF NOT EXISTS naive_link (target integer);
TRUNCATE naive_key, naive_version, naive_target, naive_link;
"""

ONE_STATEMENT = """
WITH locked AS MATERIALIZED (SELECT pg_advisory_xact_lock(3, 0))
INSERT INTO naive_key SELECT %(key)s FROM locked
WHERE NOT EXISTS (SELECT FROM naive_key WHERE key = %(key)s)
"""


@asynccontextmanager
async def sessions(url: str, count: int) -> AsyncIterator[list[Session]]:
    """`count` sessions as a role that may make the scratch tables, which are empty."""
    opened: list[Session] = [await AsyncConnection.connect(url, autocommit=True) for _ in range(count)]
    try:
        await opened[0].execute(TABLES)
        yield opened
    finally:
        await asyncio.gather(*(session.close() for session in opened))


async def search_then_insert(session: Session, key: str) -> None:
    async with session.transaction():
        found = await session.execute("SELECT FROM naive_key WHERE key = %s", [key])
        if await found.fetchone() is None:
            await session.execute("INSERT INTO naive_key VALUES (%s)", [key])


async def lock_and_search_in_one_statement(session: Session, key: str) -> None:
    """The statement sees the snapshot of its start: that of before it got the lock."""
    await session.execute(ONE_STATEMENT, {"key": key})


async def duplicated_keys(
    opened: Sequence[Session], create: Callable[[Session, str], Awaitable[None]], keys: int
) -> int:
    """How many of `keys` stand there more than once after every session created each of them."""
    for number in range(keys):
        await asyncio.gather(*(create(session, f"key-{number}") for session in opened))
    counted = "SELECT count(*) FROM (SELECT FROM naive_key GROUP BY key HAVING count(*) > 1) AS twice"
    row = await (await opened[0].execute(counted)).fetchone()
    return row[0] if row else 0


async def check_version_then_update(session: Session, version: int) -> bool:
    """Whether this session believes that it replaced `version`."""
    async with session.transaction():
        found = await session.execute("SELECT version FROM naive_version WHERE id = 'one'")
        if await found.fetchone() != (version,):
            return False
        await session.execute("UPDATE naive_version SET version = %s WHERE id = 'one'", [version + 1])
    return True


async def winners_of_one_version(opened: Sequence[Session], rounds: int) -> int:
    """The most sessions that believed, in one round, to have replaced one version."""
    most = 0
    await opened[0].execute("INSERT INTO naive_version VALUES ('one', 1)")
    for number in range(1, rounds + 1):
        await opened[0].execute("UPDATE naive_version SET version = %s WHERE id = 'one'", [number])
        won = await asyncio.gather(*(check_version_then_update(session, number) for session in opened))
        most = max(most, sum(won))
    return most


async def dangling_link(one: Session, other: Session) -> bool:
    """Whether a link is left to what was deleted between its check and its commit."""
    await one.execute("INSERT INTO naive_target VALUES (1, true)")
    async with one.transaction():
        found = await one.execute("SELECT alive FROM naive_target WHERE id = 1")
        assert await found.fetchone() == (True,)
        await other.execute("UPDATE naive_target SET alive = false WHERE id = 1")
        await one.execute("INSERT INTO naive_link VALUES (1)")
    left = "SELECT count(*) FROM naive_link JOIN naive_target ON id = target WHERE NOT alive"
    return await (await one.execute(left)).fetchone() == (1,)


async def deadlocks_of_opposite_orders(one: Session, other: Session) -> int:
    """How many of two sessions that lock two rows in opposite orders are ended by the database."""
    await one.execute("INSERT INTO naive_target VALUES (1, true), (2, true) ON CONFLICT DO NOTHING")
    both_have_one = asyncio.Barrier(2)

    async def lock(session: Session, first: int, second: int) -> bool:
        try:
            async with session.transaction():
                await session.execute("SELECT FROM naive_target WHERE id = %s FOR UPDATE", [first])
                await both_have_one.wait()
                await session.execute("SELECT FROM naive_target WHERE id = %s FOR UPDATE", [second])
        except psycopg.errors.DeadlockDetected:
            return True
        return False

    return sum(await asyncio.gather(lock(one, 1, 2), lock(other, 2, 1)))
