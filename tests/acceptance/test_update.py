"""update, and update as create. https://hl7.org/fhir/R4/http.html#update."""

from uuid import uuid4

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.resources import a_patient, a_quantity, an_observation

STALE = ['W/"1"', '"1"', 'W/"1", W/"7"', '"1","7"', 'W/"3"', 'W/"0"', 'W/"two"', 'W/""']
CURRENT = ['W/"2"', '"2"', 'W/"1", W/"2"', '"2" , "9"']
MALFORMED = ["2", "W/2", 'w/"2"', '"2', 'W/"2" W/"3"', "\N{LATIN SMALL LETTER E WITH ACUTE}"]


@pytest.fixture
def url(client):
    """Where a Patient with two versions lives."""
    patient_id = client.post("/Patient", json=a_patient()).json()["id"]
    put(client, f"/Patient/{patient_id}", family="Second")
    return f"/Patient/{patient_id}"


def put(client, url, headers=None, **elements):
    return client.put(url, json=a_patient(id=url.rpartition("/")[2], **elements), headers=headers)


def version_of(client, url):
    return client.get(url).json()["meta"]["versionId"]


def test_an_update_is_200_with_the_next_version(client, url):
    response = put(client, url, family="Third")
    assert response.status_code == 200
    assert response.headers["ETag"] == 'W/"3"'
    assert response.headers["Last-Modified"]
    assert response.json()["meta"]["versionId"] == "3"
    assert client.get(url).content == response.content


def test_an_update_of_what_is_not_there_creates_it_under_its_id(client, galenic):
    url = f"/Patient/{uuid4()}"
    response = put(client, url)
    assert response.status_code == 201
    assert response.headers["Location"] == f"{galenic.base_url}{url}/_history/1"
    assert response.headers["ETag"] == 'W/"1"'


@pytest.mark.parametrize("tags", STALE)
def test_a_stale_if_match_is_412_and_changes_nothing(client, url, tags):
    before = client.get(url).content
    refused(put(client, url, {"If-Match": tags}, family="Lost"), 412)
    assert client.get(url).content == before


@pytest.mark.parametrize("tags", CURRENT)
def test_an_if_match_with_the_current_version_updates(client, url, tags):
    assert put(client, url, {"If-Match": tags}, family="Third").headers["ETag"] == 'W/"3"'


@pytest.mark.parametrize("tags", MALFORMED)
def test_a_malformed_if_match_is_refused_and_changes_nothing(client, url, tags):
    refused(put(client, url, {"If-Match": tags.encode()}, family="Lost"), 400)
    assert version_of(client, url) == "2"


def test_if_match_lines_count_as_one_list(client, url):
    body = a_patient(id=url.rpartition("/")[2], family="Third")
    lines = [("Content-Type", "application/fhir+json"), ("If-Match", 'W/"2"'), ("If-Match", 'W/"1"')]
    assert client.put(url, json=body, headers=lines).status_code == 200


def test_an_if_match_of_what_is_not_there_creates_nothing(client):
    url = f"/Patient/{uuid4()}"
    refused(put(client, url, {"If-Match": 'W/"1"'}), 412)
    refused(client.get(url), 404)


def test_an_update_that_changes_nothing_makes_no_version(client, url):
    before = client.get(url)
    response = client.put(url, content=before.content)
    assert response.status_code == 200
    assert response.headers["ETag"] == 'W/"2"'
    assert response.content == before.content
    assert len(client.get(f"{url}/_history").json()["entry"]) == 2


def test_members_in_another_order_change_nothing(client, url):
    url = f"/Patient/{uuid4()}"
    put(client, url, active=True, gender="female")
    response = client.put(
        url,
        json={
            "gender": "female",
            "active": True,
            "name": [{"family": "Chalmers"}],
            "id": url.rpartition("/")[2],
            "resourceType": "Patient",
        },
    )
    assert response.headers["ETag"] == 'W/"1"'


def test_another_order_in_a_list_is_a_change(client):
    url = f"/Patient/{uuid4()}"
    put(client, url, generalPractitioner=[{"display": "A"}, {"display": "B"}])
    response = put(client, url, generalPractitioner=[{"display": "B"}, {"display": "A"}])
    assert response.headers["ETag"] == 'W/"2"'


def test_one_more_zero_in_a_decimal_is_a_change(client):
    observation_id = client.post("/Observation", content=a_quantity("1.0")).json()["id"]
    body = a_quantity("1.00").replace("{", f'{{"id":"{observation_id}",', 1)
    response = client.put(f"/Observation/{observation_id}", content=body)
    assert response.headers["ETag"] == 'W/"2"'
    assert '"value":1.00' in response.text


@pytest.mark.parametrize("body_id", [None, "other", 7, ""])
def test_an_id_that_is_not_the_one_of_the_url_is_refused(client, url, body_id):
    body = a_patient() if body_id is None else a_patient(id=body_id)
    refused(client.put(url, json=body), 400)
    assert version_of(client, url) == "2"


def test_a_body_of_another_type_is_refused(client, url):
    refused(client.put(url, json=an_observation(id=url.rpartition("/")[2])), 400)


def test_an_invalid_resource_changes_nothing(client, url):
    refused(put(client, url, gender="robot"), 400, 422)
    assert version_of(client, url) == "2"


@pytest.mark.parametrize(
    ("prefer", "shown"), [("minimal", None), ("representation", "Patient"), ("OperationOutcome", "OperationOutcome")]
)
def test_prefer_return_is_obeyed(client, url, prefer, shown):
    response = put(client, url, {"Prefer": f"return={prefer}"}, family="Third")
    assert (response.json()["resourceType"] if response.content else None) == shown
    assert response.headers["ETag"] == 'W/"3"'


@pytest.mark.parametrize("bad", ["a_b", "x" * 65])
def test_a_resource_gets_no_id_that_r4_does_not_allow(client, bad):
    refused(client.put(f"/Patient/{bad}", json=a_patient(id=bad)), 400)


def test_ids_are_case_sensitive(client):
    name = uuid4().hex
    put(client, f"/Patient/a{name}", family="Lower")
    assert put(client, f"/Patient/A{name}", family="Upper").status_code == 201
    assert client.get(f"/Patient/a{name}").json()["name"][0]["family"] == "Lower"


def test_if_match_star_asks_for_a_resource_to_be_there(client, url):
    assert (
        client.put(url, json=a_patient("Changed", id=url.rpartition("/")[2]), headers={"If-Match": "*"}).status_code
        == 200
    )
    refused(client.put("/Patient/never-was", json=a_patient(id="never-was"), headers={"If-Match": "*"}), 412)
    refused(client.get("/Patient/never-was"), 404)


def test_if_none_match_star_only_creates(client, url):
    before = client.get(url).content
    star = {"If-None-Match": "*"}
    refused(client.put(url, json=a_patient("Other", id=url.rpartition("/")[2]), headers=star), 412)
    assert client.get(url).content == before
    assert client.put("/Patient/only-new", json=a_patient(id="only-new"), headers=star).status_code == 201
    refused(client.put("/Patient/only-new", json=a_patient("Other", id="only-new"), headers=star), 412)
