"""Reads of current and of named versions; reads that wait for a connection share one statement."""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final

from psycopg import AsyncCursor
from sqlalchemy import ARRAY, BigInteger, Integer, SmallInteger, Text, bindparam, cast, exists, func, not_, select

from fhir_server import tables
from fhir_server.model.resource_types import type_name, type_number
from fhir_server.storage import codec
from fhir_server.storage.database import Connection, Database
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


_DENIAL = exists().where(
    tables.consent_rule.c.patient == func.any(tables.resource.c.compartments), not_(tables.consent_rule.c.permits)
)
CURRENT = compile_template(_CURRENT.add_columns(_DENIAL))
"""With whether any of its patients denies anything: most reads need not ask Consents then."""
_IN_ORDER = _CURRENT.order_by(tables.resource.c.rid)
LOCK_TO_CHANGE = compile_template(_IN_ORDER.with_for_update(of=tables.resource, key_share=True))
LOCK_TO_DELETE = compile_template(_IN_ORDER.with_for_update(of=tables.resource))
LOCK_AS_TARGET = compile_template(
    _CURRENT.with_only_columns(tables.resource.c.type, tables.resource.c.id)
    .where(tables.resource.c.body.is_not(None))
    .order_by(tables.resource.c.rid)
    .with_for_update(of=tables.resource, key_share=True, read=True)
)
NAMED_VERSION = compile_template(
    _one(tables.resource, RESOURCE_COLUMNS).union_all(_one(tables.history, HISTORY_COLUMNS))
)
_RIDS = cast(bindparam("rids"), ARRAY(BigInteger))
_OF_RIDS = (
    func.unnest(cast(bindparam("rids"), ARRAY(BigInteger)), cast(bindparam("versions"), ARRAY(Integer)))
    .table_valued("rid", "version", name="wanted")
    .render_derived()
)


def _exactly(table: Any, columns: Sequence[Any]) -> Any:
    key = (table.c.rid == _OF_RIDS.c.rid) & (table.c.version == _OF_RIDS.c.version)
    return select(*columns).select_from(_OF_RIDS).join(table, key)


EXACT_VERSIONS = compile_template(
    _exactly(tables.resource, RESOURCE_COLUMNS).union_all(_exactly(tables.history, HISTORY_COLUMNS))
)
BY_RID = compile_template(
    select(*RESOURCE_COLUMNS).where(tables.resource.c.rid == func.any(_RIDS)).order_by(tables.resource.c.rid)
)

_OF: Final = f"""
SELECT {", ".join(f"r.{name}" for name in VERSION_COLUMN_NAMES)}
FROM ({{rids}}) f JOIN resource r ON r.rid = f.rid ORDER BY r.rid
"""  # noqa: S608 - our own columns

Key = tuple[str, str]


def to_version(row: Sequence[Any]) -> Version:
    """A row of `VERSION_COLUMN_NAMES`, and of `CURRENT` one more, as it came from the database."""
    rid, number, resource_id, version, last_updated, interaction, body, body_codec, compartments, labels, *denial = row
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
        any(denial or (True,)),
    )


async def current_versions(connection: Connection, keys: Iterable[Key], statement: str = CURRENT) -> dict[Key, Version]:
    """Current versions, deletions included; a `LOCK_…` statement locks them in the order of internal ids."""
    wanted = list(keys)
    if not wanted:
        return {}
    values = {"types": [type_number(name) for name, _ in wanted], "ids": [key for _, key in wanted]}
    found = await _fetch(connection, statement, values)
    return {(version.type_name, version.id): version for version in found}


async def lock_targets(connection: Connection, keys: Iterable[Key]) -> set[Key]:
    """Those of `keys` that are there and not deleted; they stay until the transaction has ended."""
    wanted = list(keys)
    if not wanted:
        return set()
    values = {"types": [type_number(name) for name, _ in wanted], "ids": [key for _, key in wanted]}
    cursor = await connection.execute(LOCK_AS_TARGET, values)
    return {(type_name(number), key) for number, key in await cursor.fetchall()}


async def named_version(connection: Connection, type_name: str, resource_id: str, version: int) -> Version | None:
    values = {"type": type_number(type_name), "id": resource_id, "version": version}
    return next(iter(await _fetch(connection, NAMED_VERSION, values)), None)


async def exact_versions(connection: Connection, keys: Iterable[tuple[int, int]]) -> dict[tuple[int, int], Version]:
    """Versions by (internal id, version), current or not; what was expunged is not there."""
    wanted = list(keys)
    if not wanted:
        return {}
    values = {"rids": [rid for rid, _ in wanted], "versions": [version for _, version in wanted]}
    return {(one.rid, one.version): one for one in await _fetch(connection, EXACT_VERSIONS, values)}


async def versions_by_rid(connection: Connection, rids: Sequence[int]) -> list[Version]:
    """Current versions in the order of their internal ids."""
    return await _fetch(connection, BY_RID, {"rids": list(rids)}) if rids else []


async def ask_versions_of(connection: Connection, rids: str, values: dict[str, Any]) -> AsyncCursor[tuple[Any, ...]]:
    """Current versions of the internal ids that a statement finds, in their order; planned for its values."""
    return await connection.cursor(binary=True).execute(_OF.format(rids=rids), values, prepare=False)


def to_versions(rows: Iterable[Sequence[Any]]) -> list[Version]:
    return [to_version(row) for row in rows]


async def _fetch(connection: Connection, statement: str, values: dict[str, Any]) -> list[Version]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(statement, values)
    return to_versions(await cursor.fetchall())


class Reader:
    """Current versions by type and id; many waiting reads become one statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: deque[tuple[Key, asyncio.Future[Version | None]]] = deque()
        self._running = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def current(self, type_name: str, resource_id: str) -> Version | None:
        """The current version, a deletion included; None where there never was one."""
        future: asyncio.Future[Version | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(((type_name, resource_id), future))
        if self._running < READERS:
            self._running += 1
            task = asyncio.create_task(self._drain())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await future

    async def _drain(self) -> None:
        """Is counted out in the very step in which it finds nobody waiting: who comes next starts another."""
        try:
            await self._serve()
        finally:
            self._running -= 1

    async def _serve(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                async with self._database.read_connection() as connection:
                    found = await current_versions(connection, dict(batch))
            except Exception as error:  # noqa: BLE001 - every waiter gets the failure it caused
                _fail(batch, error)
            else:
                for key, future in batch:
                    if not future.done():
                        future.set_result(found.get(key))


def _fail(batch: Sequence[tuple[Key, asyncio.Future[Version | None]]], error: Exception) -> None:
    for _, future in batch:
        if not future.done():
            future.set_exception(error)
