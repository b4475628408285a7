"""A store with one active subscription, whose subscriber is in this process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from fhir_server.settings import Settings
from fhir_server.wiring import build
from subscriptions.topics import BASE
from tests.builders.subscriptions import a_subscription
from tests.conftest import Database
from tests.integration.notifications.notifying import Notifying
from tests.running.galenic import CURSOR_KEY, INDEX_KEY

RECEIVED = f"{BASE}prescription-received"
PAUSE_SECONDS = 300.0
MAIL = {"smtp_url": "smtp://post.example", "mail_from": "pharmacy@galenic.example"}


@pytest.fixture
async def notifying(database: Database) -> AsyncIterator[Notifying]:
    """With one active subscription to prescriptions that are received."""
    async with active(database, a_subscription("http://sink.example/", RECEIVED)) as one:
        yield one


@pytest.fixture
async def mailing(database: Database) -> AsyncIterator[Notifying]:
    """With one active subscription by e-mail, whose handshake has just been accepted."""
    asked = a_subscription("mailto:ward@sink.example", RECEIVED, content="empty", channel={"type": "email"})
    async with active(database, asked, **MAIL) as one:
        one.wire.pause_seconds = PAUSE_SECONDS
        yield one


@asynccontextmanager
async def active(database: Database, subscription: dict[str, Any], **settings: Any) -> AsyncIterator[Notifying]:
    made = Settings(
        database_url=database.app_url,
        index_key=INDEX_KEY,
        cursor_key=CURSOR_KEY,
        auth="off",
        outbound_allow_private=True,
        **settings,
    )
    parts = build(made)
    await parts.server.database.open()
    async with await psycopg.AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        one = Notifying(parts, made, connection)
        await one.write(subscription)
        await one.all()
        assert await one.rows("SELECT state FROM subscription") == [("active",)]
        yield one
    await parts.server.database.close()
