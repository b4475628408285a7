"""What a token does not reach is treated as not there; what no scope names is refused.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.builders.resources import a_medication_request, a_patient, a_practitioner, an_observation
from tests.conftest import Cluster
from tests.running.closed import BASE, Closed, closed

Json = dict[str, Any]


@pytest.fixture(scope="module")
async def server(cluster: Cluster) -> AsyncIterator[Closed]:
    cluster.execute("CREATE DATABASE enforcement TEMPLATE galenic")
    async with closed(cluster.database("enforcement").app_url) as one:
        async with one.system() as system:
            for resource in population():
                response = await system.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
                assert response.status_code == 201, response.text
        yield one
    cluster.execute("DROP DATABASE enforcement WITH (FORCE)")


def population() -> list[Json]:
    doctor = a_practitioner(id="doctor")
    return [doctor, *(resource for patient in "ab" for resource in record(patient))]


def record(patient: str) -> list[Json]:
    """Of one patient: the same for both, every text with a word that is only theirs."""
    subject = {"reference": f"Patient/{patient}"}
    word = f"canary-{patient}"
    return [
        a_patient(id=patient, family=word, identifier=[{"system": "urn:mrn", "value": word}]),
        a_medication_request(id=f"rx-{patient}", subject=f"Patient/{patient}", status="active", note=[{"text": word}]),
        a_medication_request(
            id=f"old-{patient}", subject=f"Patient/{patient}", status="completed", note=[{"text": word}]
        ),
        an_observation(id=f"obs-{patient}", subject=subject, note=[{"text": word}]),
        {"resourceType": "Device", "id": f"pump-{patient}", "patient": subject, "serialNumber": word},
        {"resourceType": "Binary", "id": f"scan-{patient}", "contentType": "text/plain", "securityContext": subject},
    ]


async def ids(client: httpx.AsyncClient, path: str) -> set[str]:
    response = await client.get(path)
    assert response.status_code == 200, response.text
    entries = response.json().get("entry", [])
    return {one["resource"]["id"] for one in entries if one.get("search", {}).get("mode") != "outcome"}


@pytest.mark.parametrize("path", ["/Patient/a", "/Patient", "/_history", "/Nothing", "/Patient/$no", "/"])
async def test_without_a_token_everything_is_closed_and_looks_the_same(server: Closed, path: str) -> None:
    async with server.client() as stranger:
        response = await stranger.get(path)
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer realm="Galenic"'
    assert response.json()["issue"][0]["code"] == "login"


@pytest.mark.parametrize("given", ["Bearer unknown", "Bearer", "Basic YTpi", "Bearer a b", "Bearer " + "x" * 9_000])
async def test_a_token_that_is_none_of_ours_is_refused(server: Closed, given: str) -> None:
    async with server.client() as stranger:
        response = await stranger.get("/Patient/a", headers={"Authorization": given})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["www-authenticate"]


async def test_the_capability_statement_is_told_to_everybody(server: Closed) -> None:
    async with server.client() as stranger:
        assert (await stranger.get("/metadata")).status_code == 200


async def test_a_revoked_token_is_refused(server: Closed) -> None:
    token = server.tokens.of_patient("a")
    async with server.client(token) as client:
        assert (await client.get("/Patient/a")).status_code == 200
        server.tokens.revoke(token)
        assert (await client.get("/Patient/a")).status_code == 401


OWN_PATHS = (
    "/Patient/{}", "/Observation/obs-{}", "/MedicationRequest/rx-{}", "/Device/pump-{}", "/Binary/scan-{}",
    "/Patient/{}/_history/1", "/Observation/obs-{}/_history",
)  # fmt: skip


@pytest.mark.parametrize("path", OWN_PATHS)
async def test_another_patients_resource_looks_as_one_that_is_not_there(server: Closed, path: str) -> None:
    async with server.patient("a") as client:
        own, hidden, absent = [await client.get(path.format(name)) for name in ("a", "b", "c")]
    assert own.status_code == 200
    assert (hidden.status_code, absent.status_code) == (404, 404)
    assert hidden.text.replace("b", "c") == absent.text.replace("b", "c")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/Patient", {"a"}),
        ("/Observation", {"obs-a"}),
        ("/Observation?_id=obs-a,obs-b", {"obs-a"}),
        ("/Observation?patient=b", set()),
        ("/Observation?patient.family=canary-b", set()),
        ("/Patient?_has:Observation:patient:_id=obs-b", set()),
        ("/Practitioner?_has:MedicationRequest:requester:patient=b", set()),
        ("/Patient/b/Observation", set()),
        ("/Patient/a/Observation", {"obs-a"}),
        ("/Device", {"pump-a"}),
        ("/Practitioner", {"doctor"}),
        ("/?_type=Patient,Observation,Device,Practitioner", {"a", "obs-a", "pump-a", "doctor"}),
        ("/Patient?_revinclude=*", {"a", "rx-a", "old-a", "obs-a", "pump-a"}),
        ("/Observation?_include=*&_include:iterate=*", {"obs-a", "a"}),
        ("/Patient/a/$everything", {"a", "rx-a", "old-a", "obs-a", "pump-a", "scan-a"}),
        ("/MedicationRequest?_text=canary-b&_total=estimate", set()),
        ("/MedicationRequest?_content=canary", {"rx-a", "old-a"}),
    ],
)
async def test_a_search_finds_what_the_token_reaches(server: Closed, path: str, found: set[str]) -> None:
    async with server.patient("a") as client:
        assert await ids(client, path) == found


@pytest.mark.parametrize("path", ["/_history", "/Observation/_history", "/Patient/_history?_count=1"])
async def test_a_history_holds_what_the_token_reaches(server: Closed, path: str) -> None:
    async with server.patient("a") as client:
        following, text = path, ""
        while following:
            response = await client.get(following)
            assert response.status_code == 200
            text += response.text
            links = {link["relation"]: link["url"] for link in response.json()["link"]}
            following = links.get("next", "").removeprefix(BASE)
    assert "canary-a" in text
    assert "canary-b" not in text


async def test_a_next_link_shows_another_token_nothing_of_its_owners(server: Closed) -> None:
    async with server.patient("a") as owner, server.patient("b") as other:
        first = (await owner.get("/MedicationRequest?_count=1")).json()
        url = next(link["url"] for link in first["link"] if link["relation"] == "next")
        response = await other.get(f"/MedicationRequest?{urlsplit(url).query}")
    assert "canary-a" not in response.text


@pytest.mark.parametrize("entry_type", ["batch", "transaction"])
async def test_entries_of_a_bundle_are_judged_one_by_one(server: Closed, entry_type: str) -> None:
    reads = [{"request": {"method": "GET", "url": url}} for url in ("Observation/obs-a", "Observation?_id=obs-b")]
    async with server.patient("a") as client:
        response = await client.post("/", json={"resourceType": "Bundle", "type": entry_type, "entry": reads})
    assert response.status_code == 200
    assert "canary-a" in response.text
    assert "canary-b" not in response.text


async def test_a_transaction_with_an_entry_beyond_the_token_is_refused_as_a_whole(server: Closed) -> None:
    entries = [
        {"request": {"method": "POST", "url": "Observation"}, "resource": observation_of("a")},
        {"request": {"method": "POST", "url": "Observation"}, "resource": observation_of("b")},
    ]
    async with server.patient("a") as client:
        before = await ids(client, "/Observation")
        response = await client.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": entries})
        assert response.status_code == 403
        assert "Bundle.entry[1]" in response.text
        assert await ids(client, "/Observation") == before


def observation_of(patient: str, **elements: Any) -> Json:
    return an_observation(subject={"reference": f"Patient/{patient}"}, **elements)


async def test_nothing_is_written_into_another_patients_record(server: Closed) -> None:
    async with server.patient("a") as client:
        created = await client.post("/Observation", json=observation_of("b"))
        moved = await client.put("/Observation/obs-a", json=observation_of("b", id="obs-a"))
        patched = await client.patch(
            "/Observation/obs-a",
            json=[{"op": "replace", "path": "/subject/reference", "value": "Patient/b"}],
            headers={"Content-Type": "application/json-patch+json"},
        )
    assert (created.status_code, moved.status_code, patched.status_code) == (403, 403, 403)


@pytest.mark.parametrize(
    "resource",
    [
        observation_of("b", performer=[{"reference": "Patient/a"}]),
        {
            "resourceType": "QuestionnaireResponse", "status": "completed", "subject": {"reference": "Patient/b"},
            "author": {"reference": "Patient/a"},
        },
    ],
    ids=lambda resource: resource["resourceType"],
)  # fmt: skip
async def test_a_link_to_the_own_record_opens_no_other(server: Closed, resource: Json) -> None:
    name = resource["resourceType"]
    own = resource | {"id": f"own-{name}", "subject": {"reference": "Patient/a"}}
    async with server.patient("a") as client:
        assert (await client.post(f"/{name}", json=resource)).status_code == 403
    async with server.system() as system:
        assert (await system.put(f"/{name}/own-{name}", json=own)).status_code == 201
    async with server.patient("a") as client:
        assert (await client.put(f"/{name}/own-{name}", json=resource | {"id": f"own-{name}"})).status_code == 403
    async with server.system() as system:
        assert (await system.put(f"/{name}/own-{name}", json=resource | {"id": f"own-{name}"})).status_code == 200
    async with server.patient("a") as client:  # what was in both records stays there
        changed = resource | {"id": f"own-{name}", "language": "en"}
        assert (await client.put(f"/{name}/own-{name}", json=changed)).status_code == 200
    async with server.system() as system:
        assert (await system.delete(f"/{name}/own-{name}")).status_code == 204


async def test_a_linked_patient_is_another_record(server: Closed) -> None:
    linked = a_patient(id="a2", link=[{"other": {"reference": "Patient/b"}, "type": "seealso"}])
    async with server.system() as system, server.patient("b") as client:
        assert (await system.put("/Patient/a2", json=linked)).status_code == 201
        assert (await client.get("/Patient/a2")).status_code == 404
        assert await ids(client, "/Patient") == {"b"}
        assert (await system.delete("/Patient/a2")).status_code == 204


async def test_a_device_that_names_its_patient_in_words_is_nobodys_to_see(server: Closed) -> None:
    device = {"resourceType": "Device", "id": "named", "patient": {"display": "Jane B"}}
    async with server.system() as system, server.patient("a") as client:
        assert (await system.put("/Device/named", json=device)).status_code == 201
        assert (await client.get("/Device/named")).status_code == 404
        assert (await system.delete("/Device/named")).status_code == 204


@pytest.mark.parametrize("criterion", ["status:missing", "date:missing", "authoredon:missing", "note:missing"])
@pytest.mark.parametrize("value", ["true", "false"])
async def test_what_is_missing_is_the_same_to_a_read_and_a_search(server: Closed, criterion: str, value: str) -> None:
    for type_name, names in (("Observation", ["obs-a"]), ("MedicationRequest", ["rx-a", "old-a"])):
        async with server.patient("a", f"patient/{type_name}.rs?{criterion}={value}") as client:
            found = await ids(client, f"/{type_name}")
            read = {name for name in names if (await client.get(f"/{type_name}/{name}")).status_code == 200}
        assert read == found & set(names)


async def test_whoever_may_change_and_not_read_is_not_shown_what_was_there(server: Closed) -> None:
    merge = {"Content-Type": "application/merge-patch+json"}
    async with server.client(server.tokens.add("patient/Observation.u", patient="a")) as client:
        assert (await client.get("/Observation/obs-a")).status_code == 403
        patched = await client.patch("/Observation/obs-a", json={}, headers=merge)
    assert patched.status_code == 200
    assert "canary-a" not in patched.text


async def test_a_write_to_what_is_hidden_looks_as_one_to_what_is_not_there(server: Closed) -> None:
    async with server.patient("a") as client, server.system() as system:
        for name in ("b", "c"):
            put = await client.put(f"/Observation/obs-{name}", json=observation_of("a", id=f"obs-{name}"))
            assert put.status_code == 404
            stale = await client.put(
                f"/Observation/obs-{name}", json=observation_of("a", id=f"obs-{name}"), headers={"If-Match": 'W/"9"'}
            )
            assert stale.status_code == 404
            patch = await client.patch(
                f"/Observation/obs-{name}", json=[], headers={"Content-Type": "application/json-patch+json"}
            )
            assert patch.status_code == 404
        assert (await system.get("/Observation/obs-b")).json()["meta"]["versionId"] == "1"
        assert (await system.get("/Observation/obs-c")).status_code == 404


async def test_a_delete_of_what_is_hidden_does_nothing_and_says_as_much(server: Closed) -> None:
    token = server.tokens.add("patient/*.cruds", patient="a")
    async with server.client(token) as client, server.system() as system:
        assert (await client.delete("/Observation/obs-b")).status_code == 204
        assert (await client.delete("/Observation/obs-c")).status_code == 204
        assert (await system.get("/Observation/obs-b")).status_code == 200


async def test_a_condition_does_not_match_what_is_hidden(server: Closed) -> None:
    token = server.tokens.add("patient/*.cruds", patient="a")
    async with server.client(token) as client:
        created = await client.post("/Observation", json=observation_of("a"), headers={"If-None-Exist": "_id=obs-b"})
        assert created.status_code == 201
        deleted = await client.delete("/Observation?patient=b")
        assert deleted.status_code == 204
        reference = {"reference": "Observation?_id=obs-b"}
        entry = {
            "request": {"method": "POST", "url": "Observation"},
            "resource": observation_of("a", focus=[reference]),
        }
        linked = await client.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
        assert linked.status_code == 400
    async with server.system() as system:
        assert (await system.get("/Observation/obs-b")).status_code == 200


async def test_a_reference_to_what_is_hidden_leads_nowhere(server: Closed) -> None:
    token = server.tokens.add("patient/*.cruds", patient="a")
    async with server.client(token) as client:
        statuses = []
        for name in ("obs-b", "obs-c", "obs-a"):
            resource = observation_of("a", hasMember=[{"reference": f"Observation/{name}"}])
            entry = {"request": {"method": "POST", "url": "Observation"}, "resource": resource}
            answer = await client.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
            statuses.append(answer.status_code)
    assert statuses == [422, 422, 200]


async def test_a_type_no_scope_names_is_refused_whatever_is_there(server: Closed) -> None:
    async with server.patient("a", "patient/Observation.rs") as client:
        for path in ("/Patient/a", "/Patient/c", "/Patient", "/Patient/a/$everything", "/Patient/_history"):
            response = await client.get(path)
            assert response.status_code == 403, path
            assert response.json()["issue"][0]["code"] == "forbidden"
        assert await ids(client, "/Observation?_include=Observation:subject") == await ids(client, "/Observation")
        assert await ids(client, "/Observation?patient.family=canary-a") == set()


@pytest.mark.parametrize(
    ("scopes", "reads", "searches"),
    [("patient/Observation.r", 200, 403), ("patient/Observation.s", 403, 200), ("patient/Observation.read", 200, 200)],
)
async def test_reading_and_searching_are_two_permissions(
    server: Closed, scopes: str, reads: int, searches: int
) -> None:
    async with server.patient("a", scopes) as client:
        assert (await client.get("/Observation/obs-a")).status_code == reads
        assert (await client.get("/Observation")).status_code == searches


async def test_a_scope_with_criteria_reaches_what_satisfies_them(server: Closed) -> None:
    scopes = "patient/MedicationRequest.rs?status=active patient/Patient.rs"
    async with server.patient("a", scopes) as client:
        assert await ids(client, "/MedicationRequest") == {"rx-a"}
        assert await ids(client, "/MedicationRequest?status=completed") == set()
        assert (await client.get("/MedicationRequest/old-a")).status_code == 404
        assert (await client.get("/MedicationRequest/old-a/_history/1")).status_code == 404
        assert (await client.get("/MedicationRequest/rx-a")).status_code == 200
        assert await ids(client, "/Patient?_revinclude=MedicationRequest:subject") == {"a", "rx-a"}
        assert await ids(client, "/Patient?_has:MedicationRequest:patient:_id=old-a") == set()
        assert await ids(client, "/MedicationRequest/_history") == {"rx-a"}
        assert await ids(client, "/Patient/a/$everything") == {"a", "rx-a"}


@pytest.mark.parametrize("criteria", ["subject.name=x", "_has:Observation:patient:code=x", "nothing=x", "status:no=x"])
async def test_a_scope_whose_criteria_are_not_understood_reaches_nothing(server: Closed, criteria: str) -> None:
    async with server.patient("a", f"patient/MedicationRequest.rs?{criteria}") as client:
        assert await ids(client, "/MedicationRequest") == set()
        assert (await client.get("/MedicationRequest/rx-a")).status_code == 404


async def test_what_a_record_refers_to_comes_along_where_a_scope_names_its_type(server: Closed) -> None:
    referring = observation_of("a", id="obs-by-doctor", performer=[{"reference": "Practitioner/doctor"}])
    async with server.system() as system:
        assert (await system.put("/Observation/obs-by-doctor", json=referring)).status_code == 201
    both, neither = "patient/*.rs", "patient/Patient.rs patient/Observation.rs"
    async with server.patient("a", both) as client:
        assert "doctor" in await ids(client, "/Patient/a/$everything")
    async with server.patient("a", neither) as client:
        assert "doctor" not in await ids(client, "/Patient/a/$everything")
    async with server.system() as system:
        assert (await system.delete("/Observation/obs-by-doctor")).status_code == 204


async def test_the_plan_of_a_search_is_not_told_to_those_who_see_a_part(server: Closed) -> None:
    async with server.patient("a") as client, server.system() as system:
        assert (await client.get("/Observation?_explain=true")).status_code == 403
        assert (await system.get("/Observation?_explain=true")).status_code == 200


async def test_operations_on_the_installation_are_for_those_who_see_all_of_it(server: Closed) -> None:
    async with server.patient("a") as client:
        assert (await client.post("/$reindex")).status_code == 403
        assert (await client.get("/$job-status?job=1")).status_code == 403


async def test_strangers_are_refused_by_their_address_and_then_not_even_heard(cluster: Cluster) -> None:
    cluster.execute("CREATE DATABASE strangers TEMPLATE galenic")
    limited = closed(cluster.database("strangers").app_url, client_requests_max=5)
    async with limited as server, server.client("unknown") as stranger:
        statuses = [(await stranger.get("/Patient/a")).status_code for _ in range(20)]
        pages = [(await stranger.get("http://127.0.0.1:8080/auth/authorize")).status_code for _ in range(5)]
    cluster.execute("DROP DATABASE strangers WITH (FORCE)")
    assert set(statuses) == {401, 429}
    assert 429 in pages


async def test_a_client_that_asks_too_often_is_refused_and_another_is_not(cluster: Cluster) -> None:
    cluster.execute("CREATE DATABASE rates TEMPLATE galenic")
    limited = closed(cluster.database("rates").app_url, client_requests_max=5)
    async with limited as server, server.system() as system, server.client() as stranger:
        answers = [await system.get("/Patient/nobody") for _ in range(20)]
        statuses = {answer.status_code for answer in answers}
        refused = next(answer for answer in answers if answer.status_code == 429)
        assert (await stranger.get("/metadata")).status_code == 200
    cluster.execute("DROP DATABASE rates WITH (FORCE)")
    assert statuses == {404, 429}
    assert refused.headers["retry-after"] == "1"
    assert refused.json()["issue"][0]["code"] == "throttled"
