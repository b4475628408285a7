"""history of an instance, a type and the system. https://hl7.org/fhir/R4/http.html#history."""

import secrets
import time
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.resources import a_patient, an_organization
from tests.running.galenic import running

VERSIONS = 5


@pytest.fixture(scope="module")
def url(client):
    """A Patient of five versions at least 2 ms apart."""
    patient_id = client.post("/Patient", json=a_patient("Number 1")).json()["id"]
    for number in range(2, VERSIONS + 1):
        time.sleep(0.002)
        client.put(f"/Patient/{patient_id}", json=a_patient(f"Number {number}", id=patient_id))
    client.post("/Organization", json=an_organization())
    return f"/Patient/{patient_id}"


@pytest.fixture(scope="module")
def instants(client, url):
    """When each version was written, oldest first."""
    texts = [entry["response"]["lastModified"] for entry in reversed(entries(client, f"{url}/_history"))]
    return [datetime.fromisoformat(text) for text in texts]


def entries(client, url, **parameters):
    response = client.get(url, params=parameters)
    assert response.status_code == 200, response.text
    return response.json().get("entry", [])


def versions(client, url, **parameters):
    return [int(entry["resource"]["meta"]["versionId"]) for entry in entries(client, url, **parameters)]


def link(bundle, relation):
    return next((one["url"] for one in bundle["link"] if one["relation"] == relation), None)


def walk(client, url, **parameters):
    """Every page, from the first to the one without a next link."""
    bundle = client.get(url, params=parameters).json()
    yield bundle
    while following := link(bundle, "next"):
        bundle = client.get(following).json()
        yield bundle


def test_a_history_holds_every_version_newest_first(client, galenic, url):
    bundle = client.get(f"{url}/_history").json()
    assert bundle["type"] == "history"
    assert link(bundle, "self") == f"{galenic.base_url}{url}/_history"
    assert versions(client, f"{url}/_history") == [5, 4, 3, 2, 1]
    for entry in bundle["entry"]:
        version = entry["resource"]["meta"]["versionId"]
        assert entry["fullUrl"] == galenic.base_url + url
        assert entry["response"]["etag"] == f'W/"{version}"'
        assert entry["response"]["lastModified"] == entry["resource"]["meta"]["lastUpdated"]


def test_each_entry_tells_the_request_that_made_it(client, url):
    *updates, create = entries(client, f"{url}/_history")
    assert create["request"] == {"method": "POST", "url": "Patient"}
    assert create["response"]["status"].startswith("201")
    assert {entry["request"]["method"] for entry in updates} == {"PUT"}
    assert {entry["response"]["status"][:3] for entry in updates} == {"200"}


def test_an_update_as_create_was_a_201(client):
    client.put("/Patient/by-put", json=a_patient(id="by-put"))
    [entry] = entries(client, "/Patient/by-put/_history")
    assert entry["request"] == {"method": "PUT", "url": "Patient/by-put"}
    assert entry["response"]["status"].startswith("201")


def test_the_history_of_a_type_holds_that_type_and_the_one_of_the_system_all(client, url):
    of_type, of_system = entries(client, "/Patient/_history"), entries(client, "/_history")
    assert {entry["resource"]["resourceType"] for entry in of_type} == {"Patient"}
    assert {entry["resource"]["resourceType"] for entry in of_system} == {"Patient", "Organization"}
    times = [entry["response"]["lastModified"] for entry in of_system]
    assert times == sorted(times, reverse=True)


def test_a_history_of_what_never_was_is_404(client):
    refused(client.get("/Patient/nobody/_history"), 404)


def test_a_type_without_resources_has_an_empty_history(client):
    assert "entry" not in client.get("/Flag/_history").json()


@pytest.mark.parametrize("count", [1, 2, 3, 5, 100])
def test_pages_together_are_the_whole_history(client, url, count):
    pages = list(walk(client, f"{url}/_history", _count=count))
    assert len(pages) == -(-VERSIONS // count)
    shown = [int(entry["resource"]["meta"]["versionId"]) for page in pages for entry in page["entry"]]
    assert shown == [5, 4, 3, 2, 1]


def test_what_is_written_between_two_pages_moves_nothing(client):
    url = f"/Patient/{client.post('/Patient', json=a_patient()).json()['id']}"
    patient_id = url.rpartition("/")[2]
    for number in range(3):
        client.put(url, json=a_patient(f"Before {number}", id=patient_id))
    pages = walk(client, f"{url}/_history", _count=2)
    first = next(pages)
    for number in range(3):
        client.put(url, json=a_patient(f"Between {number}", id=patient_id))
    rest = [entry for page in pages for entry in page["entry"]]
    assert [entry["resource"]["meta"]["versionId"] for entry in [*first["entry"], *rest]] == ["4", "3", "2", "1"]


def test_count_0_holds_no_entries(client, url):
    assert entries(client, f"{url}/_history", _count=0) == []


@pytest.mark.parametrize("count", ["-1", "many", "", "1.5", "1e3", "9" * 40])
def test_a_count_that_is_none_is_refused(client, url, count):
    refused(client.get(f"{url}/_history", params={"_count": count}), 400)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
def test_since_is_inclusive_in_every_zone(client, url, instants, zone):
    for number, moment in enumerate(instants, start=1):
        since = moment.astimezone(zone).isoformat(timespec="milliseconds")
        assert versions(client, f"{url}/_history", _since=since) == list(range(VERSIONS, number - 1, -1))


def test_since_after_the_last_version_finds_nothing(client, url, instants):
    since = (instants[-1] + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")
    assert versions(client, f"{url}/_history", _since=since) == []


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_at_an_instant_finds_the_version_that_was_current_then(client, url, instants, zone):
    for number, moment in enumerate(instants, start=1):
        at = moment.astimezone(zone).isoformat(timespec="milliseconds")
        assert versions(client, f"{url}/_history", _at=at) == [number]


def test_at_before_the_first_version_finds_nothing(client, url, instants):
    at = (instants[0] - timedelta(milliseconds=1)).isoformat(timespec="milliseconds")
    assert versions(client, f"{url}/_history", _at=at) == []


@pytest.mark.parametrize("precision", ["%Y", "%Y-%m", "%Y-%m-%d"])
def test_at_a_date_finds_all_that_were_current_in_its_span(client, url, instants, precision):
    assert versions(client, f"{url}/_history", _at=instants[0].strftime(precision)) == [5, 4, 3, 2, 1]
    assert versions(client, f"{url}/_history", _since=instants[0].strftime(precision)) == [5, 4, 3, 2, 1]


def test_a_date_long_gone_or_far_away(client, url):
    assert versions(client, f"{url}/_history", _at="1999-12-31") == []
    assert versions(client, f"{url}/_history", _at="2999-01-01") == [5]
    assert versions(client, f"{url}/_history", _since="2999-01-01") == []


@pytest.mark.parametrize("name", ["_since", "_at"])
@pytest.mark.parametrize("bad", ["", "yesterday", "2026-13-01", "2026-02-30", "0000", "2026-01-01T25:00:00Z", "\x00"])
def test_a_time_that_is_none_is_refused(client, url, name, bad):
    refused(client.get(f"{url}/_history", params={name: bad}), 400)


def test_a_plus_that_was_not_escaped_is_a_plus(client, url, instants):
    at = instants[2].astimezone(timezone(timedelta(hours=2))).isoformat(timespec="milliseconds")
    response = client.get(f"{url}/_history?_at={at}")
    assert [entry["resource"]["meta"]["versionId"] for entry in response.json()["entry"]] == ["3"]


def cursor_of(client, url, **parameters):
    bundle = client.get(url, params={"_count": 1, **parameters}).json()
    return dict(parse_qsl(urlsplit(link(bundle, "next")).query))["_cursor"]


def test_a_tampered_cursor_is_refused(client, url):
    cursor = cursor_of(client, f"{url}/_history")
    middle = len(cursor) // 2
    other = "A" if cursor[middle] != "A" else "B"
    for bad in (cursor[:-4], cursor[:middle] + other + cursor[middle + 1 :], "x", "", "é", "A" * 200, cursor + "AAAA"):
        refused(client.get(f"{url}/_history", params={"_cursor": bad}), 400)


def test_a_cursor_is_good_for_its_own_request_only(client, url):
    cursor = cursor_of(client, f"{url}/_history")
    for other in ("/Patient/_history", "/_history", "/Patient/by-put/_history", "/Organization/_history"):
        refused(client.get(other, params={"_cursor": cursor}), 400)
    refused(client.get(f"{url}/_history", params={"_cursor": cursor, "_since": "2020"}), 400)
    refused(client.get("/Patient", params={"_cursor": cursor}), 400)


def test_a_cursor_of_another_server_is_refused(client, galenic, url):
    cursor = cursor_of(client, f"{url}/_history")
    url_of_database, key = galenic.environment["GALENIC_DATABASE_URL"], secrets.token_hex(32)
    with running(url_of_database, worker=False, cursor_key=key) as other, other.client() as its_client:
        refused(its_client.get(f"{url}/_history", params={"_cursor": cursor}), 400)


def test_a_cursor_past_its_time_is_gone(galenic, url):
    app_url = galenic.environment["GALENIC_DATABASE_URL"]
    with running(app_url, worker=False, page_seconds_max="1") as hasty, hasty.client() as its_client:
        cursor = cursor_of(its_client, f"{url}/_history")
        time.sleep(2.1)
        refused(its_client.get(f"{url}/_history", params={"_cursor": cursor}), 410)
