"""Conditional create, update, patch and delete: none, one, several matches. https://hl7.org/fhir/R4/http.html#cond-update."""

import json
from uuid import uuid4

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.patches import JSON_PATCH, MERGE_PATCH, a_fhirpath_patch, a_replacement
from tests.builders.resources import a_patient, an_identifier, token
from tests.running.galenic import running

PATCHES = {
    "json": (JSON_PATCH, [a_replacement("/active", False)]),
    "merge": (MERGE_PATCH, {"active": False}),
    "fhirpath": (
        "application/fhir+json",
        a_fhirpath_patch({"type": "replace", "path": "Patient.active", "valueBoolean": False}),
    ),
}


@pytest.fixture
def identifier():
    return an_identifier()


@pytest.fixture
def query(identifier):
    return {"identifier": token(identifier)}


def create(client, identifier, times=1):
    """Patients with the same identifier; their ids."""
    body = a_patient(identifier=[identifier], active=True)
    return [client.post("/Patient", json=body).json()["id"] for _ in range(times)]


def found(client, query):
    """Ids of what matches, in no order."""
    return {entry["resource"]["id"] for entry in client.get("/Patient", params=query).json().get("entry", [])}


def conditional_create(client, identifier, header=None, **request):
    headers = {"If-None-Exist": header} if header is not None else {}
    return client.post("/Patient", json=a_patient(identifier=[identifier]), headers=headers, **request)


def conditional_patch(client, query, patch, **headers):
    media_type, document = patch
    content = json.dumps(document)
    return client.patch("/Patient", params=query, content=content, headers={"Content-Type": media_type, **headers})


def test_conditional_create_without_a_match_is_201(client, identifier, query):
    response = conditional_create(client, identifier, f"identifier={token(identifier)}")
    assert response.status_code == 201
    assert found(client, query) == {response.json()["id"]}


def test_conditional_create_with_a_match_is_200_and_names_it(client, galenic, identifier, query):
    [patient_id] = create(client, identifier)
    response = conditional_create(client, identifier, f"identifier={token(identifier)}")
    assert response.status_code == 200
    assert response.headers["Location"] == f"{galenic.base_url}/Patient/{patient_id}/_history/1"
    assert response.headers["ETag"] == 'W/"1"'
    assert response.json()["id"] == patient_id
    assert found(client, query) == {patient_id}


def test_conditional_create_with_several_matches_is_412(client, identifier, query):
    create(client, identifier, 2)
    outcome = refused(conditional_create(client, identifier, f"identifier={token(identifier)}"), 412)
    assert outcome["issue"][0]["code"] == "multiple-matches"
    assert len(found(client, query)) == 2


def test_what_was_deleted_is_no_match(client, identifier):
    [patient_id] = create(client, identifier)
    client.delete(f"/Patient/{patient_id}")
    assert conditional_create(client, identifier, f"identifier={token(identifier)}").status_code == 201


@pytest.mark.parametrize("form", ["Patient?identifier={}", "/Patient?identifier={}", "identifier={}"])
def test_if_none_exist_may_name_its_type(client, identifier, form):
    create(client, identifier)
    assert conditional_create(client, identifier, form.format(token(identifier))).status_code == 200


def test_a_condition_may_hold_a_question_mark_and_other_letters_than_ascii(client):
    identifier = {"system": "http://example.org/ids?kind=1", "value": "é" + uuid4().hex}
    create(client, identifier)
    assert conditional_create(client, identifier, f"identifier={token(identifier)}".encode()).status_code == 200


UNDECIDED = ["", "Practitioner?identifier=x", "shoe-size=44", "_count=1", "_foo=1", "identifier="]
UNDECIDED += ["identifier=x&_foo=1"]  # what is ignored widens the condition


@pytest.mark.parametrize("header", UNDECIDED)
def test_a_condition_that_does_not_decide_is_refused_and_creates_nothing(client, identifier, query, header):
    refused(conditional_create(client, identifier, header), 400)
    assert found(client, query) == set()


def test_a_post_with_a_query_is_a_conditional_create(client, identifier, query):
    first, second = (conditional_create(client, identifier, params=query) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    create(client, identifier)
    refused(conditional_create(client, identifier, params=query), 412)


def test_a_post_with_a_query_that_means_nothing_creates_nothing(client, identifier, query):
    refused(conditional_create(client, identifier, params={"shoe-size": "44"}), 400)
    assert found(client, query) == set()


def test_conditional_update_without_a_match_is_201(client, identifier, query):
    response = client.put("/Patient", params=query, json=a_patient(identifier=[identifier]))
    assert response.status_code == 201
    assert "/_history/1" in response.headers["Location"]
    assert found(client, query) == {response.json()["id"]}


def test_conditional_update_without_a_match_takes_the_id_of_the_body(client, identifier, query):
    patient_id = str(uuid4())
    response = client.put("/Patient", params=query, json=a_patient(identifier=[identifier], id=patient_id))
    assert (response.status_code, response.json()["id"]) == (201, patient_id)


def test_conditional_update_with_a_match_is_200(client, identifier, query):
    [patient_id] = create(client, identifier)
    response = client.put("/Patient", params=query, json=a_patient("New", identifier=[identifier]))
    assert (response.status_code, response.headers["ETag"]) == (200, 'W/"2"')
    assert client.get(f"/Patient/{patient_id}").json()["name"][0]["family"] == "New"


def test_conditional_update_with_another_id_than_the_match_is_400(client, identifier, query):
    create(client, identifier)
    refused(client.put("/Patient", params=query, json=a_patient(identifier=[identifier], id="other")), 400)


def test_conditional_update_does_not_overwrite_what_does_not_match(client, identifier, query):
    [other] = create(client, an_identifier())
    refused(client.put("/Patient", params=query, json=a_patient(identifier=[identifier], id=other)), 409, 412)


def test_conditional_update_with_several_matches_is_412(client, identifier, query):
    ids = create(client, identifier, 2)
    outcome = refused(client.put("/Patient", params=query, json=a_patient("New", identifier=[identifier])), 412)
    assert outcome["issue"][0]["code"] == "multiple-matches"
    assert all(client.get(f"/Patient/{one}").headers["ETag"] == 'W/"1"' for one in ids)


@pytest.mark.parametrize("patch", PATCHES.values(), ids=PATCHES)
def test_conditional_patch_of_none_one_and_several(client, identifier, query, patch):
    refused(conditional_patch(client, query, patch), 404)
    [patient_id] = create(client, identifier)
    response = conditional_patch(client, query, patch)
    assert (response.status_code, response.json()["active"]) == (200, False)
    [second] = create(client, identifier)
    refused(conditional_patch(client, query, patch), 412)
    assert client.get(f"/Patient/{second}").json()["active"] is True
    assert client.get(f"/Patient/{patient_id}").headers["ETag"] == 'W/"2"'


def test_conditional_delete_of_none_one_and_several(client, identifier, query):
    assert client.delete("/Patient", params=query).status_code == 204
    [patient_id] = create(client, identifier)
    assert client.delete("/Patient", params=query).status_code == 204
    refused(client.get(f"/Patient/{patient_id}"), 410)
    ids = create(client, identifier, 2)
    refused(client.delete("/Patient", params=query), 412)
    assert found(client, query) == set(ids)


def test_conditional_delete_of_several_by_setting(client, galenic, identifier, query):
    ids = create(client, identifier, 3)
    bystanders = create(client, an_identifier())
    url = galenic.environment["GALENIC_DATABASE_URL"]
    with running(url, worker=False, conditional_delete="multiple") as generous, generous.client() as its_client:
        assert its_client.delete("/Patient", params=query).status_code == 204
    assert {client.get(f"/Patient/{one}").status_code for one in ids} == {410}
    assert client.get(f"/Patient/{bystanders[0]}").status_code == 200


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"shoe-size": "44"},
        {"_count": "1"},
        {"_foo": "1"},
        {"identifier": ""},
        {"identifier": "x", "_foo": "1"},
        {"family": " "},
    ],
)
def test_without_criteria_that_decide_nothing_happens(client, method, bad):
    body = None if method == "DELETE" else a_patient()
    headers = {"Content-Type": MERGE_PATCH} if method == "PATCH" else {}
    refused(client.request(method, "/Patient", params=bad, json=body, headers=headers), 400)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_condition_and_a_stale_if_match_is_412(client, identifier, query, method):
    [patient_id] = create(client, identifier)
    body = None if method == "DELETE" else a_patient("New", identifier=[identifier])
    headers = {"If-Match": 'W/"7"'} | ({"Content-Type": MERGE_PATCH} if method == "PATCH" else {})
    refused(client.request(method, "/Patient", params=query, json=body, headers=headers), 412)
    assert client.get(f"/Patient/{patient_id}").headers["ETag"] == 'W/"1"'


def test_prefer_does_not_change_what_a_condition_means(client, identifier, query):
    create(client, identifier, 2)
    headers = {"Prefer": "handling=lenient"}
    refused(client.delete("/Patient", params=query | {"shoe-size": "44"}, headers=headers), 400)
    assert len(found(client, query)) == 2
