"""The statements a write is made of: any number of rows as arrays, or one row as plain values.

Both are made by the same functions from the same tables. https://www.postgresql.org/docs/18/queries-with.html
"""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    CTE,
    BigInteger,
    Column,
    ColumnElement,
    Executable,
    Integer,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    delete,
    exists,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import TypeEngine

from fhir_server import tables
from fhir_server.storage.locks import LOCK_CLASS
from fhir_server.storage.statements import compile_template

RESOURCE_COLUMNS = tuple(c for c in tables.resource.columns if c.name != "xid")
CHANGED_COLUMNS = tuple(c for c in RESOURCE_COLUMNS if c.name not in ("rid", "type", "id"))
SEARCH_COLUMNS = tuple(c for c in tables.search.columns if c.name != "xid")
EVENT_COLUMNS = tuple(c for c in tables.outbox.columns if c.name != "number")
_NOT_OF_WRITES = ("number", "recorded", "xid", "query", "count", "detail")
AUDIT_COLUMNS = tuple(c for c in tables.audit.columns if c.name not in _NOT_OF_WRITES)


def wire_type_of(column: Column[Any]) -> TypeEngine[Any]:
    """An array per row cannot be an array element, nor is JSON sent as one: they travel as texts and are cast."""
    return Text() if isinstance(column.type, ARRAY | JSONB) else column.type


Source = Callable[[Sequence[Column[Any]], str], Select[Any]]
"""Where an INSERT takes its rows from: (columns, prefix of the parameters) -> SELECT."""


def _rows(columns: Sequence[Column[Any]], prefix: str) -> Select[Any]:
    """Any number of rows, handed over as one array parameter per column."""
    arrays = (cast(bindparam(prefix + c.name), ARRAY(wire_type_of(c))) for c in columns)
    source = func.unnest(*arrays).table_valued(*(c.name for c in columns), name=prefix + "rows").render_derived()
    values: list[ColumnElement[Any]] = [
        cast(source.c[c.name], c.type) if isinstance(c.type, ARRAY | JSONB) else source.c[c.name] for c in columns
    ]
    return select(*values)


def _row(columns: Sequence[Column[Any]], _: str) -> Select[Any]:
    """One row, handed over value by value; what several tables hold is one parameter."""
    return select(*(cast(bindparam(c.name), c.type).label(c.name) for c in columns))


def _insert(table: Table, columns: Sequence[Column[Any]], prefix: str, source: Source = _rows) -> Any:
    return insert(table).from_select([c.name for c in columns], source(columns, prefix))


def _enter_directory(source: Source) -> Any:
    """Shares the locks of the identifiers first: whoever decides by one of them alone makes this wait."""
    bucket = func.unnest(cast(bindparam("locks"), ARRAY(Integer))).column_valued("bucket")
    locked = select(func.pg_advisory_xact_lock_shared(literal_column(str(LOCK_CLASS)), bucket)).cte("locked")
    columns = tuple(tables.directory.columns)
    taken = select(func.count()).select_from(locked).scalar_subquery()
    rows = source(columns, "r_").where(taken >= literal_column("0"))
    return insert(tables.directory).from_select([c.name for c in columns], rows)


def _insert_side_rows() -> list[Any]:
    """A resource has any number of rows in each: they are arrays, for one resource as for many."""
    return [_insert(table, tuple(table.columns), f"{table.name}_") for table in tables.SIDE_TABLES]


def _delete_side_rows(rids: ColumnElement[Any]) -> list[Any]:
    return [delete(table).where(table.c.rid == func.any(rids)) for table in tables.SIDE_TABLES]


def _side_steps() -> list[CTE]:
    """A statement sees the rows as they were before it: it deletes the old ones and not the new."""
    rids = cast(bindparam("indexed_rids"), ARRAY(BigInteger))
    steps = [*_delete_side_rows(rids), *_insert_side_rows()]
    return [step.cte(f"side{n}") for n, step in enumerate(steps)]


def _create_statement(source: Source) -> Executable:
    steps = [
        _enter_directory(source),
        _insert(tables.resource, RESOURCE_COLUMNS, "r_", source),
        _insert(tables.search, SEARCH_COLUMNS, "s_", source),
        *_insert_side_rows(),
        _insert(tables.outbox, EVENT_COLUMNS, "e_", source),
    ]
    last = _insert(tables.audit, AUDIT_COLUMNS, "a_", source)
    return last.add_cte(*(step.cte(f"step{n}") for n, step in enumerate(steps)))  # type: ignore[no-any-return]


def _supersede(target: ColumnElement[bool]) -> Any:
    names = [c.name for c in tables.history.columns]
    current = select(*(tables.resource.c[name] for name in names))
    return insert(tables.history).from_select(names, current.where(target))


def _supersede_statement() -> Executable:
    target = tables.resource.c.rid == func.any(cast(bindparam("rids"), ARRAY(BigInteger)))
    return _supersede(target)  # type: ignore[no-any-return]


def _replace_statement() -> Executable:
    rows = _rows((*RESOURCE_COLUMNS, tables.outbox.c.previous_version), "r_").subquery("new")
    return (
        update(tables.resource)
        .values({c.name: rows.c[c.name] for c in CHANGED_COLUMNS} | {"xid": tables.THIS_TRANSACTION})
        .where(tables.resource.c.rid == rows.c.rid, tables.resource.c.version == rows.c.previous_version)
    )


def _reindex_statement(source: Source) -> Any:
    names = [c.name for c in SEARCH_COLUMNS]
    new = upsert(tables.search).from_select(names, source(SEARCH_COLUMNS, "s_"))
    values = {name: new.excluded[name] for name in names if name != "rid"}
    return new.on_conflict_do_update(index_elements=["rid"], set_=values | {"xid": tables.THIS_TRANSACTION})


def _reindex_with_sides() -> Executable:
    return _reindex_statement(_rows).add_cte(*_side_steps())  # type: ignore[no-any-return]


def _rewrite_statement() -> Executable:
    """The row keeps its `xid`: it says the same resource, so pages that were begun before still show it."""
    rows = _rows(SEARCH_COLUMNS, "s_").subquery("new")
    values = {c.name: rows.c[c.name] for c in SEARCH_COLUMNS if c.name != "rid"}
    rewritten = update(tables.search).values(values).where(tables.search.c.rid == rows.c.rid)
    return rewritten.add_cte(*_side_steps())


def _unindex_statement() -> Executable:
    rids = cast(bindparam("rids"), ARRAY(BigInteger))
    sides = (step.cte(f"side{n}") for n, step in enumerate(_delete_side_rows(rids)))
    return delete(tables.search).where(tables.search.c.rid == func.any(rids)).add_cte(*sides)


def _change_one_statement() -> Executable:
    """No audit row is written, and none is counted, where the version has moved on."""
    resource = tables.resource.c
    rid = cast(bindparam("rid"), BigInteger)
    previous = cast(bindparam("previous_version"), Integer)
    changed = {c.name: cast(bindparam(c.name), c.type) for c in CHANGED_COLUMNS}
    replaced = (
        update(tables.resource)
        .values(changed | {"xid": tables.THIS_TRANSACTION})
        .where(resource.rid == rid, resource.version == previous)
        .returning(resource.rid)
        .cte("replaced")
    )
    others = (
        _supersede(resource.rid == rid).cte("superseded"),
        _reindex_statement(_row).cte("reindexed"),
        *_side_steps(),
        _insert(tables.outbox, EVENT_COLUMNS, "", _row).cte("recorded"),
    )
    audited = _row(AUDIT_COLUMNS, "").where(exists(select(replaced.c.rid)))
    names = [c.name for c in AUDIT_COLUMNS]
    return insert(tables.audit).from_select(names, audited).add_cte(replaced, *others)


def _record_statement() -> Executable:
    outbox = _insert(tables.outbox, EVENT_COLUMNS, "e_").cte("recorded")
    return _insert(tables.audit, AUDIT_COLUMNS, "a_").add_cte(outbox)  # type: ignore[no-any-return]


CREATE = compile_template(_create_statement(_rows)).replace("%(r_body)s", "%(r_body)b")
CREATE_ONE = compile_template(_create_statement(_row)).replace("%(body)s", "%(body)b")
SUPERSEDE = compile_template(_supersede_statement())
REPLACE = compile_template(_replace_statement()).replace("%(r_body)s", "%(r_body)b")
CHANGE_ONE = compile_template(_change_one_statement()).replace("%(body)s", "%(body)b")
REINDEX = compile_template(_reindex_with_sides())
REWRITE = compile_template(_rewrite_statement())
UNINDEX = compile_template(_unindex_statement())
RECORD = compile_template(_record_statement())
RECORD_AUDIT = compile_template(_insert(tables.audit, AUDIT_COLUMNS, "a_"))
