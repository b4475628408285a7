"""Records that go by themselves, of what changed nothing: committed before the answer leaves.

Those that wait while others are being written share the next statement: many readers pay for one commit.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from fhir_server.audit.record import Record
from fhir_server.audit.statements import INSERT_MANY, many_parameters
from fhir_server.errors import Unavailable
from fhir_server.storage.database import Connection, Database

STATEMENTS: Final = 2
"""Statements of records under way at once in one process (statements)."""

BATCH: Final = 1_000
"""Records that share one statement, unless one request alone has more (records)."""


class Recording(Protocol):
    """What whoever answers requests needs of the recorder."""

    async def record(self, *records: Record) -> None: ...


class _Waiting:
    __slots__ = ("done", "records")

    def __init__(self, records: tuple[Record, ...]) -> None:
        self.records = records
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Recorder:
    """Group commit: of the API processes' event loops, each has one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[_Waiting] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def record(self, *records: Record) -> None:
        """Returns when all of them are committed, together; raises `Unavailable` where they may not be.

        Whoever is not told that a record is committed may not let out what it is about.
        """
        if not records:
            return
        waiting = _Waiting(records)
        self._waiting.append(waiting)
        if self._running < STATEMENTS:
            self._running += 1
            task = asyncio.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await waiting.done

    async def _drain(self) -> None:
        """Is counted out in the very step in which it finds nobody waiting: who comes next starts another."""
        try:
            while self._waiting:
                await self._write(self._take())
        finally:
            self._running -= 1

    def _take(self) -> list[_Waiting]:
        group = [self._waiting.popleft()]
        size = len(group[0].records)
        while self._waiting and size + len(self._waiting[0].records) <= BATCH:
            group.append(self._waiting.popleft())
            size += len(group[-1].records)
        return group

    async def _write(self, group: Sequence[_Waiting]) -> None:
        try:
            async with self._database.audit_connection() as connection:
                await insert_records(connection, [record for waiting in group for record in waiting.records])
        except BaseException as error:
            _fail(group, error)
            if not isinstance(error, Exception):  # cancelled with the process: nobody is left waiting
                raise
        else:
            for waiting in group:
                if not waiting.done.done():
                    waiting.done.set_result(None)


async def insert_records(connection: Connection, records: Sequence[Record]) -> None:
    """One statement; outside a transaction it is one of its own."""
    await connection.execute(INSERT_MANY, many_parameters(records))


def _fail(group: Sequence[_Waiting], error: BaseException) -> None:
    """Whatever it was: without its record nothing is answered."""
    for waiting in group:
        if not waiting.done.done():
            failure = Unavailable("what was asked cannot be recorded in the audit trail; try again")
            failure.__cause__ = error
            waiting.done.set_exception(failure)
