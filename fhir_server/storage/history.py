"""History of an instance, a type or the system, newest first, paged over one snapshot.

A page carries the snapshot of the first one: a version written since is not in it, and a version that was current
then and is superseded now is found in `history` instead, with the same transaction id.
https://hl7.org/fhir/R4/http.html#history
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    Integer,
    Select,
    SmallInteger,
    Table,
    Text,
    and_,
    bindparam,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.types import UserDefinedType

from fhir_server import tables
from fhir_server.model.resource_types import type_number
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import KeyHasher
from fhir_server.search.predicate import Scope
from fhir_server.search.sight import EVERYTHING, Sight
from fhir_server.search.sql import Statement
from fhir_server.storage.database import Database
from fhir_server.storage.judge import shows
from fhir_server.storage.read import VERSION_COLUMN_NAMES, to_version
from fhir_server.storage.statements import compile_template
from fhir_server.storage.version import Version

TAKE_SNAPSHOT: Final = "SELECT pg_current_snapshot()::text"

LIMIT: Final = bindparam("page_limit", type_=BigInteger())
AFTER: Final = (
    bindparam("after_last_updated", type_=tables.INSTANT),
    bindparam("after_rid", type_=BigInteger()),
    bindparam("after_version", type_=Integer()),
)

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
    sight: Sight = EVERYTHING


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """`end` is where the next page goes on, None where this is the last."""

    versions: list[Version]
    snapshot: str
    end: Position | None


async def read_history(database: Database, indexer: Indexer, query: HistoryQuery) -> HistoryPage:
    """Up to `limit` versions past `after` that are seen, under the snapshot of the query or a new one.

    What a scope asks of the content is judged afterwards: such a page may be shorter than the limit.
    """
    async with database.connection() as connection:
        snapshot = query.snapshot
        if snapshot is None:
            taken = await (await connection.execute(TAKE_SNAPSHOT)).fetchone()
            snapshot = str(taken[0]) if taken else ""
        statement = _statement(query, snapshot, indexer.hasher)
        cursor = connection.cursor(binary=True)
        await cursor.execute(statement.sql, statement.values, prepare=False)
        found = [to_version(row) for row in await cursor.fetchall()]
    page = found[: query.limit]
    last = page[-1] if len(found) > query.limit > 0 else None
    end = (last.last_updated, last.rid, last.version) if last else None
    return HistoryPage([one for one in page if shows(query.sight, indexer, one)], snapshot, end)


def _statement(query: HistoryQuery, snapshot: str, hasher: KeyHasher) -> Statement:
    """The template, and what the caller may see by the rights each version was stored with."""
    sql, values = _template(_shape(query)), _values(query, snapshot)
    if not query.sight.is_everything:
        for table in (tables.resource, tables.history):
            scope = Scope("", table.name, hasher, values)
            sql = sql.replace(_rights_of(table), query.sight.rights.condition(scope))
    return Statement(sql, values)


def _rights_of(table: Table) -> str:
    """Where a template has the condition on the rights of the versions of a table."""
    return f"{table.name}_rights"


class _Shape(NamedTuple):
    """Which conditions a query has: for each of the few combinations there is one text of SQL."""

    of_type: bool
    of_instance: bool
    since: bool
    at: bool
    after: bool
    rights: bool


def _shape(query: HistoryQuery) -> _Shape:
    given = (query.type_name, query.id, query.since, query.at, query.after)
    of_type, of_instance, since, at, after = (value is not None for value in given)
    return _Shape(of_type, of_instance, since, at, after, not query.sight.is_everything)


def _values(query: HistoryQuery, snapshot: str) -> dict[str, Any]:
    low, high = query.at or (None, None)
    last_updated, rid, version = query.after or (None, None, None)
    return {
        "snapshot": snapshot,
        "page_limit": query.limit + 1,
        "type_number": None if query.type_name is None else type_number(query.type_name),
        "resource_id": query.id,
        "since": query.since,
        "at_low": low,
        "at_high": high,
        "after_last_updated": last_updated,
        "after_rid": rid,
        "after_version": version,
    }


@cache
def _template(shape: _Shape) -> str:
    """Compiled at first use: compiling takes several times as long as running it for one resource."""
    halves = [_half(table, shape).subquery() for table in (tables.resource, tables.history)]
    both = union_all(*(select(half) for half in halves)).subquery("versions")
    return compile_template(select(both).order_by(*_newest_first(both.c)).limit(LIMIT))


def _half(table: Table, shape: _Shape) -> Select[Any]:
    columns = [table.c[name] for name in VERSION_COLUMN_NAMES]
    snapshot = cast(bindparam("snapshot", type_=Text()), PgSnapshot())
    visible = func.pg_visible_in_snapshot(table.c.xid, snapshot)
    conditions = [visible, *_scope(table, shape), *_times(table, shape), *_rights(table, shape)]
    return select(*columns).where(*conditions).order_by(*_newest_first(table.c)).limit(LIMIT)


def _newest_first(columns: Any) -> Sequence[ColumnElement[Any]]:
    return columns.last_updated.desc(), columns.rid.desc(), columns.version.desc()


def _scope(table: Table, shape: _Shape) -> list[ColumnElement[bool]]:
    number = bindparam("type_number", type_=SmallInteger())
    if not shape.of_type:
        return []
    if not shape.of_instance:
        return [table.c.type == number]
    directory = tables.directory.c
    rid = select(directory.rid).where(directory.type == number, directory.id == bindparam("resource_id", type_=Text()))
    return [table.c.rid == rid.scalar_subquery()]


def _rights(table: Table, shape: _Shape) -> list[ColumnElement[bool]]:
    return [literal_column(_rights_of(table), Boolean())] if shape.rights else []


def _times(table: Table, shape: _Shape) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if shape.after:
        position = tuple_(table.c.last_updated, table.c.rid, table.c.version)
        conditions.append(position < tuple_(*AFTER))
    if shape.since:
        conditions.append(table.c.last_updated >= bindparam("since", type_=tables.INSTANT))
    if shape.at:
        low, high = (bindparam(name, type_=tables.INSTANT) for name in ("at_low", "at_high"))
        conditions.append(and_(table.c.last_updated < high, ~_superseded_by(table, low)))
    return conditions


def _superseded_by(table: Table, moment: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether the next version of the same resource was there at `moment`."""
    later = (tables.resource.alias("later_resource").c, tables.history.alias("later_history").c)
    return or_(*(exists().where(_follows(one, table), one.last_updated <= moment) for one in later))


def _follows(later: Any, table: Table) -> ColumnElement[bool]:
    return and_(later.rid == table.c.rid, later.version == table.c.version + literal_column("1"))
