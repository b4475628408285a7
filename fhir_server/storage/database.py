"""Connections to PostgreSQL: one pool per process, and what its failures mean."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from fhir_server.clock import DatabaseClock
from fhir_server.errors import Conflict, TooCostly, Unavailable

CONNECTION_WAIT_SECONDS = 5.0
"""Longest wait for a free connection before the client is told to come back (seconds)."""

RECONNECT_SECONDS = 1.0
"""Time between two attempts to make a connection, while the database is away (seconds)."""

LOCK_WAIT_MS = 4_000
"""Longest wait for what another transaction holds before the client is told to try again (milliseconds)."""

READ_CONNECTIONS = 2
"""Connections kept for reads by id, beside those of GALENIC_DATABASE_CONNECTIONS (connections)."""

AUDIT_CONNECTIONS = 2
"""Connections kept for the audit records of what changes nothing, so that no read waits for writers (connections)."""

CLOCK_SECONDS = 5.0
"""Time between two looks at the database's clock (seconds)."""

Connection = AsyncConnection[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    url: str
    connections: int
    statement_timeout_ms: int
    idle_connections: int = 4
    """Kept open by each pool while nothing is asked; PostgreSQL has a hundred for all processes (connections)."""


class Database:
    """The pool, and a clock that follows the database's."""

    def __init__(self, options: DatabaseOptions) -> None:
        self.clock = DatabaseClock()
        self._pool = self._make_pool(options, options.connections)
        self._read_pool = self._make_pool(options, READ_CONNECTIONS)
        self._audit_pool = self._make_pool(options, AUDIT_CONNECTIONS)
        self._background: set[asyncio.Task[None]] = set()

    def _make_pool(self, options: DatabaseOptions, size: int) -> AsyncConnectionPool[Connection]:
        return AsyncConnectionPool(
            options.url,
            min_size=min(options.idle_connections, size),
            max_size=size,
            timeout=CONNECTION_WAIT_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            reconnect_failed=self._ask_again,
            open=False,
            configure=self._configure,
            kwargs={
                "autocommit": True,
                "application_name": "galenic",
                "options": f"-c statement_timeout={options.statement_timeout_ms} -c timezone=UTC"
                f" -c lock_timeout={LOCK_WAIT_MS}"
                f" -c idle_in_transaction_session_timeout={options.statement_timeout_ms * 2}",
                "prepare_threshold": 2,
            },
        )

    async def open(self) -> None:
        await self._pool.open()
        await self._read_pool.open()
        await self._audit_pool.open()
        self._spawn(self._follow_clock())

    async def close(self) -> None:
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._pool.close()
        await self._read_pool.close()
        await self._audit_pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection in autocommit; raises `Unavailable` where the database is away."""
        with self._translated():
            async with self._pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def read_connection(self) -> AsyncIterator[Connection]:
        """One of the few connections that writers cannot take."""
        with self._translated():
            async with self._read_pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def audit_connection(self) -> AsyncIterator[Connection]:
        """One of the few connections that neither writers nor readers can take."""
        with self._translated():
            async with self._audit_pool.connection() as connection:
                yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A READ COMMITTED transaction: committed when the block ends well, else rolled back."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def now(self) -> datetime:
        async with self.connection() as connection:
            cursor = await connection.execute("SELECT clock_timestamp()")
            row = await cursor.fetchone()
            return row[0] if row else self.clock.now()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except psycopg.errors.QueryCanceled as error:
            raise TooCostly("the statement ran into its time limit") from error
        except PoolTimeout as error:
            raise Unavailable("all connections to the database are busy or the database is away") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            if isinstance(error, psycopg.errors.LockNotAvailable):
                raise Conflict("another request holds what this one needs; try again") from error
            if is_away(error):
                self._spawn(self._drop_broken())
                raise Unavailable("the database is away") from error
            raise

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _ask_again(self, pool: AsyncConnectionPool[Connection]) -> None:
        """The pool tries again when a connection is asked for: without this, those who wait already wait in vain."""
        self._spawn(_ask(pool))

    async def _drop_broken(self) -> None:
        """After one broken connection the idle ones are suspect: without this each would fail a request."""
        await self._pool.check()
        await self._read_pool.check()
        await self._audit_pool.check()

    async def _configure(self, connection: Connection) -> None:
        cursor = await connection.execute("SELECT clock_timestamp()")
        if row := await cursor.fetchone():
            self.clock.synchronise(row[0])

    async def _follow_clock(self) -> None:
        while True:
            await asyncio.sleep(CLOCK_SECONDS)
            try:
                self.clock.synchronise(await self.now())
            except Unavailable:
                continue


async def _ask(pool: AsyncConnectionPool[Connection]) -> None:
    with suppress(psycopg.OperationalError):
        async with pool.connection(timeout=RECONNECT_SECONDS):
            return


def is_away(error: psycopg.Error) -> bool:
    """Whether it was the database, whatever was asked of it.

    No answer at all, or one of the classes that speak of the connection, of shutting down or of too many clients.
    https://www.postgresql.org/docs/18/errcodes-appendix.html
    """
    state = error.sqlstate
    return state is None or state.startswith(("08", "57P")) or state == "53300"
