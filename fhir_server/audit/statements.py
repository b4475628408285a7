"""How records come into the table: one by itself, or many as arrays.

`INSERT` is for whoever has a transaction open: the record and what it records commit together.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import ARRAY, Executable, bindparam, cast, func, insert, select

from fhir_server import tables
from fhir_server.audit.record import Record
from fhir_server.model.resource_types import NUMBERS
from fhir_server.storage.statements import compile_template
from fhir_server.storage.write import array_literal, text_array_literal
from fhir_server.storage.write_statements import wire_type_of

MADE_BY_DATABASE: Final = frozenset({"number", "recorded", "xid"})
COLUMNS: Final = tuple(c for c in tables.audit.columns if c.name not in MADE_BY_DATABASE)
NAMES: Final = tuple(c.name for c in COLUMNS)

VERSION_MAX: Final = 2**31 - 1
"""A version that is asked for and larger than this is none (versions)."""

TEXT_CHARACTERS_MAX: Final = 20_000
"""Longer texts of clients, their queries above all, are cut (characters)."""

Parameters = dict[str, Any]


def _insert_one() -> Executable:
    return insert(tables.audit).values({name: bindparam(name) for name in NAMES}).inline()


def _insert_many() -> Executable:
    arrays = (cast(bindparam(c.name), ARRAY(wire_type_of(c))) for c in COLUMNS)
    rows = func.unnest(*arrays).table_valued(*NAMES, name="records").render_derived()
    values = (cast(rows.c[c.name], c.type) for c in COLUMNS)
    return insert(tables.audit).from_select(NAMES, select(*values))


INSERT: Final = compile_template(_insert_one())
INSERT_MANY: Final = compile_template(_insert_many())


def parameters(record: Record) -> Parameters:
    """What `INSERT` takes."""
    return _texts(record) | _numbers(record) | {"patients": list(_patients(record))}


def many_parameters(records: Sequence[Record]) -> Parameters:
    """What `INSERT_MANY` takes: one array a column, as its literal."""
    texts = [_texts(record) for record in records]
    numbers = [_numbers(record) for record in records]
    patients = [text_array_literal(_patients(record)) for record in records]
    return (
        {name: text_array_literal([row[name] for row in texts]) for name in texts[0]}
        | {name: array_literal([row[name] for row in numbers]) for name in numbers[0]}
        | {"patients": text_array_literal(patients)}
    )


def _texts(record: Record) -> dict[str, str | None]:
    context = record.context
    return {
        "request_id": _text(context.request_id),
        "interaction": _text(record.interaction),
        "actor": _text(context.actor),
        "client": _text(context.client),
        "purpose": _text(context.purpose),
        "id": _text(record.id) or None,
        "role": _text(context.role),
        "reason": _text(context.reason),
        "token_id": _text(context.token_id),
        "address": _text(context.address),
        "query": _text(record.query),
        "detail": _text(record.detail),
    }


def _numbers(record: Record) -> dict[str, int | None]:
    version = record.version
    return {
        "type": NUMBERS.get(record.type_name),
        "version": version if version is not None and 0 <= version <= VERSION_MAX else None,
        "outcome": record.status,
        "count": record.count,
    }


def _patients(record: Record) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_text(patient) for patient in record.patients))


def _text(text: str) -> str:
    """As PostgreSQL can store it: what is refused for its characters is recorded all the same."""
    cut = text if len(text) <= TEXT_CHARACTERS_MAX else text[:TEXT_CHARACTERS_MAX] + "…"
    if cut.isascii() and "\0" not in cut:
        return cut
    return cut.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
