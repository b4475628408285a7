"""Resources: their directory, current versions and history."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import ARRAY

from fhir_server.tables.columns import INSTANT, NO_TEXTS, code, metadata, written_by


def _version_columns() -> list[Column[Any]]:
    """What the current version (`resource`) and a superseded one (`history`) have in common."""
    return [
        Column("type", SmallInteger, nullable=False),
        code("id"),
        Column("version", Integer, nullable=False),
        Column("last_updated", INSTANT, nullable=False),
        code("interaction"),  # create, update, patch or delete: what made this version
        Column("body", LargeBinary),  # null: this version is the deletion
        Column("codec", SmallInteger, nullable=False),  # how `body` is written: storage/codec.py
        Column("key_id", Integer),  # the key `body` is encrypted with
        Column("compartments", ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS),
        Column("labels", ARRAY(Text(collation="C")), nullable=False, server_default=NO_TEXTS),
        written_by(),
    ]


resource_type = Table(  # for people who read the store with SQL
    "resource_type",
    metadata,
    Column("number", SmallInteger, nullable=False, autoincrement=False),
    code("name"),
    PrimaryKeyConstraint("number", name="resource_type_pk"),
    UniqueConstraint("name", name="resource_type_name_key"),
)

directory = Table(  # the one table whose key is not the internal resource id
    "directory",
    metadata,
    Column("type", SmallInteger, nullable=False, autoincrement=False),
    code("id"),
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
