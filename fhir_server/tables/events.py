"""What has happened: outbox, events."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Identity, Integer, PrimaryKeyConstraint, SmallInteger, Table, text

from fhir_server.tables.columns import INSTANT, code, metadata


def _event_columns() -> list[Column[Any]]:
    return [
        Column("rid", BigInteger, nullable=False),
        Column("type", SmallInteger, nullable=False),
        code("id"),
        Column("version", Integer, nullable=False),
        Column("previous_version", Integer),
        code("interaction"),
        code("request_id"),
    ]


outbox = Table(  # what has happened and is not yet in `event`; the sequencer empties it
    "outbox",
    metadata,
    Column("number", BigInteger, Identity(always=True), nullable=False),
    *_event_columns(),
    PrimaryKeyConstraint("number", name="outbox_pk"),
)

event = Table(  # every change of the store under a gap-free `seq`; consumers keep a cursor into it
    "event",
    metadata,
    Column("seq", BigInteger, nullable=False, autoincrement=False),
    Column("recorded", INSTANT, nullable=False),
    *_event_columns(),
    PrimaryKeyConstraint("seq", "recorded", name="event_pk"),
    postgresql_partition_by="RANGE (recorded)",
)

event_head = Table(  # one row: the last `seq` given out
    "event_head",
    metadata,
    Column("single", Boolean, nullable=False, server_default=text("true")),
    Column("seq", BigInteger, nullable=False),
    PrimaryKeyConstraint("single", name="event_head_pk"),
)
