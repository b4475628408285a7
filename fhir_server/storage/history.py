"""History of an instance, a type or the system, newest first, paged over one snapshot.

A page carries the snapshot of the first one: a version written since is not in it, and a version that was current
then and is superseded now is found in `history` instead, with the same transaction id.
https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.types import UserDefinedType

from fhir_server import tables
from fhir_server.model.resource_types import type_number
from fhir_server.storage.database import Database
from fhir_server.storage.read import VERSION_COLUMN_NAMES, to_version
from fhir_server.storage.statements import compile_with_values
from fhir_server.storage.version import Version

TAKE_SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"

Position = tuple[datetime, int, int]
"""last_updated, rid and version of the last entry of a page."""


class PgSnapshot(UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "pg_snapshot"


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """`since` is inclusive; `at` is the half-open span in which a version was the current one."""

    type_name: str | None = None
    id: str | None = None
    since: datetime | None = None
    at: tuple[datetime, datetime] | None = None
    limit: int = 50
    snapshot: str | None = None
    after: Position | None = None


@dataclass(frozen=True, slots=True)
class HistoryPage:
    versions: list[Version]
    snapshot: str


async def read_history(database: Database, query: HistoryQuery) -> HistoryPage:
    """Up to `limit` versions past `after`, under the snapshot of the query or a new one."""
    async with database.connection() as connection:
        snapshot = query.snapshot
        if snapshot is None:
            taken = await (await connection.execute(TAKE_SNAPSHOT)).fetchone()
            snapshot = str(taken[0]) if taken else ""
        sql, values = compile_with_values(_statement(query, snapshot))
        cursor = connection.cursor(binary=True)
        await cursor.execute(sql, values, prepare=False)
        return HistoryPage([to_version(row) for row in await cursor.fetchall()], snapshot)


def _statement(query: HistoryQuery, snapshot: str) -> Select[Any]:
    halves = [_half(table, query, snapshot).subquery() for table in (tables.resource, tables.history)]
    both = union_all(*(select(half) for half in halves)).subquery("versions")
    return select(both).order_by(*_newest_first(both.c)).limit(query.limit)


def _half(table: Table, query: HistoryQuery, snapshot: str) -> Select[Any]:
    columns = [table.c[name] for name in VERSION_COLUMN_NAMES]
    visible = func.pg_visible_in_snapshot(table.c.xid, cast(cast(literal(snapshot), Text), PgSnapshot()))
    conditions = [visible, *_scope(table, query), *_times(table, query)]
    return select(*columns).where(*conditions).order_by(*_newest_first(table.c)).limit(query.limit)


def _newest_first(columns: Any) -> Sequence[ColumnElement[Any]]:
    return columns.last_updated.desc(), columns.rid.desc(), columns.version.desc()


def _scope(table: Table, query: HistoryQuery) -> list[ColumnElement[bool]]:
    if query.type_name is None:
        return []
    number = type_number(query.type_name)
    if query.id is None:
        return [table.c.type == number]
    directory = tables.directory.c
    rid = select(directory.rid).where(directory.type == number, directory.id == query.id)
    return [table.c.rid == rid.scalar_subquery()]


def _times(table: Table, query: HistoryQuery) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if query.after is not None:
        position = tuple_(table.c.last_updated, table.c.rid, table.c.version)
        last_updated, rid, version = query.after
        conditions.append(
            position < tuple_(literal(last_updated, tables.INSTANT), literal(rid), literal(version))
        )
    if query.since is not None:
        conditions.append(table.c.last_updated >= query.since)
    if query.at is not None:
        low, high = query.at
        conditions.append(and_(table.c.last_updated < high, ~_superseded_by(table, low)))
    return conditions


def _superseded_by(table: Table, moment: datetime) -> ColumnElement[bool]:
    """Whether the next version of the same resource was there at `moment`."""
    later = (tables.resource.alias("later_resource").c, tables.history.alias("later_history").c)
    return or_(*(exists().where(_follows(one, table), one.last_updated <= moment) for one in later))


def _follows(later: Any, table: Table) -> ColumnElement[bool]:
    return and_(later.rid == table.c.rid, later.version == table.c.version + 1)
