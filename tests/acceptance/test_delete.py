"""delete, and the life after it. https://hl7.org/fhir/R4/http.html#delete."""

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.bundles import a_post, a_transaction, an_entry
from tests.builders.resources import a_medication_request, a_patient, an_identifier, token
from tests.running.galenic import running


@pytest.fixture
def identifier():
    return an_identifier()


@pytest.fixture
def url(client, identifier):
    """Where a Patient with one version lives."""
    return f"/Patient/{client.post('/Patient', json=a_patient(identifier=[identifier])).json()['id']}"


def test_a_delete_is_204_without_a_body(client, url):
    response = client.delete(url)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["ETag"] == 'W/"2"'


def test_what_was_deleted_is_410(client, url):
    client.delete(url)
    outcome = refused(client.get(url), 410)
    assert outcome["issue"][0]["code"] == "deleted"


def test_the_versions_before_the_deletion_stay_and_the_deletion_is_410(client, url):
    client.delete(url)
    assert client.get(f"{url}/_history/1").json()["name"][0]["family"] == "Chalmers"
    refused(client.get(f"{url}/_history/2"), 410)


def test_the_history_shows_the_deletion(client, url, galenic):
    client.delete(url)
    newest, oldest = client.get(f"{url}/_history").json()["entry"]
    assert newest["request"] == {"method": "DELETE", "url": url.strip("/")}
    assert newest["response"]["status"].startswith("204")
    assert newest["fullUrl"] == galenic.base_url + url
    assert "resource" not in newest
    assert oldest["request"]["method"] == "POST"


def test_what_was_deleted_is_not_found_by_search(client, url, identifier):
    client.delete(url)
    assert "entry" not in client.get("/Patient", params={"identifier": token(identifier)}).json()
    assert "entry" not in client.get("/Patient", params={"_id": url.rpartition("/")[2]}).json()


def test_a_put_revives_with_the_next_version(client, url, identifier):
    client.delete(url)
    body = a_patient(id=url.rpartition("/")[2], identifier=[identifier])
    response = client.put(url, json=body)
    assert response.status_code == 201
    assert response.headers["ETag"] == 'W/"3"'
    assert client.get(url).status_code == 200
    refused(client.get(f"{url}/_history/2"), 410)
    assert len(client.get("/Patient", params={"identifier": token(identifier)}).json()["entry"]) == 1


def test_deleting_again_and_deleting_nothing_is_204_and_makes_no_version(client, url):
    client.delete(url)
    assert client.delete(url).status_code == 204
    assert len(client.get(f"{url}/_history").json()["entry"]) == 2
    assert client.delete("/Patient/nobody").status_code == 204
    refused(client.get("/Patient/nobody/_history"), 404)


@pytest.mark.parametrize("tags", ['W/"2"', '"9"', 'W/"3", W/"4"', 'W/"x"'])
def test_a_stale_if_match_is_412_and_deletes_nothing(client, url, tags):
    refused(client.delete(url, headers={"If-Match": tags}), 412)
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("tags", ["1", "W/1", '"1'])
def test_a_malformed_if_match_is_400_and_deletes_nothing(client, url, tags):
    refused(client.delete(url, headers={"If-Match": tags}), 400)
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("tags", ['W/"1"', '"1"', '"4", "1"'])
def test_an_if_match_with_the_current_version_deletes(client, url, tags):
    assert client.delete(url, headers={"If-Match": tags}).status_code == 204
    refused(client.get(url), 410)


def test_a_conditional_read_of_what_was_deleted_is_410(client, url):
    client.delete(url)
    refused(client.get(url, headers={"If-None-Match": 'W/"2"'}), 410)


@pytest.fixture(scope="module")
def strict_client(galenic):
    """Of a server on the same database that keeps every reference whole."""
    url = galenic.environment["GALENIC_DATABASE_URL"]
    with running(url, worker=False, referential_integrity="enforce") as strict, strict.client() as connection:
        yield connection


def test_where_references_are_enforced_what_is_referred_to_cannot_be_deleted(client, strict_client, url):
    client.post("/MedicationRequest", json=a_medication_request(url.strip("/")))
    refused(strict_client.delete(url), 409)
    refused(strict_client.post("", json=a_transaction(an_entry("DELETE", url.strip("/")))), 409)
    assert client.get(url).status_code == 200


def test_where_references_are_enforced_all_that_refers_may_go_in_one_transaction(client, strict_client, url):
    request_id = client.post("/MedicationRequest", json=a_medication_request(url.strip("/"))).json()["id"]
    both = a_transaction(an_entry("DELETE", url.strip("/")), an_entry("DELETE", f"MedicationRequest/{request_id}"))
    assert strict_client.post("", json=both).status_code == 200
    refused(client.get(url), 410)


def test_a_transaction_that_deletes_a_resource_cannot_refer_to_it(client, url):
    delete, refer = an_entry("DELETE", url.strip("/")), a_post(a_medication_request(url.strip("/")))
    refused(client.post("", json=a_transaction(delete, refer)), 400, 409, 422)
    assert client.get(url).status_code == 200
