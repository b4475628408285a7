"""A batch of a re-indexing against writers, and what makes a generation."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import psycopg
import pytest

from fhir_server.auth.context import Context
from fhir_server.model.definitions import SearchParameterDefinition
from fhir_server.search.added import judge
from fhir_server.search.index import INDEX_VERSION
from fhir_server.storage.database import Connection
from fhir_server.storage.generations import read_generations
from fhir_server.storage.intents import Intent, Outcome
from fhir_server.storage.jobs import Job, LeaseLost, claim, find, finish, supersede
from fhir_server.storage.reindex import KIND, activate, build, repair, rewrite_batch
from fhir_server.storage.reindexing import Reindexing
from fhir_server.storage.transact import Batch
from fhir_server.wiring import Parts
from tests.builders.resources import a_patient
from tests.conftest import Database
from tests.running.reindexing import a_search_parameter

CONTEXT = Context("test", "test", "TREAT", "request")
GENERATIONS = "SELECT generation, state FROM search_generation ORDER BY generation"
JOBS = "SELECT state FROM job ORDER BY created"
FAMILIES = "SELECT count(*) FROM search_string WHERE value = %s"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
REPLACE = "UPDATE resource SET version = 2, body = convert_to(replace(convert_from(body, 'UTF8'), %s, %s), 'UTF8')"


@pytest.fixture
async def worker(database: Database) -> AsyncIterator[Connection]:
    connect = psycopg.AsyncConnection.connect
    async with await connect(database.app_url, autocommit=True) as connection:
        yield connection


def definitions(parts: Parts, *codes: str) -> tuple[SearchParameterDefinition, ...]:
    bodies = (a_search_parameter(c, "string", "Patient.contact.name.family", url=f"urn:sp:{c}", id=c) for c in codes)
    return tuple(judge(parts.server.indexer.registry, bodies).definitions)


async def write(parts: Parts, **elements: object) -> Outcome:
    server = await parts.server.current()
    intent = Intent("create", "Patient", str(uuid4()), resource=a_patient(**elements))
    return (await server.writer.write(Batch([intent], CONTEXT)))[0]


async def rows(connection: Connection, statement: str, *values: object) -> list[tuple[object, ...]]:
    return await (await connection.execute(statement, values or None)).fetchall()


async def building(parts: Parts, worker: Connection, *codes: str) -> Job:
    await build(worker, definitions(parts, *codes))
    job = await claim(worker, KIND, INDEX_VERSION)
    assert job is not None
    await parts.server.finder.source.ask(worker)
    return job


async def test_a_body_that_changes_while_a_batch_waits_for_it_is_the_one_indexed(
    parts: Parts, worker: Connection, database: Database
) -> None:
    await write(parts, family="Before")
    job = await building(parts, worker, "contact-family")
    indexer = parts.server.finder.source.indexer
    async with await psycopg.AsyncConnection.connect(database.app_url) as writer:
        await writer.execute(REPLACE, ("Before", "After"))
        batch = asyncio.create_task(rewrite_batch(worker, job, indexer, 0))
        while not batch.done() and await rows(writer, WAITING) == [(0,)]:
            await asyncio.sleep(0.01)
        await writer.commit()
        await batch
        assert await rows(writer, FAMILIES, "before") == [(0,)]
        assert (await rows(writer, FAMILIES, "after"))[0][0] > 0


async def test_what_a_worker_without_its_lease_has_rewritten_is_rolled_back(parts: Parts, worker: Connection) -> None:
    await write(parts)
    job = await building(parts, worker, "contact-family")
    await supersede(worker, KIND)
    with pytest.raises(LeaseLost):
        await rewrite_batch(worker, job, parts.server.finder.source.indexer, 0)
    assert await rows(worker, "SELECT generation FROM search") == [(0,)]


async def test_the_job_waits_for_a_transaction_that_has_not_written_yet(
    parts: Parts, worker: Connection, database: Database
) -> None:
    """Such a one is in no snapshot; the generation is old enough for everybody to know it."""
    job = await building(parts, worker, "contact-family")
    await worker.execute("UPDATE search_generation SET created = created - interval '1 minute'")
    async with await psycopg.AsyncConnection.connect(database.app_url) as writer:
        await writer.execute("SELECT 'not yet'")
        settling = asyncio.create_task(Reindexing("", parts.server.finder.source).settle(worker, job))
        ended, _ = await asyncio.wait([settling], timeout=1)
        assert not ended
        await writer.commit()
        await asyncio.wait_for(settling, 10)


async def test_while_it_is_built_rows_are_indexed_by_it_and_searches_do_not_know_it(
    parts: Parts, worker: Connection
) -> None:
    await building(parts, worker, "contact-family")
    registry = (await parts.server.current()).indexer.registry
    assert "contact-family" not in registry.parameters("Patient")
    assert "contact-family" in {parameter.code for parameter in registry.indexed("Patient")}
    await write(parts)
    assert await rows(worker, "SELECT generation FROM search") == [(1,)]


async def test_a_newer_set_takes_the_place_of_the_one_being_built(parts: Parts, worker: Connection) -> None:
    first = await build(worker, definitions(parts, "one"))
    assert (await build(worker, definitions(parts, "one"))).id == first.id
    await build(worker, definitions(parts, "one", "two"))
    assert await rows(worker, GENERATIONS) == [(0, "active"), (1, "superseded"), (2, "building")]
    assert await rows(worker, JOBS) == [("superseded",), ("waiting",)]
    job = await claim(worker, KIND, INDEX_VERSION)
    assert job is not None
    await activate(worker, job)
    assert await rows(worker, GENERATIONS) == [(0, "superseded"), (1, "superseded"), (2, "active")]
    assert [d.code for d in (await read_generations(worker)).active.definitions] == ["one", "two"]


async def test_a_failed_job_is_followed_by_another_for_the_same_generation(parts: Parts, worker: Connection) -> None:
    job = await building(parts, worker, "one")
    await finish(worker, job, "failed", "ValueError")
    again = await build(worker, definitions(parts, "one"))
    assert (again.id != job.id, again.state, again.payload["generation"]) == (True, "waiting", 1)


async def test_rows_behind_the_generation_are_repaired_and_nothing_else_is(parts: Parts, worker: Connection) -> None:
    await write(parts)
    await repair(worker)
    assert await rows(worker, JOBS) == []
    await worker.execute("UPDATE search SET index_version = 1")
    await repair(worker)
    await repair(worker)
    assert await rows(worker, JOBS) == [("waiting",)]


async def test_rows_an_outdated_writer_was_about_to_write_are_made_again(parts: Parts, worker: Connection) -> None:
    """The process knows the generation before it writes, though the request began without it."""
    server = await parts.server.current()
    await build(worker, definitions(parts, "one"))
    await parts.server.finder.source.ask(worker)
    intent = Intent("create", "Patient", str(uuid4()), resource=a_patient())
    await server.writer.write(Batch([intent], CONTEXT))
    assert await rows(worker, "SELECT generation FROM search") == [(1,)]


async def test_the_job_of_a_batch_says_how_many_it_has_rewritten(parts: Parts, worker: Connection) -> None:
    for _ in range(3):
        await write(parts)
    job = await building(parts, worker, "one")
    await rewrite_batch(worker, job, parts.server.finder.source.indexer, 0)
    told = await find(worker, job.id)
    assert told is not None
    assert told.position == 3
