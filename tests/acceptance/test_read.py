"""read, vread and conditional read. https://hl7.org/fhir/R4/http.html#read, #vread, #cread."""

from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.resources import a_patient


@pytest.fixture(scope="module")
def patient(client):
    """A Patient with two versions, as its second create or update answered."""
    created = client.post("/Patient", json=a_patient()).json()
    return client.put(f"/Patient/{created['id']}", json=a_patient(family="Changed", id=created["id"]))


@pytest.fixture(scope="module")
def url(patient):
    return f"/Patient/{patient.json()['id']}"


def test_a_read_answers_the_bytes_and_headers_of_the_current_version(client, patient, url):
    read = client.get(url)
    assert read.status_code == 200
    assert read.content == patient.content
    assert read.headers["ETag"] == 'W/"2"'
    assert read.headers["Last-Modified"] == patient.headers["Last-Modified"]


def test_a_head_has_the_headers_of_a_get_and_no_body(client, url):
    got, head = client.get(url), client.head(url)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length"):
        assert head.headers[name] == got.headers[name]


def test_a_head_of_nothing_is_404_without_a_body(client):
    head = client.head("/Patient/nobody")
    assert (head.status_code, head.content) == (404, b"")


def test_what_never_was_is_404(client):
    outcome = refused(client.get("/Patient/nobody"), 404)
    assert outcome["issue"][0]["code"] == "not-found"


def test_an_id_of_another_type_is_404(client, patient):
    refused(client.get(f"/Practitioner/{patient.json()['id']}"), 404)


@pytest.mark.parametrize("bad", ["a_b", "x" * 65, "a b", "ä", "%24x", "a,b"])
def test_what_cannot_be_an_id_is_refused(client, bad):
    refused(client.get(f"/Patient/{bad}"), 400, 404)


def test_each_version_can_be_read_as_it_was(client, url):
    first, second = (client.get(f"{url}/_history/{number}") for number in (1, 2))
    assert first.json()["name"][0]["family"] == "Chalmers"
    assert second.json()["name"][0]["family"] == "Changed"
    assert [first.headers["ETag"], second.headers["ETag"]] == ['W/"1"', 'W/"2"']
    assert second.content == client.get(url).content


@pytest.mark.parametrize("version", ["3", "0", "-1", "01x", "999999999999999999999", "\N{ARABIC-INDIC DIGIT ONE}"])
def test_a_version_that_never_was_is_404(client, url, version):
    refused(client.get(f"{url}/_history/{version}"), 404)


@pytest.mark.parametrize(
    "tags",
    ['W/"2"', '"2"', 'W/"1", W/"2"', '"x" ,W/"2"', "*", 'W/"7","2"'],
)
def test_if_none_match_with_the_current_version_is_304(client, url, tags):
    response = client.get(url, headers={"If-None-Match": tags})
    assert response.status_code == 304
    assert response.content == b""
    assert response.headers["ETag"] == 'W/"2"'


@pytest.mark.parametrize("tags", ['W/"1"', '"1", "3"', 'W/"22"', '""'])
def test_if_none_match_with_other_versions_is_200(client, url, tags):
    assert client.get(url, headers={"If-None-Match": tags}).status_code == 200


def test_if_none_match_lines_count_as_one_list(client, url):
    lines = [("If-None-Match", 'W/"2"'), ("If-None-Match", 'W/"1"')]
    assert client.get(url, headers=lines).status_code == 304


@pytest.mark.parametrize(("seconds", "status"), [(0, 304), (3600, 304), (-1, 200), (-86400, 200)])
def test_if_modified_since_compares_whole_seconds(client, patient, url, seconds, status):
    moment = parsedate_to_datetime(patient.headers["Last-Modified"]) + timedelta(seconds=seconds)
    since = format_datetime(moment, usegmt=True)
    assert client.get(url, headers={"If-Modified-Since": since}).status_code == status


@pytest.mark.parametrize("since", ["yesterday", "", "2026-01-01", "Mon, 99 Foo 2026 00:00:00 GMT"])
def test_an_if_modified_since_that_is_no_date_is_ignored(client, url, since):
    assert client.get(url, headers={"If-Modified-Since": since}).status_code == 200


def test_if_none_match_goes_before_if_modified_since(client, url):
    headers = {"If-None-Match": 'W/"1"', "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}
    assert client.get(url, headers=headers).status_code == 200


def test_a_vread_is_conditional_too(client, url):
    assert client.get(f"{url}/_history/1", headers={"If-None-Match": 'W/"1"'}).status_code == 304
