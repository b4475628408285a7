"""No byte of another patient's by any route, for any type: the matrix is made of the table of routes.

Every cell first sees the resource by its path with its owner's token, else not seeing it would prove nothing.
https://owasp.org/API-Security/editions/2023/en/0xa1-broken-object-level-authorization/
"""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from fhir_server.rest.routes import ROUTES
from tests.builders.records import a_record, canary
from tests.conftest import PROVE, Cluster
from tests.running.closed import Closed, closed

OWNER, OTHER = "b", "a"
ALL_TYPES = [one["resourceType"] for one in a_record(OWNER)]
TYPES = ALL_TYPES if PROVE else ["Patient", "Observation", "MedicationRequest", "Device", "Binary", "List"]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
READS = 200 if PROVE else 40


@dataclass(frozen=True)
class Way:
    """A request by which the owner of `{name}` of `{type}` sees it; `template` is the route it goes by.

    `without`: types it does not lead to.
    """

    template: str
    method: str
    path: str
    form: str = ""
    bundle: str = ""
    without: tuple[str, ...] = ()


def entries(template: str, path: str, **more: Any) -> list[Way]:
    """The same as an entry of a batch and of a transaction."""
    return [Way("/", "POST", path, bundle=kind, **more) for kind in ("batch", "transaction")]


# A Binary and a List have no such parameter; what has none of its own is found by its id.
NO_PATIENT = ("Patient", "Binary", "List", "Provenance")
WAYS = [
    Way("/{type}/{id}", "GET", "/{type}/{name}"),
    Way("/{type}/{id}", "GET", "/{type}/{name}?_elements=id"),
    Way("/{type}/{id}", "GET", "/{type}/{name}?_summary=true"),
    Way("/{type}/{id}/_history/{vid}", "GET", "/{type}/{name}/_history/1"),
    Way("/{type}/{id}/_history", "GET", "/{type}/{name}/_history"),
    Way("/{type}/_history", "GET", "/{type}/_history"),
    Way("/_history", "GET", "/_history?_count=1000"),
    Way("/{type}", "GET", "/{type}"),
    Way("/{type}", "GET", "/{type}?_id={name},nobody"),
    Way("/{type}", "GET", "/{type}?_tag=urn:canary|&_sort=_lastUpdated"),
    Way("/{type}", "GET", "/{type}?_tag=urn:canary|&_sort=-_id&_total=accurate"),
    Way("/{type}", "GET", "/{type}?_filter=_id eq {name}"),
    Way("/{type}", "GET", "/{type}?_lastUpdated=gt2020&_elements=id"),
    Way("/{type}", "GET", "/{type}?_tag=urn:canary|&_summary=data"),
    Way("/{type}", "GET", "/{type}?patient=b", without=NO_PATIENT),
    Way("/{type}", "GET", "/{type}?patient._tag=urn:canary|", without=NO_PATIENT),
    Way("/{type}", "GET", "/{type}?patient:Patient._id=b", without=NO_PATIENT),
    Way("/{type}", "GET", "/{type}?_tag=urn:canary|&_include=*&_include:iterate=*&_revinclude=*"),
    Way("/{type}/_search", "POST", "/{type}/_search", form="_tag=urn:canary|"),
    Way("/", "GET", "/?_type={type}&_tag=urn:canary|"),
    Way("/", "GET", "/?_id={name}"),
    Way("/_search", "POST", "/_search", form="_type={type}&_tag=urn:canary|"),
    Way("/{type}", "GET", "/Patient?_id=b&_revinclude=*", without=("Binary", "Coverage")),
    Way("/{type}", "GET", "/Patient?_id=b&_revinclude=*&_revinclude:iterate=*"),
    Way("/{type}", "GET", "/Patient?_has:{type}:patient:_id={name}", without=NO_PATIENT),
    Way("/{type}", "GET", "/Observation?_list=List-b"),
    Way("/{type}", "GET", "/Observation?_has:List:item:_id=List-b"),
    Way("/{type}", "GET", "/List?item._tag=urn:canary|"),
    Way("/{type}", "GET", "/MedicationDispense?prescription.patient._id=b"),
    Way("/{type}", "GET", "/MedicationDispense?_include=MedicationDispense:prescription&_tag=urn:canary|"),
    Way("/{type}/{id}/{member}", "GET", "/Patient/b/{type}"),
    Way("/{type}/{id}/{member}", "GET", "/Patient/b/*?_count=1000"),
    Way("/{type}/{id}/{member}/_search", "POST", "/Patient/b/{type}/_search", form="_count=100"),
    Way("/{type}/{id}/$everything", "GET", "/Patient/b/$everything?_type={type}"),
    Way("/{type}/{id}/$everything", "POST", "/Patient/b/$everything"),
    *entries("/{type}/{id}", "{type}/{name}"),
    *entries("/{type}/{id}/_history/{vid}", "{type}/{name}/_history/1"),
    *entries("/{type}", "{type}?_tag=urn:canary|"),
]

NOTHING_TO_SEE = {
    "/metadata": "the same for everybody",
    "/$reindex": "refused to those who see a part: test_enforcement.py",
    "/$convert": "makes FHIR of what is sent, and looks at nothing that is stored",
    "/$process-message": "answers with what was written by it; what is not seen is not found: test_process_message.py",
    "/{type}/$status": "how far Subscriptions are, which are in nobody's record: subscriptions/test_access.py",
    "/{type}/{id}/$status": "the same",
    "/{type}/{id}/$events": "judged as a read of each event: subscriptions/test_access.py",
    "/{type}/$get-ws-binding-token": "for the caller's own alone: subscriptions/test_websocket_access.py",
    "/{type}/{id}/$get-ws-binding-token": "the same",
    "/$job-status": "refused to those who see a part: test_enforcement.py",
}
"""Templates that lead to nobody's resources, and why."""


def test_every_route_is_in_the_matrix() -> None:
    reading = {(r.method, r.template) for r in ROUTES if r.method in ("GET", "POST") and r.interaction != "create"}
    covered = {(way.method, way.template) for way in WAYS}
    assert {key for key in reading if key[1] not in NOTHING_TO_SEE} <= covered


@pytest.fixture(scope="module")
async def server(cluster: Cluster) -> AsyncIterator[Closed]:
    cluster.execute("CREATE DATABASE reach TEMPLATE galenic")
    async with closed(cluster.database("reach").app_url) as one:
        async with one.system() as system:
            for resource in [*a_record(OTHER), *a_record(OWNER)]:
                response = await system.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
                assert response.status_code == 201, response.text
        yield one
    cluster.execute("DROP DATABASE reach WITH (FORCE)")


async def go(client: httpx.AsyncClient, way: Way, type_name: str) -> httpx.Response:
    name = OWNER if type_name == "Patient" else f"{type_name}-{OWNER}"
    path, form = (text.replace("{type}", type_name).replace("{name}", name) for text in (way.path, way.form))
    if way.bundle:
        entry = {"request": {"method": "GET", "url": path}}
        return await client.post("/", json={"resourceType": "Bundle", "type": way.bundle, "entry": [entry]})
    if way.form:
        return await client.post(path, content=form, headers=FORM)
    return await client.request(way.method, path)


@pytest.mark.parametrize("type_name", TYPES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: f"{way.bundle or way.method} {way.path}")
async def test_another_patients_token_sees_nothing_by_a_way_its_owner_sees_by(
    server: Closed, way: Way, type_name: str
) -> None:
    if type_name in way.without:
        return
    async with server.patient(OWNER) as owner, server.patient(OTHER) as other:
        seen, hidden = await go(owner, way, type_name), await go(other, way, type_name)
    assert canary(OWNER) in seen.text, seen.text[:500]
    assert canary(OWNER) not in hidden.text
    assert f"-{OWNER}/_history" not in hidden.text


@pytest.mark.parametrize("type_name", TYPES[1:])
async def test_nothing_is_written_to_another_patient_by_any_way(server: Closed, type_name: str) -> None:
    """Into their record, or over what is in it; all but R4's own rules of the role would let it pass."""
    theirs = next(one for one in a_record(OWNER) if one["resourceType"] == type_name)
    own = next(one for one in a_record(OTHER) if one["resourceType"] == type_name)
    new = {name: value for name, value in theirs.items() if name != "id"}
    token = server.tokens.add("patient/*.cruds", patient=OTHER)
    merge = {"Content-Type": "application/merge-patch+json"}
    async with server.client(token) as client, server.system() as system:
        tried = [
            await client.post(f"/{type_name}", json=new),
            await client.put(f"/{type_name}/{theirs['id']}", json=own | {"id": theirs["id"]}),
            await client.put(f"/{type_name}/{own['id']}", json=theirs | {"id": own["id"]}),
            await client.put(f"/{type_name}?_id={theirs['id']}", json=own),
            await client.patch(f"/{type_name}/{theirs['id']}", json={"language": "en"}, headers=merge),
            await client.patch(f"/{type_name}?_id={theirs['id']}", json={"language": "en"}, headers=merge),
        ]
        statuses = [one.status_code for one in tried]
        deleted = await client.delete(f"/{type_name}/{theirs['id']}")
        found = (await system.get(f"/{type_name}?_tag={canary(OWNER)}&_total=accurate")).json()
        stored = (await system.get(f"/{type_name}/{theirs['id']}")).json()
    assert set(statuses) <= {403, 404, 409}, statuses
    assert deleted.status_code in (204, 403)
    assert (found["total"], stored["meta"]["versionId"]) == (1, "1")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/Observation/{}"),
        ("HEAD", "/Observation/{}"),
        ("GET", "/Observation/{}/_history"),
        ("GET", "/Observation/{}/_history/1"),
        ("GET", "/Observation?_id={}"),
        ("GET", "/Observation/{}?_elements=id"),
        ("DELETE", "/Observation/{}"),
    ],
)
async def test_what_is_hidden_and_what_is_not_there_look_the_same(server: Closed, method: str, path: str) -> None:
    token = server.tokens.add("patient/*.cruds", patient=OTHER)
    headers = {"If-None-Match": 'W/"1"', "X-Request-Id": "same"}
    async with server.client(token) as client:
        hidden, absent = [
            await client.request(method, path.format(name), headers=headers)
            for name in (f"Observation-{OWNER}", "Observation-c")
        ]
    assert hidden.status_code == absent.status_code
    assert hidden.text.replace(f"Observation-{OWNER}", "Observation-c") == absent.text
    assert hidden.headers == absent.headers


async def test_what_is_hidden_takes_as_long_as_what_is_not_there(server: Closed) -> None:
    """Medians of reads in turns; what a machine does besides meets both alike."""
    times: dict[str, list[float]] = {f"Observation-{OWNER}": [], "Observation-c": []}
    async with server.patient(OTHER) as client:
        for _ in range(READS):
            for name, taken in times.items():
                started = time.perf_counter()
                await client.get(f"/Observation/{name}")
                taken.append(time.perf_counter() - started)
                await asyncio.sleep(0)
    hidden, absent = (statistics.median(taken) for taken in times.values())
    assert 0.5 < hidden / absent < 2
