"""S4: pages of a search while others write: no id twice, none that stayed as it was missing, in the order asked for.

https://hl7.org/fhir/R4/http.html#paging, https://hl7.org/fhir/R4/search.html#sort
"""

import asyncio
import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from psycopg import AsyncConnection

from tests.acceptance.searches import Json, link
from tests.running import naive
from tests.running.load import Connection, status_of
from tests.running.pair import BASE_URL, Pair
from tests.running.store import read_contents

WRITERS = 4
PACE_SECONDS = 0.02
"""Rest of a writer between two writes (seconds)."""

OWN = 10
"""Resources a writer inserts and deletes again, so that the store does not outgrow its reader (resources)."""

BUNDLE = 100
PAGES_MAX = 5_000
TYPES = ("Patient", "MedicationRequest")


@dataclass(frozen=True, slots=True)
class Ids:
    """Of each type: `restless` ones are written to while pages are read, `quiet` ones are not."""

    quiet: list[str]
    restless: list[str]


def a_resource(type_name: str, resource_id: str) -> Json:
    """Values repeat, so there are ties, and each of them is missing now and then."""
    draw = random.Random(resource_id)
    drawn = {
        "birthDate": draw.choice(["1974", "1974-12", "1974-12-25", "2001-02-03", None]),
        "gender": draw.choice(["male", "female", "other", None]),
        "name": draw.choice([[{"family": draw.choice("abcdé")}], [{"family": "b"}, {"family": "d"}], None]),
    }
    if type_name == "Patient":
        return {"resourceType": "Patient", "id": resource_id, "active": True, **without_none(drawn)}
    authored = draw.choice(["2020-01-01", "2020-01-02T10:00:00Z", "2021", None])
    return {
        "resourceType": "MedicationRequest",
        "id": resource_id,
        "status": draw.choice(["active", "stopped"]),
        "intent": "order",
        "subject": {"reference": "Patient/quiet"},
        "medicationCodeableConcept": {"text": "x"},
        **without_none({"authoredOn": authored}),
    }


def without_none(elements: Json) -> Json:
    return {name: value for name, value in elements.items() if value is not None}


@pytest.fixture(scope="module")
async def ids(pair: Pair, at_full_counts: bool) -> Ids:
    rows = 1_000 if at_full_counts else 160
    made = [str(uuid4()) for _ in range(rows)]
    async with pair.connections(1) as (client,):
        for type_name in TYPES:
            for start in range(0, rows, BUNDLE):
                entries = [put(type_name, one) for one in made[start : start + BUNDLE]]
                bundle = {"resourceType": "Bundle", "type": "batch", "entry": entries}
                answer = await client.send("POST", "", bundle)
                assert {status_of(one) for one in answer.json()["entry"]} == {201}
    return Ids(made[::2], made[1::2])


def put(type_name: str, resource_id: str) -> Json:
    request = {"method": "PUT", "url": f"{type_name}/{resource_id}"}
    return {"resource": a_resource(type_name, resource_id), "request": request}


async def write(client: Connection, type_name: str, ids: Sequence[str], done: asyncio.Event) -> int:
    """Inserts, updates and deletes until told to stop; how often. An update takes the values of another resource."""
    draw = random.Random()
    own = deque([str(uuid4()) for _ in range(OWN)])
    times = 0
    while not done.is_set():
        resource_id = draw.choice(own if draw.random() < 0.3 else ids)
        if draw.random() < 0.2:
            answer = await client.send("DELETE", f"/{type_name}/{resource_id}")
        else:
            resource = a_resource(type_name, str(uuid4())) | {"id": resource_id}
            answer = await client.send("PUT", f"/{type_name}/{resource_id}", resource)
        assert answer.status in (200, 201, 204), answer.body
        times += 1
        if times % OWN == 0:
            await client.send("DELETE", f"/{type_name}/{own.popleft()}")
            own.append(str(uuid4()))
        await asyncio.sleep(PACE_SECONDS)
    return times


async def walk(client: Connection, url: str) -> list[Json]:
    """All matches, by the next links."""
    following: str | None = url
    seen: list[Json] = []
    for _ in range(PAGES_MAX):
        if following is None:
            return seen
        answer = await client.send("GET", following)
        assert answer.status == 200, answer.body
        bundle = answer.json()
        seen += [entry["resource"] for entry in bundle.get("entry", [])]
        following = next_of(bundle)
    raise AssertionError("the pages do not end")


def next_of(bundle: Json) -> str | None:
    """Below the base."""
    following = link(bundle, "next")
    assert following is None or following.startswith(f"{BASE_URL}/")
    return following and following.removeprefix(BASE_URL)


def stored(pair: Pair, type_name: str) -> dict[str, int]:
    """Ids and versions of what is there."""
    current = read_contents(pair.database.superuser_url).current
    return {one.id: one.version for one in current if one.type_name == type_name and one.body is not None}


def families(resource: Json) -> list[str]:
    return [name["family"].replace("é", "e") for name in resource.get("name", [])]


VALUES = {
    "birthdate": lambda one: [one["birthDate"].ljust(10, "-")] if "birthDate" in one else [],
    "family": families,
    "gender": lambda one: [one["gender"]] if "gender" in one else [],
    "_lastUpdated": lambda one: [one["meta"]["lastUpdated"]],
    "_id": lambda one: [one["id"]],
    "authoredon": lambda one: [one["authoredOn"].ljust(20, "-")] if "authoredOn" in one else [],
    "status": lambda one: [one["status"]],
}
"""What a resource is ordered by; partial dates begin before what is in them."""


def place(resource: Json, key: str) -> tuple[bool, str]:
    """Of the smallest value, or with `-` of the largest; of none, last."""
    values = VALUES[key.removeprefix("-")](resource)
    return not values, (max if key.startswith("-") else min)(values, default="")


def assert_in_order(seen: Sequence[Json], keys: Sequence[str]) -> None:
    for one, other in pairwise(seen):
        for key in keys:
            (one_missing, first), (other_missing, second) = place(one, key), place(other, key)
            if (one_missing, first) != (other_missing, second):
                later = first > second if key.startswith("-") else first < second
                assert other_missing or (not one_missing and later), (key, one, other)
                break


ORDERS = {
    "default": ("/Patient?", "-_lastUpdated"),
    "default of a type with a date": ("/MedicationRequest?", "-authoredon"),
    "date": ("/Patient?_sort=birthdate", "birthdate"),
    "date, descending": ("/Patient?_sort=-birthdate", "-birthdate"),
    "date, of few": ("/Patient?active=true&_sort=birthdate", "birthdate"),
    "date, of few, descending": ("/Patient?active=true&_sort=-birthdate", "-birthdate"),
    "string": ("/Patient?_sort=family", "family"),
    "string, descending": ("/Patient?_sort=-family", "-family"),
    "string, of few": ("/Patient?active=true&_sort=family", "family"),
    "token": ("/Patient?_sort=gender", "gender"),
    "token, descending": ("/Patient?_sort=-gender", "-gender"),
    "token in a column": ("/MedicationRequest?_sort=status", "status"),
    "last update": ("/Patient?_sort=_lastUpdated", "_lastUpdated"),
    "last update, descending": ("/Patient?active=true&_sort=-_lastUpdated", "-_lastUpdated"),
    "id": ("/Patient?_sort=_id", "_id"),
    "two keys": ("/Patient?_sort=gender,-family", "gender,-family"),
    "three keys": ("/Patient?active=true&_sort=-birthdate,gender,-_id", "-birthdate,gender,-_id"),
}
"""URL and the keys pages come by."""


@pytest.mark.parametrize(("url", "keys"), ORDERS.values(), ids=ORDERS)
async def test_pages_hold_no_id_twice_and_all_that_stayed_as_it_was(
    pair: Pair, ids: Ids, at_full_counts: bool, url: str, keys: str
) -> None:
    type_name = url[1:].partition("?")[0]
    counts = (7, 50, 100) if at_full_counts else (7, 100)
    for count in counts:
        done = asyncio.Event()
        async with pair.connections(WRITERS + 1) as (reader, *writers):
            writing = [asyncio.create_task(write(one, type_name, ids.restless, done)) for one in writers]
            await asyncio.sleep(5 * PACE_SECONDS)
            before = await asyncio.to_thread(stored, pair, type_name)
            seen = await walk(reader, f"{url}&_count={count}")
            after = await asyncio.to_thread(stored, pair, type_name)
            done.set()
            times = sum(await asyncio.gather(*writing))
        shown = [one["id"] for one in seen]
        unchanged = {one for one, version in before.items() if after.get(one) == version}
        assert times > WRITERS
        assert len(shown) == len(set(shown))
        assert unchanged <= set(shown)
        assert set(ids.quiet) <= unchanged
        assert_in_order(seen, keys.split(","))


@pytest.mark.parametrize("keys", ["-birthdate", "family"])
async def test_pages_of_one_entry_hold_no_id_twice_and_all_that_stayed_as_it_was(
    pair: Pair, ids: Ids, keys: str
) -> None:
    done = asyncio.Event()
    async with pair.connections(WRITERS + 1) as (reader, *writers):
        writing = [asyncio.create_task(write(one, "Patient", ids.restless, done)) for one in writers]
        seen = await walk(reader, f"/Patient?_sort={keys}&_count=1")
        done.set()
        await asyncio.gather(*writing)
    shown = [one["id"] for one in seen]
    assert len(shown) == len(set(shown))
    assert set(ids.quiet) <= set(shown)
    assert_in_order(seen, [keys])


@pytest.mark.parametrize(("url", "keys"), ORDERS.values(), ids=ORDERS)
async def test_ties_and_missing_values_stand_where_they_stood_whatever_the_size_of_a_page(
    pair: Pair, ids: Ids, url: str, keys: str
) -> None:
    async with pair.connections(2) as (one, other):
        whole = await walk(one, f"{url}&_count=1000")
        assert await walk(other, f"{url}&_count=13") == whole
    type_name = url[1:].partition("?")[0]
    assert {resource["id"] for resource in whole} == stored(pair, type_name).keys()
    places = [place(resource, keys.split(",", maxsplit=1)[0]) for resource in whole]
    assert [missing for missing, _ in places] == sorted(missing for missing, _ in places)
    assert_in_order(whole, keys.split(","))


async def test_naive_pages_by_offset_repeat_ids(pair: Pair, ids: Ids) -> None:
    done = asyncio.Event()
    async with (
        pair.connections(WRITERS) as writers,
        naive.sessions(pair.database.superuser_url, 1) as (session,),
    ):
        writing = [asyncio.create_task(write(one, "Patient", ids.restless, done)) for one in writers]
        seen = await walk_by_offset(session, 7)
        done.set()
        await asyncio.gather(*writing)
    assert len(seen) > len(set(seen)) or not set(ids.quiet) <= set(seen)


BY_OFFSET = """
SELECT id FROM search WHERE type = (SELECT type FROM search WHERE id = %s AND date_low IS NOT NULL LIMIT 1)
ORDER BY last_updated DESC, rid DESC OFFSET %s LIMIT %s
"""


async def walk_by_offset(session: AsyncConnection[Any], count: int) -> list[str]:
    patient = await session.execute("SELECT id FROM search WHERE date_low < '2010-01-01' LIMIT 1")
    known = await patient.fetchone()
    seen: list[str] = []
    for offset in range(0, PAGES_MAX * count, count):
        page = await (await session.execute(BY_OFFSET, [known[0], offset, count])).fetchall()
        if not page:
            break
        seen += [one for (one,) in page]
        await asyncio.sleep(0.004)  # a client needs a while for a page
    return seen
