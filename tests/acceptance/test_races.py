"""Interactions that race for one resource or one key, on two API processes."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, islice
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from fhir_server.auth.context import Context
from fhir_server.storage.write import write_versions
from tests.running import naive
from tests.running.load import Answer, Connection
from tests.running.pair import Pair
from tests.running.store import await_lock_waiters

SYSTEM = "http://galenic.example/races"
CLIENTS = 8
SIMULTANEOUS = 16
RETRIES_MAX = 5


@pytest.fixture
def rounds(at_full_counts: bool) -> int:
    return 40 if at_full_counts else 6


@pytest.fixture
def keys() -> list[str]:
    return [str(uuid4()) for _ in range(200)]


@pytest.fixture(scope="module", autouse=True)
def _the_store_is_consistent_in_the_end(pair: Pair) -> Any:
    yield
    pair.assert_consistent()


def a_patient(key: str | None = None, **elements: Any) -> dict[str, Any]:
    identifier = {"identifier": [{"system": SYSTEM, "value": key}]} if key else {}
    return {"resourceType": "Patient", **identifier, **elements}


def named(name: str) -> dict[str, Any]:
    return {"name": [{"family": name}]}


def found_by(key: str) -> str:
    return f"identifier={SYSTEM}|{key}"


async def create_once(connection: Connection, key: str, **elements: Any) -> Answer:
    """A conditional create; a collision is tried again, as R4 lets a client do."""
    patient = a_patient(key, **elements)
    for _ in range(RETRIES_MAX):
        answer = await connection.send("POST", "/Patient", patient, if_none_exist=found_by(key))
        if answer.status not in (409, 412):
            break
    return answer


async def ids_with(connection: Connection, key: str) -> list[str]:
    answer = await connection.send("GET", f"/Patient?{found_by(key)}&_count=100")
    assert answer.status == 200, answer
    return [entry["resource"]["id"] for entry in answer.json().get("entry", [])]


async def versions_of(connection: Connection, resource_id: str) -> list[int]:
    answer = await connection.send("GET", f"/Patient/{resource_id}/_history?_count=100")
    assert answer.status == 200, answer
    return [int(entry["response"]["etag"].strip('W/"')) for entry in answer.json()["entry"]]


def statuses(answers: Sequence[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


@pytest.mark.parametrize("create", [naive.search_then_insert, naive.lock_and_search_in_one_statement])
async def test_naive_conditional_creates_make_duplicates(pair, create):
    async with naive.sessions(pair.database.superuser_url, CLIENTS) as sessions:
        assert await naive.duplicated_keys(sessions, create, keys=50) > 0


async def test_racing_conditional_creates_make_one_resource_a_key(pair, keys):
    async with pair.connections(CLIENTS) as clients:
        for key in keys:
            racing = (create_once(client, key, **named(f"client-{n}")) for n, client in enumerate(clients))
            answers = await asyncio.gather(*racing)
            assert statuses(answers) == {201: 1, 200: CLIENTS - 1}
            assert {answer.id for answer in answers} == set(await ids_with(clients[0], key))


async def test_conditional_creates_by_different_criteria_for_one_identifier_make_one_resource(pair, keys):
    """One asks for the identifier, another for its value in any system, a third for more besides."""
    async with pair.connections(CLIENTS) as clients:
        for key in keys[:20]:
            criteria = cycle([found_by(key), f"identifier={key}", f"{found_by(key)}&gender=male"])
            patient = a_patient(key, gender="male")
            answers = await asyncio.gather(
                *(
                    client.send("POST", "/Patient", patient, if_none_exist=criterion)
                    for client, criterion in zip(clients, islice(criteria, CLIENTS), strict=True)
                )
            )
            assert statuses(answers) == {201: 1, 200: CLIENTS - 1}


async def test_plain_creates_that_race_with_conditional_ones_never_let_two_of_these_create(pair, keys):
    async with pair.connections(CLIENTS) as clients:
        for key in keys[:30]:
            plain = [client.send("POST", "/Patient", a_patient(key)) for client in clients[:2]]
            conditional = [
                client.send("POST", "/Patient", a_patient(key), if_none_exist=found_by(key)) for client in clients[2:]
            ]
            answers = await asyncio.gather(*plain, *conditional)
            assert statuses(answers[:2]) == {201: 2}
            counted = statuses(answers[2:])
            assert counted[201] <= 1
            assert counted.keys() <= {200, 201, 412}
            assert len(await ids_with(clients[0], key)) == 2 + counted[201]


async def test_a_conditional_create_waits_for_a_plain_one_that_is_not_committed_yet(pair):
    """Held open between its statement and its commit: who would not wait would create a second one."""
    key = str(uuid4())
    async with (
        pair.connections(1) as (client,),
        await psycopg.AsyncConnection.connect(pair.database.app_url) as writer,
    ):
        await write_versions(writer, [pair.a_new_version(a_patient(key))], Context("a", "b", "TREAT", "held"))
        asked = asyncio.create_task(create_once(client, key))
        await asyncio.to_thread(await_lock_waiters, pair.database.superuser_url, 1)
        assert not asked.done()
        await writer.commit()
        assert (await asked).status == 200


async def test_naive_updates_replace_one_version_several_times(pair):
    async with naive.sessions(pair.database.superuser_url, SIMULTANEOUS) as sessions:
        assert await naive.winners_of_one_version(sessions, rounds=20) > 1


async def update(client: Connection, resource_id: str, n: int, **headers: str) -> Answer:
    resource = a_patient(id=resource_id, **named(f"update-{n}-{uuid4()}"))
    return await client.send("PUT", f"/Patient/{resource_id}", resource, **headers)


async def patch(client: Connection, resource_id: str, n: int, **headers: str) -> Answer:
    operations = [{"op": "add", "path": "/name", "value": named(f"patch-{n}-{uuid4()}")["name"]}]
    content_type = "application/json-patch+json"
    return await client.send("PATCH", f"/Patient/{resource_id}", operations, content_type=content_type, **headers)


async def delete(client: Connection, resource_id: str, _: int, **headers: str) -> Answer:
    return await client.send("DELETE", f"/Patient/{resource_id}", **headers)


@pytest.mark.parametrize("change", [update, patch])
async def test_of_simultaneous_changes_with_one_etag_one_is_made(pair, rounds, change):
    resource_id = str(uuid4())
    async with pair.connections(SIMULTANEOUS) as clients:
        assert (await update(clients[0], resource_id, 0)).status == 201
        for version in range(1, rounds + 1):
            etag = f'W/"{version}"'
            answers = await asyncio.gather(
                *(change(client, resource_id, n, if_match=etag) for n, client in enumerate(clients))
            )
            assert statuses(answers) == {200: 1, 412: SIMULTANEOUS - 1}
            assert [a.version for a in answers if a.status == 200] == [version + 1]
        assert await versions_of(clients[0], resource_id) == list(range(rounds + 1, 0, -1))


async def test_of_simultaneous_deletions_with_one_etag_one_is_made(pair, rounds):
    async with pair.connections(SIMULTANEOUS) as clients:
        for _ in range(rounds):
            resource_id = str(uuid4())
            assert (await update(clients[0], resource_id, 0)).status == 201
            answers = await asyncio.gather(*(delete(client, resource_id, 0, if_match='W/"1"') for client in clients))
            assert statuses(answers) == {204: 1, 412: SIMULTANEOUS - 1}
            assert await versions_of(clients[0], resource_id) == [2, 1]


async def test_a_change_a_patch_and_a_deletion_with_one_etag_exclude_each_other(pair, rounds):
    async with pair.connections(SIMULTANEOUS) as clients:
        for _ in range(rounds):
            resource_id = str(uuid4())
            assert (await update(clients[0], resource_id, 0)).status == 201
            kinds = zip(clients, islice(cycle([update, patch, delete]), SIMULTANEOUS), strict=True)
            answers = await asyncio.gather(*(kind(client, resource_id, 0, if_match='W/"1"') for client, kind in kinds))
            counted = statuses(answers)
            assert counted[200] + counted[204] == 1
            assert counted[412] + counted[410] == SIMULTANEOUS - 1
            assert await versions_of(clients[0], resource_id) == [2, 1]


async def test_simultaneous_updates_of_a_new_id_make_it_once(pair, rounds):
    async with pair.connections(SIMULTANEOUS) as clients:
        for _ in range(rounds):
            resource_id = str(uuid4())
            answers = await asyncio.gather(*(update(client, resource_id, n) for n, client in enumerate(clients)))
            assert statuses(answers) == {201: 1, 200: SIMULTANEOUS - 1}
            assert sorted(answer.version for answer in answers) == list(range(1, SIMULTANEOUS + 1))
            assert await versions_of(clients[0], resource_id) == list(range(SIMULTANEOUS, 0, -1))


async def test_no_unconditional_change_is_lost(pair, rounds):
    """Patches that add to a list: each stands in the final version."""
    resource_id = str(uuid4())
    async with pair.connections(SIMULTANEOUS) as clients:
        await update(clients[0], resource_id, 0)
        for turn in range(rounds):
            added = [f"added-{turn}-{n}" for n in range(SIMULTANEOUS)]
            answers = await asyncio.gather(
                *(add_name(client, resource_id, name) for client, name in zip(clients, added, strict=True))
            )
            assert statuses(answers) == {200: SIMULTANEOUS}
        final = (await clients[0].send("GET", f"/Patient/{resource_id}")).json()
        assert len({name["family"] for name in final["name"]}) == 1 + rounds * SIMULTANEOUS
        assert final["meta"]["versionId"] == str(1 + rounds * SIMULTANEOUS)


async def add_name(client: Connection, resource_id: str, family: str) -> Answer:
    operations = [{"op": "add", "path": "/name/-", "value": {"family": family}}]
    content_type = "application/json-patch+json"
    return await client.send("PATCH", f"/Patient/{resource_id}", operations, content_type=content_type)


async def test_racing_conditional_updates_leave_one_resource(pair, keys):
    async with pair.connections(CLIENTS) as clients:
        for key in keys[:20]:
            answers = await asyncio.gather(
                *(
                    client.send("PUT", f"/Patient?{found_by(key)}", a_patient(key, **named(f"client-{n}")))
                    for n, client in enumerate(clients)
                )
            )
            assert statuses(answers) == {201: 1, 200: CLIENTS - 1}
            assert sorted(answer.version for answer in answers) == list(range(1, CLIENTS + 1))
            assert [answers[0].id] == await ids_with(clients[0], key)


async def test_conditional_creates_and_deletions_on_one_key_add_up(pair, keys):
    """What was created and not deleted is there; there never were two at once."""
    async with pair.connections(CLIENTS) as clients:
        for key in keys[:8]:
            racing = [
                create_once(client, key) if n % 2 else client.send("DELETE", f"/Patient?{found_by(key)}")
                for _ in range(3)
                for n, client in enumerate(clients)
            ]
            answers = await in_turn(clients, racing)
            created = [answer for answer in answers if answer.status == 201]
            deleted = [answer for answer in answers if answer.status == 204 and "etag" in answer.headers]
            assert statuses(answers).keys() <= {200, 201, 204}
            left = await ids_with(clients[0], key)
            assert len(created) - len(deleted) == len(left) <= 1
            assert {answer.id for answer in answers if answer.status == 200} <= {answer.id for answer in created}


async def in_turn(clients: Sequence[Connection], racing: Sequence[Any]) -> list[Answer]:
    """A connection sends its requests one after the other; the connections race."""

    async def send(own: Sequence[Any]) -> list[Answer]:
        return [await request for request in own]

    width = len(clients)
    sent = await asyncio.gather(*(send(racing[n::width]) for n in range(width)))
    return [answer for own in sent for answer in own]
