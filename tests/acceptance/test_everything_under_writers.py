"""Patient/$everything of a patient who has much, page by page while others write.

https://hl7.org/fhir/R4/patient-operation-everything.html
"""

import asyncio
import random
from collections import Counter
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.populations import put_all
from tests.acceptance.searches import Json, keys, link, pages, searched
from tests.builders.resources import a_patient, a_practitioner, an_observation
from tests.running.galenic import Galenic
from tests.running.load import Connection, connections

SIZE = 1_500
WRITERS = 4
PACE_SECONDS = 0.01
"""Rest of a writer between two writes (seconds)."""


def an_observed(resource_id: str) -> Json:
    number = random.Random(resource_id).randrange(20)
    performer = [{"reference": f"Practitioner/doctor-{number}"}]
    return an_observation(id=resource_id, subject={"reference": "Patient/large"}, performer=performer)


@pytest.fixture(scope="module")
def large(client: httpx.Client) -> list[str]:
    """The ids of the Observations of a patient who has many; the first half of them stays as it is."""
    ids = [f"large-{number}" for number in range(SIZE)]
    doctors = [a_practitioner(id=f"doctor-{number}") for number in range(20)]
    made = [a_patient(id="large"), *doctors, *(an_observed(one) for one in ids)]
    for start in range(0, len(made), 500):
        part = made[start : start + 500]
        assert len(list(put_all(client, part))) == len(part)
    return ids


async def write(connection: Connection, number: int, ids: list[str], done: asyncio.Event) -> Counter[str]:
    """Every fifth time a deletion; of four writers one begins with it, however few writes the walk leaves time for."""
    draw = random.Random()
    did: Counter[str] = Counter()
    while not done.is_set():
        one = str(uuid4()) if draw.random() < 0.3 else draw.choice(ids)
        method = "DELETE" if (did.total() + number) % 5 == 0 else "PUT"
        answer = await connection.send(method, f"/Observation/{one}", an_observed(one) if method == "PUT" else None)
        assert answer.status in (200, 201, 204), answer.body
        did[method] += 1
        await asyncio.sleep(PACE_SECONDS)
    return did


async def walked(connection: Connection, base_url: str, url: str) -> list[Json]:
    found = []
    following: str | None = url
    while following is not None:
        answer = await connection.send("GET", following)
        assert answer.status == 200, answer.body
        found.append(answer.json())
        next_url = link(found[-1], "next")
        following = next_url and next_url.removeprefix(base_url)
    return found


@pytest.mark.parametrize("count", [40, 400])
async def test_pages_of_a_large_patient_hold_everything_once_under_writers(
    client: httpx.Client, galenic: Galenic, large: list[str], count: int
) -> None:
    quiet, restless = large[: SIZE // 2], large[SIZE // 2 :]
    done = asyncio.Event()
    async with connections([galenic.base_url], WRITERS + 1) as (reader, *writers):
        writing = [asyncio.create_task(write(one, n, restless, done)) for n, one in enumerate(writers)]
        found = await walked(reader, galenic.base_url, f"/Patient/large/$everything?_count={count}")
        done.set()
        did: Counter[str] = sum(await asyncio.gather(*writing), Counter())
    matches = [key for page in found for key in keys(page)]
    assert did["PUT"] > 0
    assert did["DELETE"] > 0
    assert len(found) > 2
    assert len(matches) == len(set(matches))
    assert {("Patient", "large"), *(("Observation", one) for one in quiet)} <= set(matches)
    assert all(one["subject"] == {"reference": "Patient/large"} for page in found for one in observations(page))
    for page in found:
        doctors = {one["performer"][0]["reference"] for one in observations(page)}
        assert {f"{kind}/{one}" for kind, one in keys(page, "include")} == doctors


def observations(bundle: Json) -> list[Json]:
    shown = (entry["resource"] for entry in bundle.get("entry", []))
    return [one for one in shown if one["resourceType"] == "Observation"]


def test_what_is_written_after_the_first_page_is_on_none_of_them(client: httpx.Client, large: list[str]) -> None:
    """Whoever wants it asks with `_since`."""
    first = searched(client, "/Patient/large/$everything", [("_count", "1000")])
    new, last = str(uuid4()), large[SIZE // 2 - 1]
    assert client.put(f"/Observation/{new}", json=an_observed(new)).status_code == 201
    assert client.put(f"/Observation/{last}", json=an_observed(last)).status_code == 200
    shown = {one for page in pages(client, first) for _, one in keys(page)}
    assert new not in shown
    since = first["entry"][0]["resource"]["meta"]["lastUpdated"]
    again = searched(client, "/Patient/large/$everything", [("_since", since), ("_count", "1000")])
    assert {new, last} <= {one for page in pages(client, again) for _, one in keys(page)}
