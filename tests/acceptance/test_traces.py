"""What a write leaves behind, and that a refused one leaves nothing but the record that it was refused: by SQL."""

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from tests.running.load import Connection, status_of
from tests.running.pair import Pair

TABLES = ("directory", "resource", "history", "search", "outbox", "event", "audit")
COUNT = SQL("SELECT count(*) FROM {}")
SUCCESSES = SQL("SELECT count(*) FROM {} WHERE outcome < 300")
"""Of the audit trail; that something was refused is recorded, too."""
ENTRIES = 500
SYSTEM = "http://galenic.example/traces"


@pytest.fixture(scope="module", autouse=True)
def _the_store_is_consistent_in_the_end(pair: Pair) -> Iterator[None]:
    yield
    pair.assert_consistent()


@pytest.fixture
async def client(pair: Pair) -> Any:
    async with pair.connections(1) as (connection,):
        yield connection


def sizes(pair: Pair) -> dict[str, int]:
    """Rows of every table, when the outbox is empty."""
    pair.assert_consistent()
    with psycopg.connect(pair.database.superuser_url) as connection:
        asked = ((SUCCESSES if table == "audit" else COUNT).format(Identifier(table)) for table in TABLES)
        counted = (connection.execute(one).fetchone() for one in asked)
        return {table: row[0] for table, row in zip(TABLES, counted, strict=True) if row}


def a_patient(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", **elements}


def entry(method: str, url: str, resource: Any = None, **request: str) -> dict[str, Any]:
    return {"request": {"method": method, "url": url, **request}} | ({"resource": resource} if resource else {})


def put(resource_id: str, **elements: Any) -> dict[str, Any]:
    return entry("PUT", f"Patient/{resource_id}", a_patient(id=resource_id, **elements))


async def post(client: Connection, kind: str, entries: list[dict[str, Any]], request_id: str) -> Any:
    bundle = {"resourceType": "Bundle", "type": kind, "entry": entries}
    return await client.send("POST", "", bundle, x_request_id=request_id)


async def test_a_transaction_of_500_entries_whose_last_is_invalid_leaves_no_trace(pair, client):
    before = sizes(pair)
    ids = [str(uuid4()) for _ in range(ENTRIES)]
    entries = [put(resource_id) for resource_id in ids]
    refused = await post(client, "transaction", [*entries[:-1], put(ids[-1], gender="unheard-of")], uuid4().hex)
    assert refused.status == 400
    outcome = refused.json()
    assert outcome["resourceType"] == "OperationOutcome"
    assert all(f"Bundle.entry[{ENTRIES - 1}]" in issue["expression"][0] for issue in outcome["issue"])
    assert sizes(pair) == before

    request_id = uuid4().hex
    answer = await post(client, "transaction", entries, request_id)
    assert answer.status == 200
    assert [one["response"]["location"].split("/")[-3] for one in answer.json()["entry"]] == ids
    after = sizes(pair)
    grown = {table: after[table] - before[table] for table in TABLES}
    written = dict.fromkeys(("directory", "resource", "search", "event"), ENTRIES)
    assert grown == written | {"history": 0, "outbox": 0, "audit": ENTRIES + 1}
    records = [r for r in pair.assert_consistent().audit if r.request_id == request_id]
    assert Counter((r.interaction, r.outcome) for r in records) == {("update", 201): ENTRIES, ("transaction", 200): 1}


REFUSALS = {
    "an invalid resource": (400, lambda _: entry("POST", "Patient", a_patient(gender="unheard-of"))),
    "a reference to nothing": (
        422,
        lambda _: entry("POST", "Patient", a_patient(managingOrganization={"reference": "Organization/nobody"})),
    ),
    "a stale version": (412, lambda one: put(one, active=False) | stale(one)),
    "a target addressed twice": (400, lambda _: put("twice", active=True)),
    "several matches": (
        412,
        lambda _: entry("POST", "Patient", a_patient(), ifNoneExist=f"identifier={SYSTEM}|several"),
    ),
    "a patch of nothing": (404, lambda _: entry("PATCH", f"Patient/{uuid4()}", {"resourceType": "Parameters"})),
    "a read of nothing": (404, lambda _: entry("GET", f"Patient/{uuid4()}")),
    "an unknown method": (400, lambda _: entry("FETCH", "Patient", a_patient())),
}


def stale(resource_id: str) -> dict[str, Any]:
    return {"request": {"method": "PUT", "url": f"Patient/{resource_id}", "ifMatch": 'W/"7"'}}


@pytest.mark.parametrize("why", REFUSALS)
async def test_a_refused_transaction_leaves_no_trace(pair, client, why):
    status, poison = REFUSALS[why]
    there = str(uuid4())
    await client.send("PUT", f"/Patient/{there}", a_patient(id=there))
    several = a_patient(identifier=[{"system": SYSTEM, "value": "several"}])
    await post(client, "batch", [entry("POST", "Patient", several) for _ in range(2)], uuid4().hex)
    before = sizes(pair)
    entries = [put("twice"), entry("POST", "Patient", a_patient()), poison(there)]
    refused = await post(client, "transaction", entries, uuid4().hex)
    assert refused.status == status, refused.body
    assert refused.json()["resourceType"] == "OperationOutcome"
    assert sizes(pair) == before


async def test_a_refused_entry_of_a_batch_leaves_no_trace_and_the_others_theirs(pair, client):
    poisons = [poison(str(uuid4())) for why, (_, poison) in REFUSALS.items() if "twice" not in why]
    for poison in poisons:
        ids = [str(uuid4()), str(uuid4())]
        before = sizes(pair)
        answer = await post(client, "batch", [put(ids[0]), poison, put(ids[1])], uuid4().hex)
        assert answer.status == 200
        first, refused, last = answer.json()["entry"]
        assert (status_of(first), status_of(last)) == (201, 201)
        assert poison["request"]["url"].startswith("Patient")
        after = sizes(pair)
        kept = 2 + (status_of(refused) == 201)  # outside a transaction a reference may lead nowhere yet
        grown = {table: after[table] - before[table] for table in ("resource", "event", "audit")}
        assert grown == {"resource": kept, "event": kept, "audit": kept + 1}  # one more for the batch itself


async def test_an_update_that_changes_nothing_leaves_no_trace_but_its_record(pair, client):
    resource_id = str(uuid4())
    patient = a_patient(id=resource_id, active=True)
    assert (await client.send("PUT", f"/Patient/{resource_id}", patient)).status == 201
    before = sizes(pair)
    assert (await client.send("PUT", f"/Patient/{resource_id}", patient)).status == 200
    assert (await client.send("DELETE", f"/Patient/{uuid4()}")).status == 204
    after = sizes(pair)
    assert after.pop("audit") == before.pop("audit") + 2
    assert after == before


@pytest.mark.parametrize("parent", ["event", "audit"])
def test_the_application_has_no_way_round_through_a_partition(database, parent):
    with psycopg.connect(database.superuser_url) as connection:
        partitions = connection.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [parent]
        ).fetchall()
    assert partitions
    with psycopg.connect(database.app_url, autocommit=True) as connection:
        for (partition,) in partitions:
            for statement in ("UPDATE {} SET id = 'x'", "DELETE FROM {}", "TRUNCATE {}", "DROP TABLE {}"):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement.format(partition))
