"""The limits: the same rows through bare psycopg, with nothing of ours between it and PostgreSQL.

Rows are worked out before the clock starts. Inserts are prepared and pipelined, one transaction each, into the same
tables with the same indexes in a database of its own on the same server, durable as the product's.
"""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count, cycle, islice
from typing import Any
from uuid import uuid4

import psycopg

from fhir_server import tables
from fhir_server.model.resource_types import type_number
from fhir_server.search.index import INDEX_VERSION
from fhir_server.search.indexer import Indexer
from fhir_server.storage.stamp import stamped

MADE_BY_DATABASE = ("xid", "number", "recorded", "role", "reason", "token_id", "address", "query", "count", "detail")
SELECT = """
SELECT r.body FROM directory d JOIN resource r ON r.rid = d.rid WHERE d.type = %s AND d.id = %s
"""


def _insert(table: Any) -> str:
    names = [c.name for c in table.columns if c.name not in MADE_BY_DATABASE]
    places = ", ".join("%b" if name == "body" else "%s" for name in names)
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 - our own tables


TABLES = (tables.directory, tables.resource, tables.search, tables.outbox, tables.audit, *tables.SIDE_TABLES)
INSERTS = [_insert(table) for table in TABLES]

Rows = tuple[Sequence[tuple[Any, ...]], ...]
"""The rows of each of `INSERTS`: one, and of side tables any number."""


@dataclass(frozen=True)
class Prepared:
    """The rows of a resource, but for its id and internal id."""

    type_number: int
    body: bytes
    moment: datetime
    index: tuple[Any, ...]
    newer: tuple[Any, ...]
    sides: tuple[Sequence[tuple[Any, ...]], ...]
    compartments: str
    patients: str

    def rows(self, rid: int, resource_id: str, request_id: str) -> Rows:
        number, labels = self.type_number, "{}"
        resource = (rid, number, resource_id, 1, self.moment, "create", self.body, 0, None, self.compartments, labels)
        rights = (self.compartments, labels, INDEX_VERSION)
        search = (rid, number, resource_id, self.moment, *self.index, *rights, *self.newer)
        who = (request_id, "create", "anonymous", "anonymous", "TREAT")
        outbox = (rid, number, resource_id, 1, None, "create", request_id)
        audit = (*who, number, resource_id, 1, self.patients, 201)
        sides = ([(rid, *values) for values in side] for side in self.sides)
        return [(number, resource_id, rid)], [resource], [search], [outbox], [audit], *sides


def prepare(indexer: Indexer, resource: dict[str, Any]) -> Prepared:
    moment = datetime.now(UTC)
    resource_id = resource.get("id", "new")
    row = indexer.index(resource | {"id": resource_id})
    patients = [c.removeprefix("Patient/") for c in row.compartments]
    return Prepared(
        type_number(resource["resourceType"]),
        stamped(resource, resource_id, 1, moment),
        moment,
        (row.patient, row.status, row.date_low, row.date_high, _array(row.tokens)),
        (row.itself, _array(row.grams), _array(row.words), row.orders, row.generation),
        (row.strings, row.dates, row.numbers),
        "{" + ",".join(row.compartments) + "}",
        "{" + ",".join(patients) + "}",
    )


def _array(numbers: Sequence[int] | None) -> str | None:
    return None if numbers is None else "{" + ",".join(map(str, numbers)) + "}"


class Inserts:
    """Inserts prepared rows under ids that are new each time; `beside` is one row more in each transaction."""

    def __init__(
        self, url: str, prepared: Sequence[Prepared], beside: tuple[str, Callable[[], tuple[Any, ...]]] | None = None
    ) -> None:
        self._url = url
        self._prepared = prepared
        self._beside = beside
        self._rids = count(random.randrange(10**9, 10**15))

    async def for_seconds(self, seconds: float, connections: int, size: int) -> float:
        """Resources a second, in transactions of `size`."""
        deadline = time.perf_counter() + seconds
        endless = cycle(self._prepared)

        def take() -> list[Prepared]:
            return list(islice(endless, size)) if time.perf_counter() < deadline else []

        return await self._run(take, connections)

    async def once(self, size: int) -> float:
        """Resources a second; each of the prepared rows once."""
        remaining = iter(self._prepared)
        return await self._run(lambda: list(islice(remaining, size)), 1)

    async def _run(self, take: Callable[[], list[Prepared]], connections: int) -> float:
        opened = [await psycopg.AsyncConnection.connect(self._url, prepare_threshold=0) for _ in range(connections)]
        started = time.perf_counter()
        done = await asyncio.gather(*(self._insert_all(connection, take) for connection in opened))
        seconds = time.perf_counter() - started
        for connection in opened:
            await connection.close()
        return sum(done) / seconds

    async def _insert_all(self, connection: psycopg.AsyncConnection[Any], take: Callable[[], list[Prepared]]) -> int:
        done = 0
        while batch := take():
            rows = list(self._with_ids(batch))
            async with connection.pipeline(), connection.transaction(), connection.cursor() as cursor:
                for statement, lines in zip(INSERTS, zip(*rows, strict=True), strict=True):
                    await cursor.executemany(statement, [line for own in lines for line in own])
                if self._beside:
                    await cursor.execute(self._beside[0], self._beside[1]())
            done += len(batch)
        return done

    def _with_ids(self, batch: Sequence[Prepared]) -> Iterator[Rows]:
        request_id = str(uuid4())
        for prepared in batch:
            rid = next(self._rids)
            yield prepared.rows(rid, f"limit-{rid}", request_id)


async def selects(url: str, keys: Sequence[tuple[int, str]], seconds: float, connections: int) -> float:
    """Reads a second by a prepared select of the body by key."""
    opened = [
        await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0) for _ in range(connections)
    ]
    started = time.perf_counter()
    deadline = started + seconds
    endless = cycle(keys)

    async def work(connection: psycopg.AsyncConnection[Any]) -> int:
        done = 0
        cursor = connection.cursor(binary=True)
        while time.perf_counter() < deadline:
            await cursor.execute(SELECT, next(endless))
            assert await cursor.fetchone()
            done += 1
        return done

    done = sum(await asyncio.gather(*map(work, opened)))
    rate = done / (time.perf_counter() - started)
    for connection in opened:
        await connection.close()
    return rate
