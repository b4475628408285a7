"""The store of one process on a fresh database, and looks into its audit trail from outside."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from fhir_server.storage.database import Database as Store
from fhir_server.storage.database import DatabaseOptions
from tests.conftest import Database

Ask = Callable[..., list[tuple[Any, ...]]]


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
