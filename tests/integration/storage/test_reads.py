"""Reads that share a statement each get their own row."""

import asyncio
from uuid import uuid4

import psycopg
import pytest

from fhir_server.auth.context import Context
from fhir_server.errors import Unavailable
from fhir_server.storage.intents import Intent
from fhir_server.storage.read import BATCH
from fhir_server.storage.transact import Batch
from fhir_server.wiring import Parts
from tests.conftest import BREAK_OFF, Database

CONTEXT = Context("test", "test", "TREAT", "request")


async def create(parts: Parts, count: int) -> list[str]:
    ids = [str(uuid4()) for _ in range(count)]
    intents = [Intent("create", "Patient", i, resource={"resourceType": "Patient", "language": i[:8]}) for i in ids]
    await parts.server.writer.write(Batch(intents, CONTEXT))
    return ids


async def test_every_one_of_many_readers_gets_its_own_resource(parts: Parts) -> None:
    ids = await create(parts, 300)
    wanted = [*ids, *ids, *(str(uuid4()) for _ in range(BATCH))]
    versions = await asyncio.gather(*(parts.server.reader.current("Patient", i) for i in wanted))
    assert [version.id if version else None for version in versions[: 2 * len(ids)]] == [*ids, *ids]
    assert set(versions[2 * len(ids) :]) == {None}


async def test_a_reader_that_gives_up_does_not_disturb_the_others(parts: Parts) -> None:
    (known,) = await create(parts, 1)
    impatient = asyncio.create_task(parts.server.reader.current("Patient", known))
    patient = asyncio.create_task(parts.server.reader.current("Patient", known))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).id == known


async def test_a_lost_connection_is_a_failure_of_its_readers_and_the_next_read_works(
    parts: Parts, database: Database
) -> None:
    (known,) = await create(parts, 1)
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute(BREAK_OFF)
    with pytest.raises(Unavailable):
        await asyncio.gather(*(parts.server.reader.current("Patient", known) for _ in range(50)))
    for _ in range(100):
        try:
            assert (await parts.server.reader.current("Patient", known)).id == known
            break
        except Unavailable:
            await asyncio.sleep(0.05)
    else:
        pytest.fail("the pool did not recover")


async def test_internal_ids_are_dealt_once(parts: Parts) -> None:
    taken = await asyncio.gather(*(parts.server.writer._rids.take(count) for count in (1, 700, 3, 1500, 2)))
    dealt = [rid for rids in taken for rid in rids]
    assert len(set(dealt)) == 2206
