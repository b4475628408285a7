"""The store of one process on a fresh database, and looks into its audit trail from outside."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import psycopg
import pytest

from fhir_server.storage.database import Database as Store
from fhir_server.storage.database import DatabaseOptions
from tests.conftest import Cluster, Database

Ask = Callable[..., list[tuple[Any, ...]]]


EMPTIED = """
SET session_replication_role = replica;
TRUNCATE audit, audit_seal, audit_expiry, audit_report RESTART IDENTITY
"""


@pytest.fixture(scope="module")
def database_of_module(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Database]:
    name = "audit_" + request.module.__name__.rpartition(".")[2].removeprefix("test_")
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
    yield cluster.database(name)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(database_of_module: Database) -> Database:
    """That of the module, its audit trail empty: making one for each test takes longer than the tests."""
    with psycopg.connect(database_of_module.superuser_url, autocommit=True) as connection:
        connection.execute(EMPTIED)
    return database_of_module


@pytest.fixture
async def store(database: Database) -> AsyncIterator[Store]:
    made = Store(DatabaseOptions(database.app_url, connections=4, statement_timeout_ms=10_000))
    await made.open()
    yield made
    await made.close()


@pytest.fixture
def ask(database: Database) -> Ask:
    """Runs a statement as the superuser; its rows."""

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    return run
