"""Paths that climb, headers that lie, line breaks that are echoed."""

import json

import pytest

from tests.acceptance.outcomes import checked_outcome, diagnostics, refused
from tests.acceptance.wire import ask
from tests.builders.bundles import a_batch, a_post, a_transaction, an_entry
from tests.builders.resources import a_patient

CLIMBING = [
    "/fhir/../../etc/passwd",
    "/fhir/Patient/../../../etc/passwd",
    "/fhir/Patient/..%2f..%2fetc%2fpasswd",
    "/fhir/Patient/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/fhir/Patient/%2e%2e/%2e%2e/etc/passwd",
    "/fhir/Patient/%252e%252e%252fetc",
    "/fhir/Patient/..%5c..%5cwindows",
    "/fhir/Patient/%00",
    "/fhir/Patient/a%00.json",
    "/fhir/Patient//etc/passwd",
    "/fhir/Patient/%2fetc%2fpasswd",
    "/fhir/%2fetc%2fpasswd",
    "/fhir/file:%2f%2f%2fetc%2fpasswd",
    "/fhir/Patient/1/_history/..%2f1",
    "/fhir/Patient/1/_history/%00",
    "/fhir/Patient/1%0d%0aSet-Cookie:%20a=b",
    "/fhir/Patient%0d%0aSet-Cookie:%20a=b",
    "/fhir/Patient/1/_history/1%0d%0aSet-Cookie:%20a=b",
    "/fhir/Patient/%c0%ae%c0%ae%c0%af",
    "/fhir/Patient/" + "../" * 2_000,
]


def get(galenic, path, *lines):
    return ask(galenic, "\r\n".join([f"GET {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode())


@pytest.mark.parametrize("path", CLIMBING, ids=[path[:40] for path in CLIMBING])
def test_a_path_that_climbs_is_a_plain_refusal(galenic, path):
    answer = get(galenic, path)
    assert answer.status in (400, 404, 405)
    assert "set-cookie" not in answer.headers
    assert b"root:" not in answer.body
    checked_outcome(answer.headers["content-type"], answer.body)


@pytest.mark.parametrize("text", ["%0d%0aX-Evil: 1", "%0aX-Evil: 1", "%E5%98%8A%E5%98%8DX-Evil: 1", "\\r\\nX-Evil: 1"])
def test_a_line_break_in_a_query_reaches_no_header(client, text):
    names = ("identifier", "_id", "_format", "_count", "_cursor")
    for query in (f"{text}=1", *(f"{name}={text}" for name in names)):
        response = client.get(f"/Patient?{query}")
        assert response.status_code in (200, 400, 406)
        assert "X-Evil" not in response.headers


def test_a_line_break_in_an_id_of_a_body_is_refused(client):
    for bad in ("a\r\nX-Evil: 1", "a\nb", "../../etc/passwd", "a/b", "a\\b"):
        refused(client.put("/Patient/a", json=a_patient(id=bad)), 400)
        refused(client.put("/Patient?identifier=none", json=a_patient(id=bad)), 400)
        refused(client.post("", json=a_transaction(an_entry("PUT", f"Patient/{bad}", a_patient(id=bad)))), 400, 404)


@pytest.mark.parametrize("value", ["a\rX-Evil: 1", "a\x00b", "a\x0bb", "a b", "\x7f"])
def test_a_request_id_that_could_break_a_line_is_not_echoed(galenic, value):
    answer = get(galenic, "/fhir/metadata", f"X-Request-Id: {value}")
    assert "x-evil" not in answer.headers
    assert answer.headers.get("x-request-id") != value
    assert answer.status in (200, 400)


FORGED = {
    "Host": "evil.example",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "666",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Server": "evil.example",
    "X-Original-URL": "/evil",
    "X-Rewrite-URL": "/evil",
    "Forwarded": "host=evil.example;proto=https",
    "X-Host": "evil.example",
    "Origin": "https://evil.example",
    "Referer": "https://evil.example/",
}


def unforged(galenic, response):
    """The links of a response are those of the configured base, whatever the headers of the request said."""
    text = response.text + " ".join(response.headers.values())
    assert "evil" not in text
    assert "https://127" not in text
    assert "666/" not in text
    return response


def test_forged_headers_change_no_link(client, galenic):
    created = unforged(galenic, client.post("/Patient", json=a_patient(), headers=FORGED))
    assert created.headers["Location"].startswith(f"{galenic.base_url}/Patient/")
    assert client.get(created.headers["Location"]).status_code == 200
    searchset = unforged(galenic, client.get("/Patient?active=true", headers=FORGED)).json()
    assert searchset["link"][0]["url"].startswith(galenic.base_url)
    client.post("/Patient", json=a_patient())
    history = unforged(galenic, client.get("/Patient/_history?_count=1", headers=FORGED)).json()
    assert {link["relation"] for link in history["link"]} == {"self", "next"}
    assert all(link["url"].startswith(galenic.base_url) for link in history["link"])
    assert history["entry"][0]["fullUrl"].startswith(galenic.base_url)
    batch = unforged(galenic, client.post("", json=a_batch(a_post(a_patient())), headers=FORGED)).json()
    assert batch["entry"][0]["response"]["location"].startswith(galenic.base_url)
    statement = unforged(galenic, client.get("/metadata", headers=FORGED)).json()
    assert statement["implementation"]["url"] == galenic.base_url
    unforged(galenic, client.get("/Patient/nobody", headers=FORGED))


def test_an_absolute_request_target_is_no_authority_either(galenic):
    answer = get(galenic, "http://evil.example/fhir/metadata")
    assert answer.status in (200, 400, 404)
    assert b"evil" not in answer.raw


@pytest.mark.parametrize(
    "url", ["../Patient/1", "/etc/passwd", "file:///etc/passwd", "http://evil.example/fhir/Patient/1", "Patient/..%2f1"]
)
def test_an_entry_leads_nowhere_else(client, url):
    [entry] = client.post("", json=a_batch(an_entry("GET", url))).json()["entry"]
    assert entry["response"]["status"] in ("400", "404")


def test_every_answer_says_that_its_type_is_not_to_be_guessed(client):
    for response in (client.get("/metadata"), client.get("/Patient/nobody"), client.post("", content=b"<script>")):
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in response.headers


def test_what_a_refusal_repeats_it_repeats_as_json(client):
    outcome = refused(client.get("/%3Cscript%3Ealert(1)%3C%2Fscript%3E%22%5C"), 404)
    assert "<script>" in diagnostics(outcome)


def test_a_host_that_is_missing_twice_or_garbage_is_survived(galenic):
    for lines in (["Host: a", "Host: b"], ["Host: \xff"], ["Host: "]):
        request = "\r\n".join(["GET /fhir/metadata HTTP/1.1", *lines, "", ""]).encode("latin-1")
        answer = ask(galenic, request)
        assert answer.status in (200, 400)
    assert json.loads(get(galenic, "/fhir/metadata").body)["resourceType"] == "CapabilityStatement"
