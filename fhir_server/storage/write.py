"""One commit: resources, history, search rows, outbox rows and audit records of any number of new versions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import (
    ARRAY,
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
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.types import TypeEngine

from fhir_server import tables
from fhir_server.auth.context import Context
from fhir_server.errors import Conflict, GalenicError
from fhir_server.model.resource_types import type_number
from fhir_server.search.index import INDEX_VERSION, IndexRow
from fhir_server.storage import codec
from fhir_server.storage.database import Connection
from fhir_server.storage.locks import LOCK_CLASS
from fhir_server.storage.statements import compile_template
from fhir_server.storage.version import NewVersion

Parameters = dict[str, Any]


class IdTaken(GalenicError):
    """Another transaction created the same type and id first; doing the interaction again finds it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An interaction that is recorded beside the ones the new versions stand for (the transaction as a whole)."""

    interaction: str
    status: int


RESOURCE_COLUMNS = tuple(c for c in tables.resource.columns if c.name != "xid")
SEARCH_COLUMNS = tuple(c for c in tables.search.columns if c.name != "xid")
EVENT_COLUMNS = tuple(c for c in tables.outbox.columns if c.name != "number")
AUDIT_COLUMNS = tuple(c for c in tables.audit.columns if c.name not in ("number", "recorded", "xid"))


def _wire_type(column: Column[Any]) -> TypeEngine[Any]:
    """An array per row cannot be an array element: it travels as its literal and is cast in the statement."""
    return Text() if isinstance(column.type, ARRAY) else column.type


Source = Callable[[Sequence[Column[Any]], str], Select[Any]]
"""Where an INSERT takes its rows from: (columns, prefix of the parameters) -> SELECT."""


def _rows(columns: Sequence[Column[Any]], prefix: str) -> Select[Any]:
    """Any number of rows, handed over as one array parameter per column."""
    arrays = (cast(bindparam(prefix + c.name), ARRAY(_wire_type(c))) for c in columns)
    source = func.unnest(*arrays).table_valued(*(c.name for c in columns), name=prefix + "rows").render_derived()
    values: list[ColumnElement[Any]] = [
        cast(source.c[c.name], c.type) if isinstance(c.type, ARRAY) else source.c[c.name] for c in columns
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


def _create_statement(source: Source) -> Executable:
    steps = [
        _enter_directory(source),
        _insert(tables.resource, RESOURCE_COLUMNS, "r_", source),
        _insert(tables.search, SEARCH_COLUMNS, "s_", source),
        _insert(tables.outbox, EVENT_COLUMNS, "e_", source),
    ]
    last = _insert(tables.audit, AUDIT_COLUMNS, "a_", source)
    return last.add_cte(*(step.cte(f"step{n}") for n, step in enumerate(steps)))  # type: ignore[no-any-return]


def _supersede_statement() -> Executable:
    names = [c.name for c in tables.history.columns]
    current = select(*(tables.resource.c[name] for name in names))
    target = tables.resource.c.rid == func.any(cast(bindparam("rids"), ARRAY(BigInteger)))
    return insert(tables.history).from_select(names, current.where(target))


def _replace_statement() -> Executable:
    rows = _rows((*RESOURCE_COLUMNS, tables.outbox.c.previous_version), "r_").subquery("new")
    changed = [c.name for c in RESOURCE_COLUMNS if c.name not in ("rid", "type", "id")]
    return (
        update(tables.resource)
        .values({name: rows.c[name] for name in changed} | {"xid": tables.THIS_TRANSACTION})
        .where(tables.resource.c.rid == rows.c.rid, tables.resource.c.version == rows.c.previous_version)
    )


def _reindex_statement() -> Executable:
    names = [c.name for c in SEARCH_COLUMNS]
    new = upsert(tables.search).from_select(names, _rows(SEARCH_COLUMNS, "s_"))
    values = {name: new.excluded[name] for name in names if name != "rid"}
    return new.on_conflict_do_update(index_elements=["rid"], set_=values | {"xid": tables.THIS_TRANSACTION})


def _unindex_statement() -> Executable:
    return delete(tables.search).where(
        tables.search.c.rid == func.any(cast(bindparam("rids"), ARRAY(BigInteger)))
    )


def _record_statement() -> Executable:
    outbox = _insert(tables.outbox, EVENT_COLUMNS, "e_").cte("recorded")
    return _insert(tables.audit, AUDIT_COLUMNS, "a_").add_cte(outbox)  # type: ignore[no-any-return]


CREATE = compile_template(_create_statement(_rows)).replace("%(r_body)s", "%(r_body)b")
CREATE_ONE = compile_template(_create_statement(_row)).replace("%(body)s", "%(body)b")
SUPERSEDE = compile_template(_supersede_statement())
REPLACE = compile_template(_replace_statement()).replace("%(r_body)s", "%(r_body)b")
REINDEX = compile_template(_reindex_statement())
UNINDEX = compile_template(_unindex_statement())
RECORD = compile_template(_record_statement())


async def write_versions(
    connection: Connection,
    versions: Sequence[NewVersion],
    context: Context,
    audit: Sequence[AuditEntry] = (),
) -> None:
    """Writes `versions` in the open transaction; the rows of superseded versions are already locked.

    Raises `IdTaken` where a new (type, id) exists by now, `Conflict` where a version has moved on.
    """
    created = [v for v in versions if v.previous_version is None]
    changed = [v for v in versions if v.previous_version is not None]
    try:
        if len(versions) == 1 and created and not audit:
            await connection.execute(CREATE_ONE, _create_one_parameters(created[0], context))
        elif created:
            await connection.execute(CREATE, _create_parameters(created, context, () if changed else audit))
    except UniqueViolation as error:
        raise IdTaken("the id was taken by another request") from error
    if changed:
        await _change(connection, changed, context, audit)


async def _change(
    connection: Connection, versions: list[NewVersion], context: Context, audit: Sequence[AuditEntry]
) -> None:
    indexed = [v for v in versions if v.index is not None]
    gone = [v.stored.rid for v in versions if v.index is None]
    async with connection.pipeline():
        await connection.execute(SUPERSEDE, {"rids": [v.stored.rid for v in versions]})
        replaced = await connection.execute(REPLACE, _replace_parameters(versions))
        if indexed:
            await connection.execute(REINDEX, _search_parameters(indexed))
        if gone:
            await connection.execute(UNINDEX, {"rids": gone})
        await connection.execute(RECORD, _record_parameters(versions, context, audit))
    if replaced.rowcount != len(versions):
        raise Conflict("a resource was changed by another request at the same time")


def _create_parameters(
    versions: Sequence[NewVersion], context: Context, audit: Sequence[AuditEntry]
) -> Parameters:
    rows = _resource_parameters(versions) | _search_parameters(versions)
    return {"locks": _locks(versions)} | rows | _record_parameters(versions, context, audit)


def _create_one_parameters(new: NewVersion, context: Context) -> Parameters:
    """Where two tables have a column of one name it holds the same."""
    parts = (
        (RESOURCE_COLUMNS, _resource_row(new)),
        (SEARCH_COLUMNS, _search_row(new)),
        (EVENT_COLUMNS, _event_row(new, context)),
        (AUDIT_COLUMNS, _audit_row(new, context)),
    )
    values = {c.name: value for columns, row in parts for c, value in zip(columns, row, strict=True)}
    return {"locks": _locks([new])} | values


def _locks(versions: Sequence[NewVersion]) -> list[int]:
    return sorted({bucket for v in versions if v.index for bucket in v.index.identifiers})


def _replace_parameters(versions: Sequence[NewVersion]) -> Parameters:
    return _resource_parameters(versions) | {"r_previous_version": [v.previous_version for v in versions]}


def array_literal(values: Sequence[int | None]) -> str:
    return "{" + ",".join("NULL" if v is None else str(v) for v in values) + "}"


def text_array_literal(values: Sequence[str | None]) -> str:
    return "{" + ",".join("NULL" if v is None else _quoted(v) for v in values) + "}"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _transpose(columns: Sequence[Column[Any]], prefix: str, rows: Sequence[tuple[Any, ...]]) -> Parameters:
    """One array a column. Numbers and texts travel as its literal: psycopg would dump them one by one."""
    arrays = zip(columns, zip(*rows, strict=True), strict=True)
    return {prefix + c.name: _array(_wire_type(c), values) for c, values in arrays}


def _array(wire_type: TypeEngine[Any], values: Sequence[Any]) -> Any:
    if isinstance(wire_type, Integer):
        return array_literal(values)
    return text_array_literal(values) if isinstance(wire_type, Text) else list(values)


def _resource_parameters(versions: Sequence[NewVersion]) -> Parameters:
    return _transpose(RESOURCE_COLUMNS, "r_", [_resource_row(v) for v in versions])


def _resource_row(new: NewVersion) -> tuple[Any, ...]:
    stored = new.stored
    body, body_codec = (None, codec.PLAIN) if stored.body is None else codec.encode(stored.body)
    return (
        stored.rid,
        type_number(stored.type_name),
        stored.id,
        stored.version,
        stored.last_updated,
        stored.interaction,
        body,
        body_codec,
        None,
        text_array_literal(stored.compartments),
        text_array_literal(stored.labels),
    )


def _search_parameters(versions: Sequence[NewVersion]) -> Parameters:
    return _transpose(SEARCH_COLUMNS, "s_", [_search_row(v) for v in versions])


def _search_row(new: NewVersion) -> tuple[Any, ...]:
    stored, index = new.stored, new.index or IndexRow()
    return (
        stored.rid,
        type_number(stored.type_name),
        stored.id,
        stored.last_updated,
        index.patient,
        index.status,
        index.date_low,
        index.date_high,
        array_literal(index.tokens),
        text_array_literal(index.compartments),
        text_array_literal(index.labels),
        INDEX_VERSION,
    )


def _record_parameters(
    versions: Sequence[NewVersion], context: Context, audit: Sequence[AuditEntry]
) -> Parameters:
    events = [_event_row(v, context) for v in versions]
    records = [_audit_row(v, context) for v in versions] + [_summary_row(entry, context) for entry in audit]
    return _transpose(EVENT_COLUMNS, "e_", events) | _transpose(AUDIT_COLUMNS, "a_", records)


def _event_row(new: NewVersion, context: Context) -> tuple[Any, ...]:
    stored = new.stored
    number = type_number(stored.type_name)
    changed = (stored.version, new.previous_version, stored.interaction, context.request_id)
    return (stored.rid, number, stored.id, *changed)


def _audit_row(new: NewVersion, context: Context) -> tuple[Any, ...]:
    stored = new.stored
    patients = [c.removeprefix("Patient/") for c in stored.compartments if c.startswith("Patient/")]
    what = (type_number(stored.type_name), stored.id, stored.version, text_array_literal(patients), new.status)
    return (*_who(context, stored.interaction), *what)


def _summary_row(entry: AuditEntry, context: Context) -> tuple[Any, ...]:
    return (*_who(context, entry.interaction), None, None, None, "{}", entry.status)


def _who(context: Context, interaction: str) -> tuple[str, ...]:
    return (context.request_id, interaction, context.actor, context.client, context.purpose)
