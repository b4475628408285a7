"""$reindex in the background: progress, writers beside it, paging across it, kills, and two processes."""

import asyncio
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest

from fhir_server.search.index import INDEX_VERSION
from fhir_server.search.keys import LOCK_BUCKETS
from fhir_server.settings import Settings
from fhir_server.storage.jobs import claim
from fhir_server.storage.locks import LOCK_CLASS
from fhir_server.storage.reindex import KIND
from fhir_server.storage.reindexing import Reindexing
from fhir_server.wiring import build_reindexing
from tests.acceptance.outcomes import VALIDATOR, refused
from tests.builders.bundles import a_transaction
from tests.builders.resources import a_patient
from tests.running.galenic import INDEX_KEY, running
from tests.running.pair import BASE_URL
from tests.running.reindexing import a_search_parameter, await_answer, await_done, begin, ids, reindexed
from tests.running.waiting import PATIENCE_SECONDS, wait_until

POPULATION = 2_000
CHUNK = 500
PAGE = 10
PAGES_BEFORE = 5
"""Pages read before, while and after the job runs."""

HELD_SECONDS = 1.5
"""A write is held up for this long at most: less than it would wait (seconds)."""

STALE = "SELECT count(*) FROM search WHERE generation < (SELECT max(generation) FROM search_generation)"
XIDS = "SELECT rid, xid::text FROM search ORDER BY rid"


def a_born(place, **elements):
    extension = {"url": "http://example.org/born-in", "valueString": place}
    return a_patient(extension=[extension], **elements)


def born_in(code="born-in"):
    return a_search_parameter(code, "string", "Patient.extension.where(url='http://example.org/born-in').value")


def posted(client, body):
    response = client.post(f"/{body['resourceType']}", json=body)
    assert response.status_code == 201, response.text
    return response.json()


@contextmanager
def a_server(cluster, **settings):
    """On a database of its own; the URL of its superuser beside it."""
    name = f"reindex_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
    database = cluster.database(name)
    try:
        with running(database.app_url, **settings) as server:
            yield server, database
    finally:
        cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def populate(client, count=POPULATION):
    """Patients born in places 0 to 9, in transactions."""
    made = []
    for start in range(0, count, CHUNK):
        entries = [
            {"resource": a_born(f"Place {n % 10}"), "request": {"method": "POST", "url": "Patient"}}
            for n in range(start, min(start + CHUNK, count))
        ]
        answer = client.post("", json=a_transaction(*entries)).json()
        made += [entry["response"]["location"].split("/")[-3] for entry in answer["entry"]]
    return made


@pytest.fixture(scope="module")
def populated(cluster):
    with a_server(cluster) as (server, database), server.client() as client:
        yield server, database, client, populate(client)


def numbers(database, statement):
    with psycopg.connect(database.superuser_url) as connection:
        return connection.execute(statement).fetchall()


def count_of(client, **parameters):
    response = client.get("/Patient", params={**parameters, "_summary": "count"})
    assert response.status_code == 200, response.text
    return response.json()["total"]


def await_progress(client, status, least=1):
    """The job has rewritten so many, and is not done; its X-Progress."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        response = client.get(f"/{status}")
        assert response.status_code == 202, response.text
        progress = response.headers["X-Progress"]
        if int(progress.partition(" ")[0]) >= least:
            return response
        assert time.monotonic() < deadline, progress
        time.sleep(0.01)


def test_2000_resources_become_searchable_with_progress_and_keep_their_place_in_pages(populated):
    _, database, client, made = populated
    posted(client, born_in())
    refused(client.get("/Patient", params={"born-in": "place 3"}), 400)
    before = dict(numbers(database, XIDS))
    status = begin(client)
    response = await_progress(client, status)
    assert VALIDATOR.validate(response.json()) == []
    assert response.headers["X-Progress"].endswith(" resources")
    assert int(response.headers["Retry-After"]) >= 1
    refused(client.get("/Patient", params={"born-in": "place 3"}), 400)
    ended = await_done(client, status)
    assert (ended["state"], ended["resources"]) == ("done", len(made) + 1)
    assert ended["started"] < ended["finished"]
    await_answer(client, "/Patient?born-in=place 3", 200)
    assert count_of(client, **{"born-in": "place 3"}) == POPULATION // 10
    assert count_of(client, **{"born-in:missing": "false"}) == POPULATION
    after = dict(numbers(database, XIDS))
    assert before == {rid: after[rid] for rid in before}


def test_the_status_of_a_job_that_has_ended_is_valid_r4_and_unknown_ones_are_404(populated):
    *_, client, _ = populated
    status = begin(client)
    await_done(client, status)
    assert VALIDATOR.validate(client.get(f"/{status}").json()) == []
    refused(client.get(f"/$job-status?job={uuid4()}"), 404)
    refused(client.get("/$job-status?job=no-id"), 404)
    refused(client.get("/$job-status"), 400)
    refused(client.post(f"/{status}"), 405)
    refused(client.get("/$reindex"), 405)
    refused(client.post("/$unheard-of"), 404)
    asked = {"resourceType": "Parameters", "parameter": [{"name": "type", "valueCode": "Patient"}]}
    refused(client.post("/$reindex", json=asked), 400)


def test_asked_for_twice_it_is_one_job_and_a_newer_set_supersedes_it(populated):
    *_, client, _ = populated
    posted(client, born_in("first-set"))
    status = begin(client)
    assert begin(client) == status
    posted(client, born_in("second-set"))
    newer = begin(client)
    assert newer != status
    assert await_done(client, status)["state"] == "superseded"
    assert await_done(client, newer)["state"] == "done"
    await_answer(client, "/Patient?second-set=place 1", 200)
    assert count_of(client, **{"first-set": "place 1"}) == count_of(client, **{"second-set": "place 1"}) > 0


def test_what_is_written_while_it_runs_is_found(populated):
    """Created, updated, patched and deleted, under many requests, before and behind where the job is."""
    *_, client, made = populated
    place, left, patched = (f"Written {uuid4().hex}" for _ in range(3))
    posted(client, born_in("while-running"))
    status = begin(client)
    await_progress(client, status)
    merge = {"Content-Type": "application/merge-patch+json"}
    extension = a_born(patched)["extension"]

    def write(number):
        client.put(f"/Patient/{made[number]}", json=a_born(place, id=made[number]))
        client.put(f"/Patient/{made[-number - 1]}", json=a_born(place, id=made[-number - 1]))
        client.patch(f"/Patient/{made[number + 500]}", json={"extension": extension}, headers=merge)
        gone = posted(client, a_born(left))["id"]
        posted(client, a_born(place))
        assert client.delete(f"/Patient/{gone}").status_code == 204

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(30)))
    assert await_done(client, status)["state"] == "done"
    await_answer(client, "/Patient?while-running=x", 200)
    assert count_of(client, **{"while-running": place}) == 90
    assert count_of(client, **{"while-running": patched}) == 30
    assert count_of(client, **{"while-running": left}) == 0


def test_paging_across_a_reindexing_misses_nothing_and_repeats_nothing(populated):
    *_, client, _ = populated
    whole = ids(client.get("/Patient", params={"born-in": "place 5", "_sort": "-born-in", "_count": "1000"}))
    posted(client, born_in("across"))
    response = client.get("/Patient", params={"born-in": "place 5", "_sort": "-born-in", "_count": str(PAGE)})
    status = begin(client)
    seen = ids(response)
    while url := next((link["url"] for link in response.json()["link"] if link["relation"] == "next"), None):
        response = client.get(url)
        seen += ids(response)
        if len(seen) == PAGES_BEFORE * PAGE:
            await_progress(client, status)
        elif len(seen) == 2 * PAGES_BEFORE * PAGE:
            assert await_done(client, status)["state"] == "done"
    assert seen == whole
    assert len(whole) > 3 * PAGES_BEFORE * PAGE


def test_a_changed_definition_means_what_it_meant_until_it_is_done(populated):
    *_, client, _ = populated
    body = posted(client, born_in("steady"))
    reindexed(client)
    here = count_of(client, steady="place 7")
    client.put(f"/SearchParameter/{body['id']}", json=body | {"expression": "Patient.name.family"})
    status = begin(client)
    counted = []
    while client.get(f"/{status}").status_code == 202:
        counted.append((count_of(client, steady="place 7"), count_of(client, steady="chalmers")))
    assert len(counted) > 5
    assert set(counted[:-1]) == {(here, 0)}
    time.sleep(1.1)
    assert count_of(client, steady="place 7") == 0
    assert count_of(client, steady="chalmers") > 0


def test_a_killed_worker_is_replaced_and_the_job_finished(cluster):
    with a_server(cluster) as (server, database), server.client() as client:
        made = populate(client)
        posted(client, born_in())
        status = begin(client)
        await_progress(client, status, 200)
        os.kill(server.workers[0].pid, signal.SIGKILL)
        server.workers.pop(0).wait()
        server.start_worker()
        assert await_done(client, status)["state"] == "done"
        await_answer(client, "/Patient?born-in=place 3", 200)
        assert count_of(client, **{"born-in": "place"}) == len(made)
        [(attempts, fence, position)] = numbers(database, "SELECT attempts, fence, position FROM job")
        assert (fence, position) == (2, len(made) + 1), (attempts, fence, position)


def test_rows_an_older_release_has_indexed_are_rewritten_at_the_next_start(cluster):
    with a_server(cluster) as (server, database), server.client() as client:
        made = populate(client, 100)
        server.workers[0].kill()
        server.workers.pop(0).wait()
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("UPDATE search SET index_version = 1, tokens = '{}', grams = NULL")
            connection.execute("DELETE FROM search_string")
        assert count_of(client, family="chalmers") == 0
        server.start_worker()
        wait_until(lambda: numbers(database, "SELECT state FROM job") == [("done",)])
        assert count_of(client, family="chalmers") == len(made)
        assert numbers(database, "SELECT DISTINCT index_version FROM search") == [(INDEX_VERSION,)]


def test_a_job_that_fails_says_what_kind_of_error_and_is_done_when_asked_again(cluster):
    with a_server(cluster, log_level="error") as (server, database), server.client() as client:
        made = posted(client, a_born("Broken"))["id"]
        posted(client, born_in())
        with psycopg.connect(database.superuser_url) as connection:
            [(body,)] = connection.execute("SELECT body FROM resource WHERE id = %s", (made,)).fetchall()
            connection.execute("UPDATE resource SET body = 'Broken' WHERE id = %s", (made,))
        ended = await_done(client, begin(client))
        assert (ended["state"], ended["problem"]) == ("failed", "Malformed")
        assert posted(client, a_born("Other"))
        refused(client.get("/Patient", params={"born-in": "other"}), 400)
        with psycopg.connect(database.superuser_url) as connection:
            connection.execute("UPDATE resource SET body = %s WHERE id = %s", (body, made))
        assert reindexed(client)["state"] == "done"
        assert count_of(client, **{"born-in": "broken"}) == count_of(client, **{"born-in": "other"}) == 1


def test_who_asked_is_recorded(populated):
    _, database, client, _ = populated
    client.post("/$reindex", headers={"X-Request-Id": "asked-for"})
    asked = "SELECT interaction, outcome FROM audit WHERE request_id = 'asked-for'"
    assert numbers(database, asked) == [("operation", 202)]


class WithoutWaiting(Reindexing):
    """Naive: what is there is rewritten, and the generation searched."""

    async def settle(self, connection, job):
        pass


def a_reindexing(kind, database):
    settings = Settings(database_url=database.app_url, index_key=INDEX_KEY, base_url=BASE_URL)
    return kind(database.app_url, build_reindexing(settings)._source)


@pytest.fixture
def two(cluster):
    """Two API processes on one database, and no worker: the test does the job."""
    name = f"reindex_{uuid4().hex}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
    database = cluster.database(name)
    shared = {"worker": False, "base_url": BASE_URL}
    with (
        running(database.app_url, **shared) as one,
        running(database.app_url, **shared) as other,
        one.client() as first,
        other.client() as second,
    ):
        yield first, second, database
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def do_job(reindexing, database):
    async with await psycopg.AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        job = await claim(connection, KIND, INDEX_VERSION)
        assert job is not None
        await reindexing.run(job)


async def a_late_write(first, second, database, reindexing):
    """Begun by a process that does not know the generation, and held up until the job could be done."""
    identified = a_born("Late", identifier=[{"system": "urn:late", "value": "1"}])
    posted(second, a_born("Early"))
    posted(first, born_in())
    with psycopg.connect(database.superuser_url) as holder, ThreadPoolExecutor(1) as pool:
        take = "SELECT pg_advisory_xact_lock(%s, bucket) FROM generate_series(0, %s) bucket"
        holder.execute(take, (LOCK_CLASS, LOCK_BUCKETS - 1))
        posted(second, a_born("Just before"))
        late = pool.submit(posted, second, identified)
        await asyncio.to_thread(await_waiting, database)
        begin(first)
        doing = asyncio.create_task(do_job(reindexing, database))
        await asyncio.wait([doing], timeout=HELD_SECONDS)
        holder.commit()
        await doing
        await asyncio.to_thread(late.result)


def await_waiting(database):
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 1 AND NOT granted"
    wait_until(lambda: numbers(database, waiting) != [(0,)])


async def test_a_process_that_has_not_noticed_leaves_no_stale_row(two):
    first, second, database = two
    await a_late_write(first, second, database, a_reindexing(Reindexing, database))
    assert numbers(database, STALE) == [(0,)]
    for client in (first, second):
        await_answer(client, "/Patient?born-in=late", 200)
        assert count_of(client, **{"born-in": "late"}) == 1
        assert count_of(client, **{"born-in:missing": "false"}) == 3


async def test_without_waiting_for_it_one_would_stay(two):
    first, second, database = two
    await a_late_write(first, second, database, a_reindexing(WithoutWaiting, database))
    assert numbers(database, STALE) == [(1,)]
    await_answer(first, "/Patient?born-in=late", 200)
    assert count_of(first, **{"born-in": "late"}) == 0
