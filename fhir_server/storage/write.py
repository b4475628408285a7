"""One commit: resources, history, search rows, outbox rows and audit records of any number of new versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.errors import UniqueViolation
from sqlalchemy import Column, Integer, Text
from sqlalchemy.types import TypeEngine

from fhir_server import tables
from fhir_server.auth.context import Context
from fhir_server.errors import Conflict, GalenicError
from fhir_server.model.resource_types import type_number
from fhir_server.search.index import INDEX_VERSION, IndexRow
from fhir_server.storage import codec
from fhir_server.storage.database import Connection
from fhir_server.storage.version import NewVersion
from fhir_server.storage.write_statements import (
    AUDIT_COLUMNS,
    CHANGE_ONE,
    CREATE,
    CREATE_ONE,
    EVENT_COLUMNS,
    RECORD,
    RECORD_AUDIT,
    REINDEX,
    REPLACE,
    RESOURCE_COLUMNS,
    REWRITE,
    SEARCH_COLUMNS,
    SUPERSEDE,
    UNINDEX,
    wire_type_of,
)

Parameters = dict[str, Any]


class IdTaken(GalenicError):
    """Another transaction created the same type and id first; doing the interaction again finds it."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An interaction that is recorded beside the ones the new versions stand for (the transaction as a whole)."""

    interaction: str
    status: int


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
        if len(versions) == 1 and versions[0].index and not audit:
            await _write_one(connection, versions[0], context)
            return
        if created:
            await connection.execute(CREATE, _create_parameters(created, context, () if changed else audit))
    except UniqueViolation as error:
        raise IdTaken("the id was taken by another request") from error
    if changed:
        await _change(connection, changed, context, audit)


async def rewrite_search_rows(connection: Connection, versions: Sequence[NewVersion]) -> None:
    """Writes the search rows of versions that are stored already, and nothing else; their rows are locked."""
    await connection.execute(REWRITE, _search_parameters(versions) | indexed_rids(versions))


async def record(connection: Connection, entry: AuditEntry, context: Context) -> None:
    """Writes the audit record of an interaction that makes no version."""
    await connection.execute(RECORD_AUDIT, _transpose(AUDIT_COLUMNS, "a_", [_summary_row(entry, context)]))


async def _write_one(connection: Connection, new: NewVersion, context: Context) -> None:
    statement = CREATE_ONE if new.previous_version is None else CHANGE_ONE
    done = await connection.execute(statement, _one_row_parameters(new, context))
    if done.rowcount != 1:
        raise _moved_on()


def _moved_on() -> Conflict:
    return Conflict("a resource was changed by another request at the same time")


async def _change(
    connection: Connection, versions: list[NewVersion], context: Context, audit: Sequence[AuditEntry]
) -> None:
    indexed = [v for v in versions if v.index is not None]
    gone = [v.stored.rid for v in versions if v.index is None]
    async with connection.pipeline():
        await connection.execute(SUPERSEDE, {"rids": [v.stored.rid for v in versions]})
        replaced = await connection.execute(REPLACE, _replace_parameters(versions))
        if indexed:
            await connection.execute(REINDEX, _search_parameters(indexed) | indexed_rids(indexed))
        if gone:
            await connection.execute(UNINDEX, {"rids": gone})
        await connection.execute(RECORD, _record_parameters(versions, context, audit))
    if replaced.rowcount != len(versions):
        raise _moved_on()


def _create_parameters(versions: Sequence[NewVersion], context: Context, audit: Sequence[AuditEntry]) -> Parameters:
    rows = _resource_parameters(versions) | _search_parameters(versions)
    return {"locks": _locks(versions)} | rows | _record_parameters(versions, context, audit)


def _one_row_parameters(new: NewVersion, context: Context) -> Parameters:
    """Where two tables have a column of one name it holds the same."""
    parts = (
        (RESOURCE_COLUMNS, _resource_row(new)),
        (SEARCH_COLUMNS, _search_row(new)),
        (EVENT_COLUMNS, _event_row(new, context)),
        (AUDIT_COLUMNS, _audit_row(new, context)),
    )
    values = {c.name: value for columns, row in parts for c, value in zip(columns, row, strict=True)}
    return {"locks": _locks([new])} | values | _side_parameters([new]) | indexed_rids([new])


def indexed_rids(versions: Sequence[NewVersion]) -> Parameters:
    return {"indexed_rids": [v.stored.rid for v in versions]}


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
    return {prefix + c.name: _array(wire_type_of(c), values) for c, values in arrays}


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
    return _transpose(SEARCH_COLUMNS, "s_", [_search_row(v) for v in versions]) | _side_parameters(versions)


def _side_parameters(versions: Sequence[NewVersion]) -> Parameters:
    """The rows of the side tables, as array literals: one array a column."""
    indexed = [(v.stored.rid, v.index) for v in versions if v.index]
    strings: list[tuple[Any, ...]] = [(rid, key, _quoted(text)) for rid, row in indexed for key, text in row.strings]
    dates = [(rid, key, _instant(low), _instant(high)) for rid, row in indexed for key, low, high in row.dates]
    numbers = [(rid, *values) for rid, row in indexed for values in row.numbers]
    parameters: Parameters = {}
    sides: tuple[list[tuple[Any, ...]], ...] = (strings, [*dates], numbers)
    for table, rows in zip(tables.SIDE_TABLES, sides, strict=True):
        for place, column in enumerate(table.columns):
            values = ",".join(str(row[place]) for row in rows)
            parameters[f"{table.name}_{column.name}"] = f"{{{values}}}"
    return parameters


def _instant(moment: datetime) -> str:
    return f'"{moment.isoformat()}"'


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
        index.itself,
        None if index.grams is None else array_literal(index.grams),
        None if index.words is None else array_literal(index.words),
        index.orders,
        index.generation,
    )


def _record_parameters(versions: Sequence[NewVersion], context: Context, audit: Sequence[AuditEntry]) -> Parameters:
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
    owners = dict.fromkeys((*stored.compartments, *new.left))
    patients = [owner.removeprefix("Patient/") for owner in owners if owner.startswith("Patient/")]
    what = (type_number(stored.type_name), stored.id, stored.version, text_array_literal(patients), new.status)
    return (*_who(context, stored.interaction), *what, *_how(context))


def _summary_row(entry: AuditEntry, context: Context) -> tuple[Any, ...]:
    return (*_who(context, entry.interaction), None, None, None, "{}", entry.status, *_how(context))


def _who(context: Context, interaction: str) -> tuple[str, ...]:
    return (context.request_id, interaction, context.actor, context.client, context.purpose)


def _how(context: Context) -> tuple[str, ...]:
    return (context.role, context.reason, context.token_id, context.address)
