"""Reads of current and of named versions; reads that wait for a connection share one statement."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, BigInteger, SmallInteger, Text, bindparam, cast, func, select

from fhir_server import tables
from fhir_server.model.resource_types import type_name, type_number
from fhir_server.storage import codec
from fhir_server.storage.database import Database
from fhir_server.storage.statements import compile_template
from fhir_server.storage.version import Version

READERS: Final = 2
"""Statements of coalesced reads under way at once in one process (statements)."""

BATCH: Final = 128
"""Reads that share one statement at most (reads)."""

VERSION_COLUMN_NAMES = (
    *("rid", "type", "id", "version", "last_updated", "interaction"),
    *("body", "codec", "compartments", "labels"),
)
RESOURCE_COLUMNS = tuple(tables.resource.c[name] for name in VERSION_COLUMN_NAMES)
HISTORY_COLUMNS = tuple(tables.history.c[name] for name in VERSION_COLUMN_NAMES)

_WANTED = (
    func.unnest(cast(bindparam("types"), ARRAY(SmallInteger)), cast(bindparam("ids"), ARRAY(Text)))
    .table_valued("type", "id", name="wanted")
    .render_derived()
)
_KEY = (tables.directory.c.type == _WANTED.c.type) & (tables.directory.c.id == _WANTED.c.id)
_CURRENT = (
    select(*RESOURCE_COLUMNS)
    .select_from(_WANTED)
    .join(tables.directory, _KEY)
    .join(tables.resource, tables.resource.c.rid == tables.directory.c.rid)
)


def _one(table: Any, columns: Sequence[Any]) -> Any:
    key = (tables.directory.c.type == bindparam("type")) & (tables.directory.c.id == bindparam("id"))
    found = select(*columns).join_from(tables.directory, table, table.c.rid == tables.directory.c.rid)
    return found.where(key, table.c.version == bindparam("version"))


CURRENT = compile_template(_CURRENT)
CURRENT_FOR_UPDATE = compile_template(
    _CURRENT.order_by(tables.resource.c.rid).with_for_update(of=tables.resource)
)
NAMED_VERSION = compile_template(
    _one(tables.resource, RESOURCE_COLUMNS).union_all(_one(tables.history, HISTORY_COLUMNS))
)
BY_RID = compile_template(
    select(*RESOURCE_COLUMNS).where(tables.resource.c.rid == func.any(cast(bindparam("rids"), ARRAY(BigInteger)))).order_by("rid")
)

Key = tuple[str, str]


def to_version(row: Sequence[Any]) -> Version:
    """A row of `VERSION_COLUMN_NAMES` as it came from the database."""
    rid, number, resource_id, version, last_updated, interaction, body, body_codec, compartments, labels = row
    return Version(
        rid,
        type_name(number),
        resource_id,
        version,
        last_updated,
        interaction,
        None if body is None else codec.decode(body, body_codec),
        tuple(compartments),
        tuple(labels),
    )


class Reader:
    """Current versions by type and id; many waiting reads become one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[tuple[Key, asyncio.Future[Version | None]]] = deque()
        self._drains: set[asyncio.Task[None]] = set()

    async def current(self, type_name: str, resource_id: str) -> Version | None:
        """The current version, a deletion included; None where there never was one."""
        future: asyncio.Future[Version | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(((type_name, resource_id), future))
        if len(self._drains) < READERS:
            drain = asyncio.create_task(self._drain())
            self._drains.add(drain)
            drain.add_done_callback(self._drains.discard)
        return await future

    async def named_version(self, type_name: str, resource_id: str, version: int) -> Version | None:
        values = {"type": type_number(type_name), "id": resource_id, "version": version}
        async with self._database.connection() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(NAMED_VERSION, values)
            row = await cursor.fetchone()
        return to_version(row) if row else None

    async def by_rids(self, rids: Sequence[int]) -> list[Version]:
        """Current versions in the order of their internal ids."""
        if not rids:
            return []
        async with self._database.connection() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(BY_RID, {"rids": list(rids)})
            return [to_version(row) for row in await cursor.fetchall()]

    async def _drain(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                found = await self._fetch([key for key, _ in batch])
            except Exception as error:  # noqa: BLE001 - every waiter gets the failure it caused
                _fail(batch, error)
            else:
                for key, future in batch:
                    if not future.done():
                        future.set_result(found.get(key))

    async def _fetch(self, keys: Sequence[Key]) -> dict[Key, Version]:
        values = {"types": [type_number(name) for name, _ in keys], "ids": [key for _, key in keys]}
        async with self._database.connection() as connection:
            cursor = connection.cursor(binary=True)
            await cursor.execute(CURRENT, values)
            versions = [to_version(row) for row in await cursor.fetchall()]
        return {(version.type_name, version.id): version for version in versions}


def _fail(batch: Sequence[tuple[Key, asyncio.Future[Version | None]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
