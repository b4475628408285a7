"""Whatever is asked over HTTP is on record, once, and read by auditors as AuditEvents: one per patient concerned."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any

import httpx
import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object
from fhir_server.validation.validator import Validator
from tests.builders.resources import a_medication, a_patient, an_observation
from tests.conftest import Cluster
from tests.running.closed import BASE, Closed, closed

Json = dict[str, Any]
Do = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]
Expected = list[tuple[str, str, str]]
"""Code of the subtype, outcome, patient: of each AuditEvent, sorted."""

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
VALIDATOR = Validator(load_definitions())
_requests = count(1)


@pytest.fixture(scope="module")
async def server(cluster: Cluster) -> AsyncIterator[Closed]:
    cluster.execute("CREATE DATABASE audit_trail TEMPLATE galenic")
    async with closed(cluster.database("audit_trail").app_url) as one:
        async with one.system() as system:
            for resource in population():
                response = await system.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
                assert response.status_code == 201, response.text
        yield one
    cluster.execute("DROP DATABASE audit_trail WITH (FORCE)")


def population() -> list[Json]:
    return [
        *(a_patient(id=patient) for patient in "ab"),
        *(of(patient, id=f"obs-{patient}") for patient in "ab"),
        *(of("a", id=f"{what}-me") for what in ("update", "patch", "delete")),
        a_medication(id="pill"),
    ]


def of(patient: str, **fields: Any) -> Json:
    return an_observation(subject={"reference": f"Patient/{patient}"}, **fields)


def a_bundle(kind: str, *entries: tuple[str, str, Json | None]) -> Json:
    listed = [
        {"request": {"method": method, "url": url}} | ({"resource": resource} if resource else {})
        for method, url, resource in entries
    ]
    return {"resourceType": "Bundle", "type": kind, "entry": listed}


PATCH = [{"op": "replace", "path": "/status", "value": "amended"}]
INVALID = {"resourceType": "Observation", "status": "nonsense"}
BATCH = a_bundle("batch", ("GET", "Observation/obs-b", None), ("POST", "Observation", of("a")))
TRANSACTION = a_bundle("transaction", ("POST", "Observation", of("a")), ("POST", "Observation", of("b")))
FAILING = a_bundle("transaction", ("POST", "Observation", of("a")), ("POST", "Observation", INVALID))
JSON_PATCH = {"Content-Type": "application/json-patch+json"}

SITUATIONS: dict[str, tuple[Do, int, Expected]] = {
    "read": (lambda c: c.get("/Observation/obs-a"), 200, [("read", "0", "a")]),
    "read of what belongs to nobody": (lambda c: c.get("/Medication/pill"), 200, [("read", "0", "")]),
    "read of what is not there": (lambda c: c.get("/Observation/none"), 404, [("read", "4", "")]),
    "vread": (lambda c: c.get("/Observation/obs-a/_history/1"), 200, [("vread", "0", "a")]),
    "create": (lambda c: c.post("/Observation", json=of("a")), 201, [("create", "0", "a")]),
    "create that is refused": (lambda c: c.post("/Observation", json=INVALID), 400, [("create", "4", "")]),
    "update": (
        lambda c: c.put("/Observation/update-me", json=of("a", id="update-me", status="amended")),
        *(200, [("update", "0", "a")]),
    ),
    "patch": (
        lambda c: c.patch("/Observation/patch-me", json=PATCH, headers=JSON_PATCH),
        *(200, [("patch", "0", "a")]),
    ),
    "delete": (lambda c: c.delete("/Observation/delete-me"), 204, [("delete", "0", "a")]),
    "search by GET": (
        lambda c: c.get("/Observation?_id=obs-a,obs-b"),
        *(200, [("search-type", "0", "a"), ("search-type", "0", "b")]),
    ),
    "search by POST": (
        lambda c: c.post("/Observation/_search", content="_id=obs-b", headers=FORM),
        *(200, [("search-type", "0", "b")]),
    ),
    "search that finds nothing": (lambda c: c.get("/Observation?_id=none"), 200, [("search-type", "0", "")]),
    "search that is refused": (lambda c: c.get("/Observation?colour=red"), 400, [("search-type", "4", "")]),
    "search of a compartment": (
        lambda c: c.get("/Patient/b/Observation?_id=obs-b"),
        *(200, [("search-type", "0", "b")]),
    ),
    "search of all types": (lambda c: c.get("/?_id=obs-a"), 200, [("search-system", "0", "a")]),
    "search that includes": (
        lambda c: c.get("/Medication?_id=pill&_include=*"),
        *(200, [("search-type", "0", "")]),
    ),
    "history of a resource": (lambda c: c.get("/Observation/obs-a/_history"), 200, [("history-instance", "0", "a")]),
    "history of a type": (
        lambda c: c.get("/Patient/_history"),
        *(200, [("history-type", "0", "a"), ("history-type", "0", "b")]),
    ),
    "history of everything": (
        lambda c: c.get("/_history?_count=1000"),
        *(200, [("history-system", "0", "a"), ("history-system", "0", "b")]),
    ),
    "everything about a patient": (lambda c: c.get("/Patient/b/$everything"), 200, [("operation", "0", "b")]),
}


def a_request_id() -> dict[str, str]:
    return {"X-Request-Id": f"request-{next(_requests)}"}


async def events(server: Closed, request_id: str) -> list[Json]:
    """The AuditEvents of a request, as an auditor finds them."""
    async with server.client(server.tokens.add("user/AuditEvent.rs", "auditor")) as auditor:
        response = await auditor.get("/AuditEvent", params={"entity:identifier": request_id, "_count": "1000"})
    assert response.status_code == 200, response.text
    return [entry["resource"] for entry in response.json().get("entry", [])]


def summary(found: list[Json]) -> Expected:
    return sorted((event["subtype"][0]["code"], event["outcome"], patient_of(event)) for event in found)


def patient_of(event: Json) -> str:
    named = [e["what"]["reference"] for e in event["entity"] if e.get("role", {}).get("code") == "1"]
    assert len(named) <= 1
    return named[0].removeprefix("Patient/") if named else ""


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_a_situation_is_one_record_and_an_event_a_patient(server: Closed, situation: str) -> None:
    do, status, expected = SITUATIONS[situation]
    async with server.system() as client:
        client.headers.update(a_request_id())
        response = await do(client)
        assert response.status_code == status, response.text
        found = await events(server, client.headers["X-Request-Id"])
    assert summary(found) == expected
    assert len({event["id"].partition("-")[0] for event in found}) == 1
    for event in found:
        assert VALIDATOR.validate(parse_object(httpx.Response(200, json=event).content, 100)) == []


@pytest.mark.parametrize(
    ("bundle", "status", "expected"),
    [
        (BATCH, 200, [("create", "0", "a"), ("read", "0", "b")]),
        (TRANSACTION, 200, [("create", "0", "a"), ("create", "0", "b")]),
        (FAILING, 400, []),
    ],
    ids=["batch", "transaction", "transaction that fails"],
)
async def test_a_bundle_is_recorded_with_each_of_its_entries(
    server: Closed, bundle: Json, status: int, expected: Expected
) -> None:
    async with server.system() as client:
        client.headers.update(a_request_id())
        assert (await client.post("/", json=bundle)).status_code == status
        found = summary(await events(server, client.headers["X-Request-Id"]))
    whole = [event for event in found if event[0] in ("batch", "transaction")]
    assert [event for event in found if event not in whole] == expected
    assert [(outcome, patient) for _, outcome, patient in whole] == [("0" if status == 200 else "4", "")]


REFUSED: dict[str, tuple[dict[str, str], Expected]] = {
    "no token": ({}, [("refused", "8", "")]),
    "a bad token": ({"Authorization": "Bearer nonsense"}, [("refused", "8", "")]),
}


@pytest.mark.parametrize("situation", REFUSED)
async def test_refused_credentials_are_recorded(server: Closed, situation: str) -> None:
    headers, expected = REFUSED[situation]
    async with server.client() as stranger:
        request_id = a_request_id()
        assert (await stranger.get("/Patient/a", headers=headers | request_id)).status_code == 401
    assert summary(await events(server, request_id["X-Request-Id"])) == expected


async def test_what_no_scope_allows_is_recorded_and_names_no_patient(server: Closed) -> None:
    async with server.patient("a", "patient/Observation.rs") as patient:
        request_id = a_request_id()
        assert (await patient.get("/Patient/a", headers=request_id)).status_code == 403
        assert summary(await events(server, request_id["X-Request-Id"])) == [("read", "8", "")]
        request_id = a_request_id()
        assert (await patient.get("/Observation/obs-b", headers=request_id)).status_code == 404
        assert summary(await events(server, request_id["X-Request-Id"])) == [("read", "4", "")]


async def test_emergency_access_is_flagged_with_its_reason(server: Closed) -> None:
    token = server.tokens.add("user/*.rs", "pharmacist", purpose="BTG", reason="unconscious at the counter")
    async with server.client(token) as client:
        client.headers.update(a_request_id())
        assert (await client.get("/Observation/obs-a")).status_code == 200
        (event,) = await events(server, client.headers["X-Request-Id"])
    assert event["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
    assert event["purposeOfEvent"][0]["text"] == "unconscious at the counter"
    assert event["agent"][2]["who"]["reference"] == "Practitioner/pharmacist"


async def test_reading_the_audit_trail_is_on_record_too(server: Closed) -> None:
    async with server.client(server.tokens.add("user/AuditEvent.rs", "auditor")) as auditor:
        auditor.headers.update(a_request_id())
        assert (await auditor.get("/AuditEvent?patient=a&_count=1")).status_code == 200
    assert summary(await events(server, auditor.headers["X-Request-Id"])) == [("search-type", "0", "a")]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("role", ["auditor", "integration", "patient"])
async def test_nobody_writes_changes_or_deletes_an_audit_event(server: Closed, method: str, role: Any) -> None:
    scopes = {"auditor": "user/AuditEvent.cruds", "integration": "system/*.cruds", "patient": "patient/*.cruds"}[role]
    path = "/AuditEvent" if method == "POST" else "/AuditEvent/1"
    async with server.client(server.tokens.add(scopes, role, patient="a", patients=("a",))) as client:
        response = await client.request(method, path, json={"resourceType": "AuditEvent", "id": "1"})
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("role", ["pharmacist", "technician", "prescriber", "patient", "integration", "administrator"])
async def test_nobody_but_auditors_reads_them(server: Closed, role: Any) -> None:
    scopes = "system/*.rs system/AuditEvent.rs user/*.rs user/AuditEvent.rs patient/AuditEvent.rs"
    async with server.client(server.tokens.add(scopes, role, patient="a", patients=("a",))) as client:
        for path in ("/AuditEvent", "/AuditEvent/1", "/Patient/a/AuditEvent", "/AuditEvent?patient=a"):
            assert (await client.get(path)).status_code == 403, path


async def test_a_next_link_is_followed(server: Closed) -> None:
    async with server.client(server.tokens.add("user/AuditEvent.rs", "auditor")) as auditor:
        first = (await auditor.get("/AuditEvent?_count=3")).json()
        (link,) = [link["url"] for link in first["link"] if link["relation"] == "next"]
        second = (await auditor.get(link.removeprefix(BASE))).json()
    one, other = ({entry["fullUrl"] for entry in page["entry"]} for page in (first, second))
    assert len(one) == len(other) == 3
    assert not one & other


async def test_whatever_was_recorded_has_a_name(server: Closed) -> None:
    async with server.client(server.tokens.add("user/AuditEvent.rs", "auditor")) as auditor:
        bundle = (await auditor.get("/AuditEvent?subtype=other")).json()
    assert "entry" not in bundle
