"""Brings the database to the schema this code needs, and says where the two differ.

Alembic through its API: there is no alembic.ini, the connection is handed in. A lock in the database makes a
second upgrader wait for the first.
"""

import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, create_engine, make_url, text
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.pool import NullPool

ADVISORY_LOCK = 0x67616C656E69630A  # "galenic": one upgrader at a time
TURN_SECONDS_MAX = 300
LOCK_TIMEOUT_MS = 2_000  # a migration that waits for a lock makes everyone behind it wait: rather fail and try again


class MigrationError(Exception):
    """The database cannot be brought to head; the message says what to do."""


def script_folder() -> Path:
    """The folder `alembic/`: beside the code in a checkout, below share/ in an installed wheel."""
    beside = Path(__file__).parents[2] / "alembic"
    installed = Path(sysconfig.get_path("data"), "share", "galenic", "alembic")
    for folder in (beside, installed):
        if (folder / "env.py").is_file():
            return folder
    raise MigrationError(f"The migrations are neither in {beside} nor in {installed}; install Galenic again")


def upgrade(url: str, folder: Path | None = None) -> list[str]:
    """Applies what is pending, one transaction a migration; returns the revisions applied, in order.

    `url` is of a role that may create roles and tables.
    """
    with _connection(url) as holder:
        _take_turn(holder)
        waiting = pending(url, folder)
        if waiting:
            with _connection(url) as connection:
                command.upgrade(_config(folder, connection), "head")
    return waiting


def pending(url: str, folder: Path | None = None) -> list[str]:
    """The revisions this code has and the database has not, in the order they will be applied."""
    script = ScriptDirectory.from_config(_config(folder))
    with _connection(url) as connection:
        current = MigrationContext.configure(connection).get_current_heads()
    known = {revision.revision for revision in script.walk_revisions()}
    if unknown := set(current) - known:
        raise MigrationError(f"The database is of a newer Galenic (revision {', '.join(sorted(unknown))}); update it")
    applied = {r.revision for head in current for r in script.iterate_revisions(head, "base")}
    return [r.revision for r in reversed(list(script.walk_revisions())) if r.revision not in applied]


def drift(url: str, metadata: MetaData | None = None) -> list[str]:
    """Where tables, columns and indexes of the database differ from `fhir_server.tables`; else empty."""
    from fhir_server import tables

    ischema_names["xid8"] = tables.XID8  # a type that SQLAlchemy does not know; it would warn and not compare
    with _connection(url) as connection:
        context = MigrationContext.configure(connection, opts=_options(_partitions(connection)))
        return [_sentence(difference) for difference in compare_metadata(context, metadata or tables.metadata)]


@contextmanager
def _connection(url: str) -> Iterator[Connection]:
    engine = create_engine(
        make_url(url).set(drivername="postgresql+psycopg"),
        poolclass=NullPool,
        connect_args={
            "options": f"-c lock_timeout={LOCK_TIMEOUT_MS}",
            "application_name": "galenic migrations",
        },
    )
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def _take_turn(connection: Connection) -> None:
    """Held by a session of its own, outside a transaction: CREATE INDEX CONCURRENTLY would wait for one."""
    connection.execution_options(isolation_level="AUTOCOMMIT")
    connection.execute(text(f"SET lock_timeout = '{TURN_SECONDS_MAX}s'"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})


def _config(folder: Path | None, connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection, "options": _options(frozenset())})
    config.set_main_option("script_location", str(folder or script_folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _options(partitions: frozenset[str]) -> dict[str, Any]:
    def include(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and name in partitions)

    return {"transaction_per_migration": True, "compare_type": True, "include_name": include}


def _partitions(connection: Connection) -> frozenset[str]:
    """Tables made as time goes by; the metadata has only their parents."""
    rows = connection.execute(text("SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"))
    return frozenset(rows.scalars())


def _sentence(difference: Any) -> str:
    parts = difference if isinstance(difference, list) else [difference]
    return "; ".join(" ".join(str(word) for word in part if word is not None) for part in parts)
