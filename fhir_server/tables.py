"""The tables of the store; `alembic/versions` makes them, a test holds both equal.

What may not change later, and why, is in docs/decisions/0003-the-store.md.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import UserDefinedType


class XID8(UserDefinedType[int]):
    """A 64-bit transaction id: says in which snapshots a row is visible."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid8"


metadata = MetaData()

THIS_TRANSACTION = text("pg_current_xact_id()")
NO_TEXTS = text("'{}'::text[]")
INSTANT = DateTime(timezone=True)


def _code(name: str = "id") -> Column[str]:
    return Column(name, Text(collation="C"), nullable=False)


def _written_by() -> Column[int]:
    return Column("xid", XID8, nullable=False, server_default=THIS_TRANSACTION)


def _version_columns() -> list[Column[Any]]:
    """What the current version (`resource`) and a superseded one (`history`) have in common."""
    return [
        Column("type", SmallInteger, nullable=False),
        _code("id"),
        Column("version", Integer, nullable=False),
        Column("last_updated", INSTANT, nullable=False),
        _code("interaction"),  # create, update, patch or delete: what made this version
        Column("body", LargeBinary),  # null: this version is the deletion
        Column("codec", SmallInteger, nullable=False),  # how `body` is written: storage/codec.py
        Column("key_id", Integer),  # the key `body` is encrypted with
        Column("compartments", ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS),
        Column("labels", ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS),
        _written_by(),
    ]


resource_type = Table(  # for people who read the store with SQL
    "resource_type",
    metadata,
    Column("number", SmallInteger, nullable=False, autoincrement=False),
    _code("name"),
    PrimaryKeyConstraint("number", name="resource_type_pk"),
    UniqueConstraint("name", name="resource_type_name_key"),
)

directory = Table(  # the one table whose key is not the internal resource id
    "directory",
    metadata,
    Column("type", SmallInteger, nullable=False, autoincrement=False),
    _code("id"),
    Column("rid", BigInteger, nullable=False),
    PrimaryKeyConstraint("type", "id", name="directory_pk"),
)

resource = Table(
    "resource",
    metadata,
    Column("rid", BigInteger, nullable=False, autoincrement=False),
    *_version_columns(),
    PrimaryKeyConstraint("rid", name="resource_pk"),
    Index("resource_type_last_updated_idx", "type", "last_updated", "rid"),  # history of a type, newest first
    Index("resource_last_updated_idx", "last_updated", "rid"),  # history of the system, newest first
)

history = Table(
    "history",
    metadata,
    Column("rid", BigInteger, nullable=False, autoincrement=False),
    *_version_columns(),
    PrimaryKeyConstraint("rid", "version", name="history_pk"),
    Index("history_type_last_updated_idx", "type", "last_updated", "rid"),
    Index("history_last_updated_idx", "last_updated", "rid"),
)

PENDING = {"fastupdate": "on", "gin_pending_list_limit": "256"}
"""Of indexes with many entries a row: they are gathered, 256 kB at most, and entered together."""

search = Table(  # one row per resource that is not deleted
    "search",
    metadata,
    Column("rid", BigInteger, nullable=False, autoincrement=False),
    Column("type", SmallInteger, nullable=False),
    _code("id"),
    Column("last_updated", INSTANT, nullable=False),
    Column("patient", Text(collation="C")),  # search/columns.py says which parameter fills
    Column("status", Text(collation="C")),  # these four for each type
    Column("date_low", INSTANT),
    Column("date_high", INSTANT),
    Column("tokens", ARRAY(BigInteger), nullable=False),
    Column("compartments", ARRAY(Text(collation="C")), nullable=False),
    Column("labels", ARRAY(Text(collation="C")), nullable=False),
    Column("index_version", SmallInteger, nullable=False),
    _written_by(),
    Column("self", BigInteger),  # the resource's half of the tokens of links to it: search/keys.py
    Column("grams", ARRAY(Integer)),  # trigrams of all strings, for :contains; null where there are none
    Column("words", ARRAY(BigInteger)),  # keyed hashes of the words of all texts, for _text and _content
    Column("orders", JSONB),  # the values of tokens, references and uris that _sort needs
    Column("generation", Integer, nullable=False, server_default=text("0")),  # of the search parameters it was made by
    PrimaryKeyConstraint("rid", name="search_pk"),
    Index("search_type_last_updated_idx", "type", "last_updated", "rid"),
    Index("search_tokens_idx", "tokens", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    Index("search_compartments_idx", "compartments", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
    Index("search_self_idx", "self"),
    Index(
        "search_grams_idx",
        "grams",
        postgresql_using="gin",
        postgresql_with=PENDING,
        postgresql_where=text("grams IS NOT NULL"),
    ),
    Index(
        "search_words_idx",
        "words",
        postgresql_using="gin",
        postgresql_with=PENDING,
        postgresql_where=text("words IS NOT NULL"),
    ),
    Index("search_date_idx", "type", "date_low", "rid"),
    Index(
        "search_long_date_idx", "type", "date_high", postgresql_where=text("date_high - date_low > interval '1 day'")
    ),
    Index(
        "search_patient_idx", "patient", "type", "date_low", "rid", postgresql_where=text("patient IS NOT NULL")
    ),
    Index("search_status_idx", "type", "status", "date_low", "rid", postgresql_where=text("status IS NOT NULL")),
)


def _side_table(name: str, *values: Column[Any], indexes: tuple[Index, ...]) -> Table:
    """Values of a resource that are compared, not looked up; `key` is the hash of type and name."""
    rid = Column("rid", BigInteger, nullable=False)
    key = Column("key", BigInteger, nullable=False)
    return Table(name, metadata, rid, key, *values, *indexes, Index(f"{name}_rid_idx", "rid"))


search_string = _side_table(
    "search_string",
    Column("value", Text(collation="C"), nullable=False),  # folded: search/types/string.py
    indexes=(Index("search_string_value_idx", "key", "value", "rid"),),
)

search_date = _side_table(  # half-open, [low, high)
    "search_date",
    Column("low", INSTANT, nullable=False),
    Column("high", INSTANT, nullable=False),
    indexes=(
        Index("search_date_low_idx", "key", "low", "rid"),
        Index("search_date_long_idx", "key", "high", postgresql_where=text("high - low > interval '1 day'")),
    ),
)

search_number = _side_table(  # closed, [low, high], infinite where open
    "search_number",
    Column("low", Numeric, nullable=False),
    Column("high", Numeric, nullable=False),
    indexes=(
        Index("search_number_low_idx", "key", "low", "rid"),
        Index("search_number_range_idx", "key", "high", postgresql_where=text("high <> low")),
    ),
)

SIDE_TABLES = (search_string, search_date, search_number)

index_key = Table(  # one row: proof of the key the token hashes were made with
    "index_key",
    metadata,
    Column("single", Boolean, nullable=False, server_default=text("true")),
    Column("proof", BigInteger, nullable=False),
    PrimaryKeyConstraint("single", name="index_key_pk"),
)

def _event_columns() -> list[Column[Any]]:
    return [
        Column("rid", BigInteger, nullable=False),
        Column("type", SmallInteger, nullable=False),
        _code("id"),
        Column("version", Integer, nullable=False),
        Column("previous_version", Integer),
        _code("interaction"),
        _code("request_id"),
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

audit = Table(  # who did what to whose data; FHIR AuditEvents are rendered from it
    "audit",
    metadata,
    Column("number", BigInteger, Identity(always=True), nullable=False),
    Column("recorded", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    _code("request_id"),
    _code("interaction"),
    _code("actor"),
    _code("client"),
    _code("purpose"),
    Column("type", SmallInteger),
    Column("id", Text(collation="C")),
    Column("version", Integer),
    Column("patients", ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS),
    Column("outcome", SmallInteger, nullable=False),  # HTTP status
    _written_by(),
    PrimaryKeyConstraint("number", "recorded", name="audit_pk"),
    Index("audit_patients_idx", "patients", postgresql_using="gin"),
    Index("audit_request_id_idx", "request_id"),
    postgresql_partition_by="RANGE (recorded)",
)

job = Table(  # work in the background: storage/jobs.py
    "job",
    metadata,
    Column("id", Uuid, nullable=False, server_default=text("gen_random_uuid()")),
    _code("kind"),
    _code("key"),  # idempotency: asked for twice, it is the same job
    Column("state", Text(collation="C"), nullable=False, server_default=text("'waiting'")),
    Column("payload", JSONB, nullable=False),  # ids and numbers, never a patient's data
    Column("position", BigInteger, nullable=False, server_default=text("0")),
    Column("total", BigInteger, nullable=False, server_default=text("0")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),  # since the last progress
    Column("fence", BigInteger, nullable=False, server_default=text("0")),  # who claims raises it, others cannot write
    Column("lease_until", INSTANT),
    Column("heartbeat", INSTANT),
    Column("created", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    Column("started", INSTANT),
    Column("finished", INSTANT),
    Column("problem", Text(collation="C")),  # the class of what went wrong
    PrimaryKeyConstraint("id", name="job_pk"),
    UniqueConstraint("key", name="job_key_key"),
    Index("job_open_idx", "created", postgresql_where=text("state IN ('waiting', 'running')")),
)

search_generation = Table(  # sets of search parameters beyond R4's own: storage/generations.py
    "search_generation",
    metadata,
    Column("generation", Integer, nullable=False, autoincrement=False),
    Column("definitions", JSONB, nullable=False),
    _code("state"),
    Column("created", INSTANT, nullable=False, server_default=text("clock_timestamp()")),
    PrimaryKeyConstraint("generation", name="search_generation_pk"),
    Index("search_generation_state_key", "state", unique=True, postgresql_where=text("state <> 'superseded'")),
)

APPEND_ONLY = (history, event, audit)
"""Tables on which the application role has no UPDATE, DELETE or TRUNCATE."""
