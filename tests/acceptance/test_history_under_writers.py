"""Paging through a history while others write: every version once, none that was there at the first page missing."""

import asyncio
import random
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg import AsyncConnection

from fhir_server.auth.context import Context
from fhir_server.storage.write import write_versions
from tests.running import naive
from tests.running.load import Connection, status_of
from tests.running.pair import BASE_URL, Pair
from tests.running.store import read_contents

WRITERS = 4
PACE_SECONDS = 0.01
"""Rest of a writer between two writes, that the history does not outgrow its reader (seconds)."""

PAGES_MAX = 5_000
BUNDLE = 100

Named = tuple[str, str]
"""Id and version."""


@pytest.fixture(scope="module", autouse=True)
def _the_store_is_consistent_in_the_end(pair: Pair) -> Iterator[None]:
    yield
    pair.assert_consistent()


@pytest.fixture(scope="module")
async def ids(pair: Pair, at_full_counts: bool) -> list[str]:
    """Of patients that are there before the first page."""
    rows = 1_000 if at_full_counts else 300
    made = [str(uuid4()) for _ in range(rows)]
    async with pair.connections(1) as (client,):
        for start in range(0, rows, BUNDLE):
            entries = [put(one) for one in made[start : start + BUNDLE]]
            answer = await client.send("POST", "", {"resourceType": "Bundle", "type": "transaction", "entry": entries})
            assert {status_of(one) for one in answer.json()["entry"]} == {201}
    return made


def put(resource_id: str) -> dict[str, Any]:
    return {"resource": a_patient(resource_id), "request": {"method": "PUT", "url": f"Patient/{resource_id}"}}


def a_patient(resource_id: str) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": resource_id, "name": [{"family": str(uuid4())}]}


async def write(client: Connection, ids: list[str], seed: int, done: asyncio.Event) -> int:
    """Inserts, updates and deletes until told to stop; how often."""
    draw = random.Random(seed)
    times = 0
    while not done.is_set():
        resource_id = str(uuid4()) if draw.random() < 0.3 else draw.choice(ids)
        if draw.random() < 0.2:
            answer = await client.send("DELETE", f"/Patient/{resource_id}")
        else:
            answer = await client.send("PUT", f"/Patient/{resource_id}", a_patient(resource_id))
        assert answer.status in (200, 201, 204)
        times += 1
        await asyncio.sleep(PACE_SECONDS)
    return times


async def walk(client: Connection, count: int) -> list[Named]:
    """The whole history of the type, by its next links."""
    url: str | None = f"/Patient/_history?_count={count}"
    seen: list[Named] = []
    for _ in range(PAGES_MAX):
        if url is None:
            return seen
        answer = await client.send("GET", url)
        assert answer.status == 200, answer.body
        bundle = answer.json()
        assert len(bundle.get("entry", [])) <= count
        seen += [named(entry) for entry in bundle.get("entry", [])]
        url = next_of(bundle)
    raise AssertionError("the pages do not end")


def next_of(bundle: dict[str, Any]) -> str | None:
    links = (link["url"] for link in bundle["link"] if link["relation"] == "next")
    return next((url.removeprefix(BASE_URL) for url in links), None)


def named(entry: dict[str, Any]) -> Named:
    return entry["fullUrl"].rpartition("/")[2], entry["response"]["etag"].strip('W/"')


def stored(pair: Pair) -> set[Named]:
    return {(one.id, str(one.version)) for one in read_contents(pair.database.superuser_url).versions}


@pytest.mark.parametrize("count", [1, 7, 50, 100])
async def test_pages_hold_each_version_once_and_all_that_were_there_at_the_first(pair, ids, count):
    done = asyncio.Event()
    async with pair.connections(WRITERS + 1) as (reader, *writers):
        writing = [asyncio.create_task(write(client, ids, n, done)) for n, client in enumerate(writers)]
        before = await asyncio.to_thread(stored, pair)
        seen = await walk(reader, count)
        done.set()
        times = sum(await asyncio.gather(*writing))
    assert times > 0
    assert len(seen) == len(set(seen))
    assert before <= set(seen)
    assert set(seen) <= await asyncio.to_thread(stored, pair)


async def test_what_is_committed_between_two_pages_is_on_none_of_them(pair):
    """Its lastUpdated is older than the first page: by its time alone it would be on the second."""
    late = pair.a_new_version(a_patient(str(uuid4())))
    async with (
        pair.connections(1) as (client,),
        await psycopg.AsyncConnection.connect(pair.database.app_url) as writer,
    ):
        await write_versions(writer, [late], Context("a", "b", "TREAT", "late"))
        newest = [str(uuid4()), str(uuid4())]
        for one in newest:
            assert (await client.send("PUT", f"/Patient/{one}", a_patient(one))).status == 201
        first = (await client.send("GET", "/Patient/_history?_count=1")).json()
        await writer.commit()
        second = (await client.send("GET", next_of(first))).json()
        third = (await client.send("GET", next_of(second))).json()
        seen = [named(entry)[0] for page in (first, second, third) for entry in page["entry"]]
        assert seen[:2] == newest[::-1]
        assert late.stored.id not in seen
        assert late.stored.id in [one for one, _ in await walk(client, 100)]


async def test_naive_pages_by_offset_repeat_versions(pair, ids):
    done = asyncio.Event()
    async with (
        pair.connections(WRITERS) as writers,
        naive.sessions(pair.database.superuser_url, 1) as (session,),
    ):
        writing = [asyncio.create_task(write(client, ids, n, done)) for n, client in enumerate(writers)]
        seen = await walk_by_offset(session, 20)
        done.set()
        await asyncio.gather(*writing)
    assert len(seen) > len(set(seen))


BY_OFFSET = """
SELECT id, version FROM (SELECT id, version, last_updated, rid FROM resource
                         UNION ALL SELECT id, version, last_updated, rid FROM history) AS versions
ORDER BY last_updated DESC, rid DESC, version DESC OFFSET %s LIMIT %s
"""


async def walk_by_offset(session: AsyncConnection[Any], count: int) -> list[Named]:
    seen: list[Named] = []
    for offset in range(0, PAGES_MAX * count, count):
        page = await (await session.execute(BY_OFFSET, [offset, count])).fetchall()
        if not page:
            break
        seen += page
        await asyncio.sleep(0.002)  # a client needs a while for a page
    return seen
