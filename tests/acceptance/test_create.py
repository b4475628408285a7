"""create. https://hl7.org/fhir/R4/http.html#create."""

import re
from email.utils import parsedate_to_datetime

import pytest

from tests.acceptance.outcomes import diagnostics, refused
from tests.builders.resources import a_patient, an_identifier, an_observation, ten_types, token

TYPES = {resource["resourceType"]: resource for resource in ten_types()}


@pytest.mark.parametrize("resource", TYPES.values(), ids=TYPES)
def test_a_create_is_201_with_its_location_and_version(client, galenic, resource):
    response = client.post(f"/{resource['resourceType']}", json=resource)
    assert response.status_code == 201
    body = response.json()
    base = re.escape(f"{galenic.base_url}/{resource['resourceType']}/{body['id']}")
    assert re.fullmatch(rf"{base}/_history/1", response.headers["Location"])
    assert response.headers["ETag"] == 'W/"1"'
    assert response.headers["Content-Type"] == "application/fhir+json;charset=utf-8"
    assert body["meta"]["versionId"] == "1"
    assert {name: value for name, value in body.items() if name not in ("id", "meta")} == resource


def test_last_modified_is_last_updated_without_its_fraction(client):
    response = client.post("/Patient", json=a_patient())
    last_modified = parsedate_to_datetime(response.headers["Last-Modified"])
    assert response.headers["Last-Modified"].endswith(" GMT")
    assert response.json()["meta"]["lastUpdated"].startswith(last_modified.strftime("%Y-%m-%dT%H:%M:%S."))


@pytest.mark.parametrize("resource", TYPES.values(), ids=TYPES)
def test_prefer_minimal_answers_without_a_body(client, resource):
    response = client.post(f"/{resource['resourceType']}", json=resource, headers={"Prefer": "return=minimal"})
    assert response.status_code == 201
    assert response.content == b""
    assert response.headers["Location"]
    assert response.headers["ETag"] == 'W/"1"'
    assert response.headers["Last-Modified"]


@pytest.mark.parametrize("resource", TYPES.values(), ids=TYPES)
def test_prefer_representation_answers_with_what_was_stored(client, resource):
    prefer = {"Prefer": "return=representation"}
    response = client.post(f"/{resource['resourceType']}", json=resource, headers=prefer)
    assert response.status_code == 201
    assert response.content == client.get(response.headers["Location"]).content


@pytest.mark.parametrize("resource", TYPES.values(), ids=TYPES)
def test_prefer_operation_outcome_answers_with_one(client, resource):
    prefer = {"Prefer": "return=OperationOutcome"}
    outcome = refused(client.post(f"/{resource['resourceType']}", json=resource, headers=prefer), 201)
    assert {issue["severity"] for issue in outcome["issue"]} == {"information"}


def test_prefer_may_be_a_list_and_may_hold_what_nobody_knows(client):
    prefer = {"Prefer": "respond-later, handling=lenient; return=minimal"}
    assert client.post("/Patient", json=a_patient(), headers=prefer).content == b""


def test_the_id_and_version_of_the_body_are_the_servers_business(client):
    meta = {"versionId": "77", "lastUpdated": "1999-01-01T00:00:00Z", "source": "http://example.org/#1"}
    created = client.post("/Patient", json=a_patient(id="mine", meta=meta)).json()
    assert created["id"] != "mine"
    assert created["meta"]["versionId"] == "1"
    assert not created["meta"]["lastUpdated"].startswith("1999")
    assert created["meta"]["source"] == "http://example.org/#1"


def test_two_creates_of_the_same_body_are_two_resources(client):
    first, second = (client.post("/Patient", json=a_patient()).json()["id"] for _ in range(2))
    assert first != second


def test_a_body_of_another_type_is_refused(client):
    outcome = refused(client.post("/Patient", json=an_observation()), 400)
    assert "A Patient is expected" in diagnostics(outcome)


def test_a_body_without_a_type_is_refused(client):
    refused(client.post("/Patient", json={"active": True}), 400)


def test_every_problem_of_a_resource_is_named_with_its_place(client):
    patient = a_patient(gender="robot", birthDate="yesterday", shoeSize=44, deceasedBoolean="no")
    outcome = refused(client.post("/Patient", json=patient), 400, 422)
    places = {issue["expression"][0] for issue in outcome["issue"]}
    assert {"Patient.gender", "Patient.birthDate"} <= places
    assert len(outcome["issue"]) == 4


def test_a_refused_create_leaves_nothing_behind(client):
    identifier = an_identifier()
    refused(client.post("/Patient", json=a_patient(identifier=[identifier], gender="robot")), 400, 422)
    found = client.get("/Patient", params={"identifier": token(identifier)}).json()
    assert "entry" not in found


def test_a_post_to_an_id_is_not_a_create(client):
    response = client.post("/Patient/p1", json=a_patient(id="p1"))
    refused(response, 405)
    assert "PUT" in response.headers["Allow"]
