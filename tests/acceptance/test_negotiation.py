"""Formats, encodings and what the base URL is called. https://hl7.org/fhir/R4/http.html#mime-type."""

import gzip
import json
import zlib

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.bundles import a_batch
from tests.builders.resources import a_patient, a_quantity

FHIR, PLAIN = "application/fhir+json;charset=utf-8", "application/json;charset=utf-8"

ACCEPT = {
    "": FHIR,
    "application/fhir+json": FHIR,
    "application/json": PLAIN,
    "text/json": FHIR,
    "application/json+fhir": FHIR,
    "*/*": FHIR,
    "application/*": FHIR,
    "APPLICATION/FHIR+JSON": FHIR,
    "application/fhir+json; charset=utf-8": FHIR,
    "application/fhir+json;fhirVersion=4.0": FHIR,
    'application/fhir+json; fhirVersion="4.0"; charset=UTF-8': FHIR,
    "application/json;q=0.1": PLAIN,
    "application/fhir+json;q=0.5, application/json;q=0.9": PLAIN,
    "application/json;q=0.5, application/fhir+json;q=0.9": FHIR,
    "application/fhir+xml, application/fhir+json;q=0.8": FHIR,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": FHIR,
    "application/fhir+ndjson, application/json": PLAIN,
    "application/fhir+xml": None,
    "application/xml": None,
    "text/html": None,
    "text/turtle": None,
    "application/fhir+json;fhirVersion=3.0": None,
    "application/fhir+json;fhirVersion=5.0, application/json;fhirVersion=1.0": None,
    "application/fhir+json;q=0": None,
    "application/json;q=0, text/html": None,
    "application/json;q=nonsense": None,
    "garbage": None,
    ";;;,,,": None,
}
FORMAT = {
    "json": FHIR,
    "application/json": FHIR,
    "application/fhir+json": FHIR,
    "application/fhir%2Bjson": FHIR,
    "text/json": FHIR,
    "application/fhir%2Bjson;fhirVersion=4.0": FHIR,
    "xml": None,
    "application/fhir%2Bxml": None,
    "html": None,
    "ttl": None,
    "application/fhir%2Bjson;fhirVersion=3.0": None,
    "garbage": None,
    "": None,
}
CONTENT_TYPE = {
    "application/fhir+json": 201,
    "application/json": 201,
    "text/json": 201,
    "application/json+fhir": 201,
    "application/fhir+json; charset=utf-8": 201,
    'application/fhir+json;charset="UTF-8"': 201,
    "Application/FHIR+JSON;fhirVersion=4.0": 201,
    "application/fhir+json; fhirVersion=4.0; charset=utf-8": 201,
    "application/fhir+json; charset=iso-8859-1": 415,
    "application/json; charset=utf-16": 415,
    "application/fhir+json;fhirVersion=3.0": 415,
    "application/fhir+xml": 415,
    "application/xml": 415,
    "text/plain": 415,
    "text/html": 415,
    "application/x-www-form-urlencoded": 415,
    "multipart/form-data; boundary=x": 415,
    "application/json-patch+json": 415,
    "application/octet-stream": 415,
    "garbage": 415,
    "": 415,
}


@pytest.fixture(scope="module")
def url(client):
    return f"/Patient/{client.post('/Patient', json=a_patient()).json()['id']}"


@pytest.mark.parametrize(("accept", "expected"), ACCEPT.items())
def test_accept_is_obeyed_or_406(client, url, accept, expected):
    response = client.get(url, headers={"Accept": accept})
    if expected is None:
        refused(response, 406)
    else:
        assert (response.status_code, response.headers["Content-Type"]) == (200, expected)


@pytest.mark.parametrize(("wanted", "expected"), FORMAT.items())
def test_format_goes_before_accept(client, url, wanted, expected):
    for accept in ("text/html", "application/fhir+json"):
        response = client.get(f"{url}?_format={wanted}", headers={"Accept": accept})
        if expected is None:
            refused(response, 406)
        else:
            assert (response.status_code, response.headers["Content-Type"]) == (200, expected)


@pytest.mark.parametrize(("content_type", "expected"), CONTENT_TYPE.items())
def test_a_body_is_json_or_415(client, content_type, expected):
    content = json.dumps(a_patient())
    response = client.post("/Patient", content=content, headers={"Content-Type": content_type})
    if expected == 201:
        assert response.status_code == 201
    else:
        refused(response, 415)


def test_nothing_is_written_where_the_answer_could_not_be_read(client):
    before = len(client.get("/Patient/_history").json()["entry"])
    refused(client.post("/Patient", json=a_patient(), headers={"Accept": "text/html"}), 406)
    assert len(client.get("/Patient/_history").json()["entry"]) == before


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_base_has_a_slash_or_none(client, galenic, slash):
    response = client.post(f"{galenic.base_url}{slash}", json=a_batch())
    assert response.json()["type"] == "batch-response"
    refused(client.put(f"{galenic.base_url}{slash}", json=a_batch()), 405)


@pytest.mark.parametrize("path", ["/metadata", "/Patient", "/_history"])
def test_a_slash_at_the_end_changes_nothing(client, path):
    assert client.get(f"{path}/").status_code == client.get(path).status_code == 200


def test_pretty_indents_and_keeps_every_number(client):
    location = client.post("/Observation", content=a_quantity("1.00")).headers["Location"]
    plain, pretty = client.get(location), client.get(location, params={"_pretty": "true"})
    assert "\n" not in plain.text
    assert '\n    "value": 1.00\n' in pretty.text
    assert pretty.json() == plain.json()
    assert client.get(location, params={"_pretty": "false"}).content == plain.content


def test_an_outcome_is_pretty_too(client):
    assert "\n" in client.get("/Patient/nobody", params={"_pretty": "true"}).text


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip;q=0.5", "gzip"),
        ("*", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("gzip;q=0.0, *", None),
        ("br", None),
    ],
)
def test_a_large_answer_is_gzip_where_the_client_takes_it(client, accepted, coding):
    plain = client.get("/metadata", headers={"Accept-Encoding": "identity"})
    response = client.get("/metadata", headers={"Accept-Encoding": accepted})
    assert response.headers.get("Content-Encoding") == coding
    assert response.content == plain.content
    assert "Accept-Encoding" in response.headers["Vary"]


def test_a_gzip_body_is_read(client):
    content = gzip.compress(json.dumps(a_patient("Compressed")).encode())
    response = client.post("/Patient", content=content, headers={"Content-Encoding": "gzip"})
    assert response.json()["name"][0]["family"] == "Compressed"


BAD_GZIP = {
    "no gzip": b'{"resourceType":"Patient"}',
    "cut short": gzip.compress(json.dumps(a_patient()).encode())[:-9],
    "a damaged checksum": gzip.compress(json.dumps(a_patient()).encode())[:-8] + b"12345678",
    "something behind it": gzip.compress(json.dumps(a_patient()).encode()) + b"more",
    "a second member": gzip.compress(json.dumps(a_patient()).encode()) * 2,
    "nothing": b"",
    "deflate": zlib.compress(b"{}"),
}


@pytest.mark.parametrize("content", BAD_GZIP.values(), ids=BAD_GZIP)
def test_a_gzip_body_that_is_none_is_400(client, content):
    refused(client.post("/Patient", content=content, headers={"Content-Encoding": "gzip"}), 400)


@pytest.mark.parametrize("coding", ["deflate", "br", "zstd", "gzip, gzip", "compress", "x"])
def test_another_content_encoding_is_415(client, coding):
    refused(client.post("/Patient", content=b"{}", headers={"Content-Encoding": coding}), 415)
