"""The parts of the store on a fresh database, in this process."""

from collections.abc import AsyncIterator

import pytest

from fhir_server.settings import Settings
from fhir_server.wiring import Parts, build
from tests.conftest import Database
from tests.running.galenic import CURSOR_KEY, INDEX_KEY


@pytest.fixture
async def parts(database: Database) -> AsyncIterator[Parts]:
    settings = Settings(database_url=database.app_url, index_key=INDEX_KEY, cursor_key=CURSOR_KEY)
    made = build(settings)
    await made.server.database.open()
    yield made
    await made.server.database.close()
