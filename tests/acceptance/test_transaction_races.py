"""Transactions that race with each other, with deletions and with readers, on two API processes."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from fhir_server.auth.context import Context
from fhir_server.model.walk import references
from fhir_server.storage.version import NewVersion, Version
from fhir_server.storage.write import write_versions
from tests.conftest import Cluster
from tests.running import naive
from tests.running.load import Answer, Connection, status_of
from tests.running.pair import BASE_URL, Pair, running_pair
from tests.running.store import Contents, await_lock_waiters

SYSTEM = "http://galenic.example/transaction-races"
CLIENTS = 8
RETRIES_MAX = 5


@pytest.fixture
def rounds(at_full_counts: bool) -> int:
    return 100 if at_full_counts else 20


@pytest.fixture(scope="module", autouse=True)
def _the_store_is_consistent_in_the_end(pair: Pair) -> Iterator[None]:
    yield
    assert_no_link_is_younger_than_the_deletion_of_its_target(pair.assert_consistent())


@pytest.fixture(scope="module")
def enforcing(cluster: Cluster) -> Iterator[Pair]:
    """A pair that checks references in every interaction."""
    with running_pair(cluster, "pair_enforcing", referential_integrity="enforce") as both:
        yield both
        assert_no_link_is_younger_than_the_deletion_of_its_target(both.assert_consistent())


def assert_no_link_is_younger_than_the_deletion_of_its_target(contents: Contents) -> None:
    """In the order of events: who links comes before who deletes, else the link was dangling when it was committed."""
    seq = {(event.rid, event.version): event.seq for event in contents.events}
    gone = {f"{s.type_name}/{s.id}": seq[s.rid, s.version] for s in contents.current if s.body is None}
    for stored in contents.versions:
        links = [site.reference for site in references(stored.resource)] if stored.body else []
        deleted = [gone[link] for link in links if link in gone]
        assert all(seq[stored.rid, stored.version] < when for when in deleted), stored


def entry(method: str, url: str, resource: Any = None, full_url: str | None = None, **request: str) -> dict[str, Any]:
    made: dict[str, Any] = {"request": {"method": method, "url": url, **request}}
    return made | ({"resource": resource} if resource else {}) | ({"fullUrl": full_url} if full_url else {})


def a_transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def a_patient(resource_id: str, family: str, key: str | None = None) -> dict[str, Any]:
    identifier = {"identifier": [{"system": SYSTEM, "value": key}]} if key else {}
    return {"resourceType": "Patient", "id": resource_id, **identifier, "name": [{"family": family}]}


def an_observation(subject: str) -> dict[str, Any]:
    code = {"text": "a measurement"}
    return {"resourceType": "Observation", "status": "final", "code": code, "subject": {"reference": subject}}


async def commit(connection: Connection, *entries: dict[str, Any]) -> Answer:
    """A collision is tried again, as R4 lets a client do."""
    for _ in range(RETRIES_MAX):
        answer = await connection.send("POST", "", a_transaction(*entries))
        if answer.status not in (409, 412):
            break
    return answer


def registration(key: str) -> list[dict[str, Any]]:
    """A patient, unless there is one with this key, and two observations of whichever it is."""
    name = f"urn:uuid:{uuid4()}"
    patient = {"resourceType": "Patient", "identifier": [{"system": SYSTEM, "value": key}]}
    return [
        entry("POST", "Patient", patient, name, ifNoneExist=f"identifier={SYSTEM}|{key}"),
        entry("POST", "Observation", an_observation(name)),
        entry("POST", "Observation", an_observation(name)),
    ]


async def test_racing_conditional_creates_in_transactions_make_one_resource_a_key(pair):
    keys = [str(uuid4()) for _ in range(200)]
    patients = {}
    async with pair.connections(CLIENTS) as clients:
        for key in keys:
            answers = await asyncio.gather(*(commit(client, *registration(key)) for client in clients))
            assert {answer.status for answer in answers} == {200}
            entries = [answer.json()["entry"] for answer in answers]
            assert Counter(status_of(first) for first, *_ in entries) == {201: 1, 200: CLIENTS - 1}
            assert {status_of(one) for _, *observations in entries for one in observations} == {201}
            (patients[key],) = {first["response"]["location"].split("/")[-3] for first, *_ in entries}
    contents = pair.assert_consistent()
    subjects = Counter(s.resource["subject"]["reference"] for s in contents.current if s.type_name == "Observation")
    assert subjects == {f"Patient/{resource_id}": 2 * CLIENTS for resource_id in patients.values()}


async def test_naive_transactions_in_opposite_orders_deadlock(pair):
    async with naive.sessions(pair.database.superuser_url, 2) as sessions:
        assert await naive.deadlocks_of_opposite_orders(*sessions) == 1


async def test_no_deadlock_of_transactions_on_the_same_resources_reaches_a_client(pair, rounds):
    """Updates, patches and deletions of eight resources, everybody in an order of their own."""
    ids = [str(uuid4()) for _ in range(8)]
    async with pair.connections(CLIENTS) as clients:
        for turn in range(rounds):
            answers = await asyncio.gather(
                *(client.send("POST", "", a_transaction(*shuffled(ids, f"{turn}-{client}"))) for client in clients)
            )
            assert {answer.status for answer in answers} <= {200, 409, 412}
            assert any(answer.status == 200 for answer in answers)


def shuffled(ids: Sequence[str], seed: str) -> list[dict[str, Any]]:
    draw = random.Random(seed)
    chosen = draw.sample(ids, 6)
    return [
        entry("DELETE", f"Patient/{resource_id}")
        if draw.random() < 0.2
        else entry("PUT", f"Patient/{resource_id}", a_patient(resource_id, str(uuid4())))
        for resource_id in chosen
    ]


async def test_no_deadlock_of_transactions_that_make_the_same_ids_reaches_a_client(pair):
    """Nothing is there yet to lock: the unique ids collide, in opposite orders."""
    async with pair.connections(CLIENTS) as clients:
        for _ in range(3):
            ids = [str(uuid4()) for _ in range(6)]
            answers = await asyncio.gather(
                *(
                    client.send("POST", "", a_transaction(*made(ids if n % 2 else ids[::-1])))
                    for n, client in enumerate(clients)
                )
            )
            assert {answer.status for answer in answers} <= {200, 409, 412}
            first = [a for a in answers if a.status == 200 and status_of(a.json()["entry"][0]) == 201]
            assert len(first) == 1


async def test_a_transaction_that_the_database_ends_for_a_deadlock_is_tried_again(pair):
    """Two ids are new to both sides, and made in opposite orders: the side that checks for deadlocks is ended."""
    mine, theirs = str(uuid4()), str(uuid4())
    context = Context("a", "b", "TREAT", "held")
    async with (
        pair.connections(1) as (client,),
        await psycopg.AsyncConnection.connect(pair.database.superuser_url) as other,
    ):
        await other.execute("SET deadlock_timeout = '1h'")
        await write_versions(other, [pair.a_new_version(a_patient(theirs, "held"))], context)
        asked = asyncio.create_task(client.send("POST", "", a_transaction(*made([mine, theirs]))))
        await asyncio.to_thread(await_lock_waiters, pair.database.superuser_url, 1)
        await write_versions(other, [pair.a_new_version(a_patient(mine, "held"))], context)
        await other.commit()
        answer = await asked
    assert answer.status == 200, answer.body
    assert [status_of(one) for one in answer.json()["entry"]] == [200, 200]


def made(ids: Sequence[str]) -> list[dict[str, Any]]:
    return [entry("PUT", f"Patient/{one}", a_patient(one, str(uuid4()))) for one in ids]


async def test_a_naive_check_of_a_reference_leaves_it_dangling(pair):
    async with naive.sessions(pair.database.superuser_url, 2) as sessions:
        assert await naive.dangling_link(*sessions)


async def test_a_transaction_that_refers_to_a_patient_and_its_deletion_exclude_each_other(pair, rounds):
    """What is wrong would show in the order of events, at the end of this file."""
    seen: Counter[int] = Counter()
    async with pair.connections(CLIENTS) as clients:
        for _ in range(rounds):
            patient = await make_patient(clients[0])
            answers = await asyncio.gather(*refer_and_delete(clients, patient, transactions=True))
            assert {answer.status for answer in answers[:-1]} <= {200, 422}
            assert answers[-1].status == 204
            seen += Counter(answer.status for answer in answers)
    print(f"references to a patient under deletion: {seen[200]} made, {seen[422]} refused")


async def make_patient(client: Connection) -> str:
    resource_id = str(uuid4())
    answer = await client.send("PUT", f"/Patient/{resource_id}", a_patient(resource_id, "Chalmers"))
    assert answer.status == 201
    return f"Patient/{resource_id}"


def refer_and_delete(clients: Sequence[Connection], patient: str, *, transactions: bool) -> Iterator[Awaitable[Answer]]:
    observation = an_observation(patient)
    for client in clients[:-1]:
        if transactions:
            yield client.send("POST", "", a_transaction(entry("POST", "Observation", observation)))
        else:
            yield client.send("POST", "/Observation", observation)
    yield clients[-1].send("DELETE", f"/{patient}")


async def test_a_transaction_waits_for_the_deletion_of_what_it_refers_to(pair):
    """Held open before its commit: who would not wait would leave a dangling reference."""
    async with (
        pair.connections(1) as (client,),
        await psycopg.AsyncConnection.connect(pair.database.app_url) as deleting,
    ):
        patient = await make_patient(client)
        await delete_uncommitted(deleting, patient)
        bundle = a_transaction(entry("POST", "Observation", an_observation(patient)))
        asked = asyncio.create_task(client.send("POST", "", bundle))
        await asyncio.to_thread(await_lock_waiters, pair.database.superuser_url, 1)
        assert not asked.done()
        await deleting.commit()
        refused = await asked
        assert refused.status == 422
        assert refused.json()["issue"][0]["expression"] == ["Bundle.entry[0].resource.subject.reference"]


async def delete_uncommitted(session: psycopg.AsyncConnection[Any], patient: str) -> None:
    """The deletion of a resource at version 1, in the open transaction of `session`."""
    found = "SELECT rid, clock_timestamp(), compartments FROM resource WHERE id = %s FOR UPDATE"
    row = await (await session.execute(found, [patient.removeprefix("Patient/")])).fetchone()
    assert row is not None
    rid, now, compartments = row
    gone = Version(rid, "Patient", patient.removeprefix("Patient/"), 2, now, "delete", None, tuple(compartments))
    await write_versions(session, [NewVersion(gone, 1, None, 204)], Context("a", "b", "TREAT", "held"))


@pytest.mark.parametrize("transactions", [True, False])
async def test_where_it_is_enforced_what_is_referred_to_is_not_deleted(enforcing, rounds, transactions):
    async with enforcing.connections(CLIENTS) as clients:
        for _ in range(rounds):
            patient = await make_patient(clients[0])
            *made, deleted = await asyncio.gather(*refer_and_delete(clients, patient, transactions=transactions))
            referring = [answer for answer in made if answer.status in (200, 201)]
            assert {answer.status for answer in made} <= {200, 201, 422}
            assert deleted.status == (409 if referring else 204)


async def test_where_it_is_enforced_the_deletion_of_what_is_referred_to_is_refused_in_words(enforcing):
    async with enforcing.connections(1) as (client,):
        patient = await make_patient(client)
        assert (await client.send("POST", "/Observation", an_observation(patient))).status == 201
        refused = await client.send("DELETE", f"/{patient}")
        assert refused.status == 409
        assert refused.json()["resourceType"] == "OperationOutcome"
        assert (await client.send("GET", f"/{patient}")).status == 200


async def test_a_transaction_may_not_refer_to_what_it_deletes(pair):
    async with pair.connections(1) as (client,):
        patient = await make_patient(client)
        both = (entry("DELETE", patient), entry("POST", "Observation", an_observation(patient)))
        refused = await client.send("POST", "", a_transaction(*both))
        assert refused.status == 422
        assert (await client.send("GET", f"/{patient}")).status == 200


async def test_a_transaction_may_delete_a_resource_together_with_who_refers_to_it(pair):
    async with pair.connections(1) as (client,):
        patient = await make_patient(client)
        created = await client.send("POST", "/Observation", an_observation(patient))
        both = (entry("DELETE", patient), entry("DELETE", f"Observation/{created.id}"))
        answer = await client.send("POST", "", a_transaction(*both))
        assert answer.status == 200, answer.body
        assert [status_of(one) for one in answer.json()["entry"]] == [204, 204]


async def test_readers_never_see_half_of_a_transaction(pair, rounds):
    """Two patients are always changed together; a naive reader, who asks for one after the other, sees halves."""
    halves = Counter[str]()
    key = str(uuid4())
    ids = (str(uuid4()), str(uuid4()))
    done = asyncio.Event()

    async def write(client: Connection, who: str) -> str:
        """When the last of them was made."""
        for turn in range(2 * rounds):
            patients = [a_patient(resource_id, f"{who}-{turn}", key) for resource_id in ids]
            answer = await commit(client, *(entry("PUT", f"Patient/{one['id']}", one) for one in patients))
            assert answer.status == 200
        return min(one["response"]["lastModified"] for one in answer.json()["entry"])

    async def read(client: Connection, how: Callable[..., Awaitable[bool]]) -> None:
        while not done.is_set():
            halves[how.__name__] += await how(client, watched)

    async with pair.connections(CLIENTS) as clients:
        watched = Watched(key, ids, await write(clients[0], "first"))
        readers = [asyncio.create_task(read(c, how)) for c, how in zip(clients[4:], READERS, strict=True)]
        await asyncio.gather(*(write(client, f"writer-{n}") for n, client in enumerate(clients[:4])))
        done.set()
        await asyncio.gather(*readers)
    print(f"halves seen: {dict(halves)}")
    assert halves.pop("one_after_the_other") > 0
    assert set(halves.values()) == {0}


@dataclass(frozen=True, slots=True)
class Watched:
    """Two patients with one key, of whose history what is younger than `since` is looked at."""

    key: str
    ids: tuple[str, str]
    since: str


async def one_after_the_other(client: Connection, watched: Watched) -> bool:
    families = [family_of((await client.send("GET", f"/Patient/{one}")).json()) for one in watched.ids]
    return families[0] != families[1]


async def by_search(client: Connection, watched: Watched) -> bool:
    bundle = (await client.send("GET", f"/Patient?identifier={SYSTEM}|{watched.key}")).json()
    families = [family_of(one["resource"]) for one in bundle["entry"]]
    return len(families) != 2 or families[0] != families[1]


async def in_a_transaction(client: Connection, watched: Watched) -> bool:
    reads = [entry("GET", f"Patient?_id={','.join(watched.ids)}")]
    bundle = (await client.send("POST", "", a_transaction(*reads))).json()
    families = [family_of(one["resource"]) for one in bundle["entry"][0]["resource"]["entry"]]
    return len(families) != 2 or families[0] != families[1]


async def by_history(client: Connection, watched: Watched) -> bool:
    """Pages of an odd number of entries cut the pairs; all pages are of one snapshot."""
    seen: Counter[str] = Counter()
    url: str | None = f"/Patient/_history?_since={watched.since}&_count=31"
    while url is not None:
        bundle = (await client.send("GET", url)).json()
        seen.update(family_of(one["resource"]) for one in bundle["entry"] if one["resource"]["id"] in watched.ids)
        url = next_of(bundle)
    return set(seen.values()) != {2}


READERS = (one_after_the_other, by_search, in_a_transaction, by_history)


def family_of(patient: dict[str, Any]) -> str:
    return patient["name"][0]["family"]


def next_of(bundle: dict[str, Any]) -> str | None:
    links = (link["url"] for link in bundle["link"] if link["relation"] == "next")
    return next((url.removeprefix(BASE_URL) for url in links), None)
