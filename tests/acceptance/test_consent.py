"""What a patient has denied, somebody else does not see by any way. https://hl7.org/fhir/R4/consent.html."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fhir_server.auth.context import Context
from fhir_server.web.speech import Speech
from tests.builders.resources import a_patient, an_observation
from tests.conftest import Cluster
from tests.running.closed import Closed, closed

Json = dict[str, Any]

DOCTOR, NURSE = "Practitioner/prescriber", "Practitioner/nurse"
PART_2 = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"}
OBSERVATIONS = [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation"}]
WAYS = (
    "/Observation/{0}-obs",
    "/Observation/{0}-obs/_history/1",
    "/Observation/{0}-obs/_history",
    "/Observation?_id={0}-obs",
    "/Observation?subject=Patient/{0}",
    "/Observation/_history?_count=1000",
    "/_history?_count=1000",
    "/Patient/{0}/Observation",
    "/Patient/{0}/$everything",
    "/Patient?_id={0}&_revinclude=Observation:subject",
    "/Encounter?_id={0}-visit&_revinclude=Observation:encounter",
    "/Observation?encounter:Encounter._has:Observation:encounter:_id={0}-obs",
)


@pytest.fixture(scope="module")
async def server(cluster: Cluster) -> AsyncIterator[Closed]:
    cluster.execute("CREATE DATABASE consent TEMPLATE galenic")
    async with closed(cluster.database("consent").app_url) as one:
        yield one
    cluster.execute("DROP DATABASE consent WITH (FORCE)")


def a_consent(patient: str, provision: Json, **elements: Any) -> Json:
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]}
    category = [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}]
    return {
        "resourceType": "Consent", "id": f"{patient}-consent", "status": "active", "scope": scope,
        "category": category, "patient": {"reference": f"Patient/{patient}"},
        "policyRule": {"text": "as the patient says"}, "provision": provision, **elements,
    }  # fmt: skip


async def store(server: Closed, *resources: Json) -> None:
    """Whatever was denied before."""
    async with server.client(server.tokens.add("system/*.cruds", purpose="BTG")) as system:
        for resource in resources:
            response = await system.put(f"/{resource['resourceType']}/{resource['id']}", json=resource)
            assert response.status_code in (200, 201), response.text


async def a_record(server: Closed, patient: str, *labels: Json) -> None:
    subject = {"reference": f"Patient/{patient}"}
    visit = {
        "resourceType": "Encounter", "id": f"{patient}-visit", "status": "finished", "class": {"code": "AMB"},
        "subject": subject,
    }  # fmt: skip
    observation = an_observation(
        id=f"{patient}-obs",
        subject=subject,
        encounter={"reference": f"Encounter/{patient}-visit"},
        note=[{"text": f"canary-{patient}"}],
        **({"meta": {"security": list(labels)}} if labels else {}),
    )
    await store(server, a_patient(id=patient), visit, observation)


def doctor(server: Closed, **context: Any) -> httpx.AsyncClient:
    return server.client(server.tokens.add("user/*.cruds", "prescriber", **context))


async def ways_to(client: httpx.AsyncClient, patient: str) -> dict[str, bool]:
    """By which ways the client meets what only the patient's observation says."""
    found = {}
    for way in WAYS:
        response = await client.get(way.format(patient))
        found[way] = f"canary-{patient}" in response.text
    return found


async def test_without_a_consent_a_doctor_sees_by_every_way(server: Closed) -> None:
    await a_record(server, "plain")
    async with doctor(server) as client:
        met = await ways_to(client, "plain")
    assert all(met.values()), met


@pytest.mark.parametrize(
    "provision",
    [
        {"type": "deny"},
        {"type": "deny", "actor": [{"role": {"text": "doctor"}, "reference": {"reference": DOCTOR}}]},
        {"type": "deny", "class": OBSERVATIONS},
        {"type": "permit", "provision": [{"type": "deny", "purpose": [{"code": "TREAT"}]}]},
        {"type": "deny", "period": {"start": "2020-01-01"}},
        {"type": "deny", "actor": [{"role": {"text": "doctor"}, "reference": {"display": "any doctor"}}]},
        {
            "type": "permit",
            "provision": [
                {"type": "deny", "class": OBSERVATIONS},
                {
                    "type": "deny",
                    "class": [OBSERVATIONS[0] | {"code": "MedicationRequest"}],
                    "provision": [
                        {"type": "permit", "actor": [{"role": {"text": "doctor"}, "reference": {"reference": DOCTOR}}]}
                    ],
                },
            ],
        },
        {
            "type": "deny",
            "provision": [
                {
                    "type": "permit",
                    "actor": [{"role": {"text": "nurse"}, "reference": {"reference": NURSE}}],
                    "provision": [{"type": "permit", "class": OBSERVATIONS}],
                }
            ],
        },
    ],
)
async def test_what_is_denied_is_met_by_no_way(server: Closed, provision: Json) -> None:
    await a_record(server, "shy")
    await store(server, a_consent("shy", provision))
    async with doctor(server) as client:
        assert not any((await ways_to(client, "shy")).values())
    async with server.patient("shy") as client:
        assert (await client.get("/Observation/shy-obs")).status_code == 200


@pytest.mark.parametrize(
    "provision",
    [
        {"type": "permit"},
        {"type": "deny", "actor": [{"role": {"text": "nurse"}, "reference": {"reference": NURSE}}]},
        {"type": "deny", "purpose": [{"code": "HRESCH"}]},
        {"type": "deny", "period": {"end": "2020-01-01"}},
        {"type": "deny", "securityLabel": [PART_2]},
        {
            "type": "deny",
            "provision": [
                {"type": "permit", "actor": [{"role": {"text": "doctor"}, "reference": {"reference": DOCTOR}}]}
            ],
        },
    ],
)
async def test_what_is_not_denied_to_this_caller_is_seen(server: Closed, provision: Json) -> None:
    await a_record(server, "open")
    await store(server, a_consent("open", provision))
    async with doctor(server) as client:
        met = await ways_to(client, "open")
    assert all(met.values()), met


async def test_a_withdrawn_denial_hides_no_more_and_a_deleted_one_neither(server: Closed) -> None:
    await a_record(server, "undecided")
    consent = a_consent("undecided", {"type": "deny"})
    async with doctor(server) as client, server.system() as system:
        await store(server, consent)
        assert (await client.get("/Observation/undecided-obs")).status_code == 404
        async with server.patient("undecided") as patient:
            withdrawn = await patient.put("/Consent/undecided-consent", json=consent | {"status": "inactive"})
            assert withdrawn.status_code == 200
        assert (await client.get("/Observation/undecided-obs")).status_code == 200
        async with server.patient("undecided") as patient:
            assert (await patient.put("/Consent/undecided-consent", json=consent)).status_code == 200
        assert (await client.get("/Observation/undecided-obs")).status_code == 404
        assert (await system.delete("/Consent/undecided-consent")).status_code == 204


async def test_what_is_labelled_sensitive_needs_a_permission_that_names_the_label(server: Closed) -> None:
    await a_record(server, "treated", PART_2)
    async with doctor(server) as client:
        assert not any((await ways_to(client, "treated")).values())
        await store(server, a_consent("treated", {"type": "permit"}))
        assert not any((await ways_to(client, "treated")).values())
        await store(server, a_consent("treated", {"type": "permit", "securityLabel": [PART_2]}))
        assert (await client.get("/Observation/treated-obs")).status_code == 200


async def test_each_label_and_each_patient_needs_a_permission_of_its_own(server: Closed) -> None:
    restricted = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
    await a_record(server, "twice", PART_2, restricted)
    await store(server, a_consent("twice", {"type": "permit", "securityLabel": [restricted]}))
    both = an_observation(
        id="shared-obs",
        subject={"reference": "Patient/twice"},
        performer=[{"reference": "Patient/plainer"}],
        meta={"security": [restricted]},
    )
    await store(server, a_patient(id="plainer"), both)
    async with doctor(server) as client:
        assert (await client.get("/Observation/twice-obs")).status_code == 404
        assert (await client.get("/Observation/shared-obs")).status_code == 404
    async with server.patient("plainer") as other:
        assert (await other.get("/Observation/shared-obs")).status_code == 404
    async with server.patient("twice") as own:
        assert (await own.get("/Observation/twice-obs")).status_code == 200


async def test_a_label_without_its_system_is_sensitive_all_the_same(server: Closed) -> None:
    await a_record(server, "bare", {"code": "R"})
    async with doctor(server) as client:
        assert (await client.get("/Observation/bare-obs")).status_code == 404


async def test_a_shared_resource_that_is_labelled_is_hidden_from_patients_too(server: Closed) -> None:
    location = {"resourceType": "Location", "id": "clinic", "name": "Clinic", "meta": {"security": [PART_2]}}
    await store(server, location)
    async with doctor(server) as client, server.patient("anyone") as patient:
        assert (await client.get("/Location/clinic")).status_code == 404
        assert (await patient.get("/Location/clinic")).status_code == 404


async def test_a_denied_resource_is_neither_changed_nor_referred_to(server: Closed) -> None:
    await a_record(server, "kept")
    await store(server, a_consent("kept", {"type": "deny", "class": OBSERVATIONS}))
    changed = an_observation(id="kept-obs", subject={"reference": "Patient/kept"})
    async with doctor(server) as client:
        assert (await client.put("/Observation/kept-obs", json=changed)).status_code != 200
        members = [{"reference": "Observation/kept-obs"}]
        member = an_observation(subject={"reference": "Patient/kept"}, hasMember=members)
        entry = {"request": {"method": "POST", "url": "Observation"}, "resource": member}
        response = await client.post("/", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]})
        assert response.status_code == 422
    async with server.patient("kept") as patient:
        assert (await patient.get("/Observation/kept-obs")).json()["meta"]["versionId"] == "1"


async def test_a_consent_is_seen_by_those_it_denies(server: Closed) -> None:
    await store(server, a_patient(id="told"), a_consent("told", {"type": "deny"}))
    async with doctor(server) as client:
        assert (await client.get("/Consent/told-consent")).status_code == 200
        assert (await client.get("/Patient/told")).status_code == 404


async def test_the_visits_a_person_chooses_from_are_those_they_may_see(server: Closed) -> None:
    await a_record(server, "visited")
    patients, speech = server.parts.desk.patients, Speech("en")

    async def shown(role: str) -> list[str]:
        context = Context(f"Practitioner/{role}", "pages", "TREAT", "r", role=role)
        return [one.id for one in await patients.encounters(context, "visited", speech)]

    assert await shown("prescriber") == ["visited-visit"]
    assert await shown("technician") == []
    await store(server, a_consent("visited", {"type": "deny"}))
    assert await shown("prescriber") == []


async def test_in_an_emergency_what_was_denied_is_seen(server: Closed) -> None:
    await a_record(server, "urgent", PART_2)
    await store(server, a_consent("urgent", {"type": "deny"}))
    async with doctor(server, purpose="BTG", reason="unconscious, dose unknown") as client:
        assert (await client.get("/Observation/urgent-obs")).status_code == 200
