"""A re-index job from its claim to the generation being searched; storage/reindex.py has its statements."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable, QueryCanceled

from fhir_server.search.indexer import Indexer
from fhir_server.storage.database import LOCK_WAIT_MS, Connection
from fhir_server.storage.generations import GENERATION_SECONDS, IndexerSource
from fhir_server.storage.jobs import Job, LeaseLost, advance, expect
from fhir_server.storage.reindex import (
    KIND,
    abandon,
    activate,
    age_seconds,
    expected_rows,
    last_rid,
    repair,
    rewrite_batch,
    transactions_under_way,
)

LOG = logging.getLogger(__name__)

NOTICED_SECONDS: Final = GENERATION_SECONDS + 2.0
"""After this every process indexes by a new generation: it has looked, and what it then began to write has reached
the database (seconds)."""

OPTIONS: Final = f"-c timezone=UTC -c lock_timeout={LOCK_WAIT_MS}"

LOOK_SECONDS: Final = 0.2
"""Time between two looks at what a job waits for (seconds)."""


class Reindexing:
    """Runs jobs; `settle` is what may be replaced to show that it is needed."""

    kind = KIND
    lanes = 1

    def __init__(self, url: str, source: IndexerSource) -> None:
        self._url = url
        self._source = source

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[Connection]:
        """A connection of its own: what is done here takes longer than a request may."""
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, options=OPTIONS)
        async with connection:
            yield connection

    async def run(self, job: Job) -> None:
        """Returns when the generation is searched; raises `LeaseLost`."""
        async with self._connected() as connection:
            indexer = await self._indexer(connection, job)
            await expect(connection, job, await expected_rows(connection, indexer.registry.generation))
            await self._pass(connection, job, indexer)
            await self.settle(connection, job)
            await self._pass(connection, job, indexer)
            await activate(connection, job)

    async def abandon(self, job: Job, problem: str) -> None:
        async with self._connected() as connection:
            await abandon(connection, job, problem)

    async def tidy(self) -> None:
        """Rows that an older release or generation has left."""
        async with self._connected() as connection:
            await repair(connection)

    async def _indexer(self, connection: Connection, job: Job) -> Indexer:
        await self._source.ask(connection)
        if self._source.indexer.registry.generation != job.payload["generation"]:
            raise LeaseLost(f"job {job.id} is for a generation that was superseded")
        return self._source.indexer

    async def _pass(self, connection: Connection, job: Job, indexer: Indexer) -> None:
        """Once through the rows there are; newer ones are written by who knows the generation, or found next time."""
        done, last = 0, await last_rid(connection)
        while done < last:
            try:
                done = await rewrite_batch(connection, job, indexer, done)
            except (DeadlockDetected, LockNotAvailable, QueryCanceled) as error:
                LOG.info("job %s tries a batch again: %s", job.id, type(error).__name__)
                await advance(connection, job)

    async def settle(self, connection: Connection, job: Job) -> None:
        """Until nobody can write rows of an older generation any more."""
        while await age_seconds(connection, job.payload["generation"]) < NOTICED_SECONDS:
            await self._wait(connection, job)
        before = await transactions_under_way(connection)
        while before & await transactions_under_way(connection):
            await self._wait(connection, job)

    async def _wait(self, connection: Connection, job: Job) -> None:
        await asyncio.sleep(LOOK_SECONDS)
        await advance(connection, job)
