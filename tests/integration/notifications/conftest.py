"""A store with one active subscription, whose subscriber is in this process."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from fhir_server.settings import Settings
from fhir_server.wiring import build
from subscriptions.topics import BASE
from tests.builders.subscriptions import a_subscription
from tests.conftest import Database
from tests.integration.notifications.notifying import Notifying
from tests.running.galenic import CURSOR_KEY, INDEX_KEY


@pytest.fixture
async def notifying(database: Database) -> AsyncIterator[Notifying]:
    """With one active subscription to prescriptions that are received."""
    settings = Settings(
        database_url=database.app_url,
        index_key=INDEX_KEY,
        cursor_key=CURSOR_KEY,
        auth="off",
        outbound_allow_private=True,
    )
    made = build(settings)
    await made.server.database.open()
    async with await psycopg.AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        one = Notifying(made, settings, connection)
        await one.write(a_subscription("http://sink.example/", f"{BASE}prescription-received"))
        await one.all()
        assert await one.rows("SELECT state FROM subscription") == [("active",)]
        yield one
    await made.server.database.close()
