"""Hostile JSON on every write endpoint: a clear 4xx, soon, and never a 5xx."""

import json
import time
from statistics import median

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.patches import JSON_PATCH, MERGE_PATCH
from tests.builders.resources import a_patient
from tests.running.waiting import allowed

SECONDS_MAX = 5.0
"""Generous for a busy machine; the median is printed (seconds)."""

PATIENT = '{"resourceType":"Patient"'
DEEP = 100_000


def in_a_patient(member):
    return f"{PATIENT},{member}}}".encode()


def keys(count):
    return ",".join(f'"k{n}":1' for n in range(count))


# What no endpoint may take, whatever it expects.
NO_JSON = {
    "an empty body": b"",
    "blanks": b" \r\n\t ",
    "NaN": in_a_patient('"multipleBirthInteger":NaN'),
    "Infinity": in_a_patient('"multipleBirthInteger":-Infinity'),
    "5,000 digits": in_a_patient(f'"multipleBirthInteger":{"9" * 5_000}'),
    "an exponent of 5,000 digits": in_a_patient(f'"multipleBirthInteger":1e{"9" * 5_000}'),
    "depth 100,000 of lists": in_a_patient(f'"name":{"[" * DEEP}{"]" * DEEP}'),
    "depth 100,000 of objects": ('{"a":' * DEEP + "1" + "}" * DEEP).encode(),
    "depth 100,000 never closed": b"[" * DEEP,
    "a key twice": in_a_patient('"active":true,"active":false'),
    "a type twice": in_a_patient('"resourceType":"Patient"'),
    "a key twice, deep down": in_a_patient('"contact":[{"name":{"family":"A","family":"B"}}]'),
    "a key twice, spelled with an escape": in_a_patient('"active":true,"\\u0061ctive":false'),
    "an escaped NUL": in_a_patient('"language":"a\\u0000b"'),
    "an escaped NUL in a key": in_a_patient('"a\\u0000b":1'),
    "a NUL": b'{"resourceType":"Pat\x00ient"}',
    "a lone high surrogate": in_a_patient('"language":"\\ud800"'),
    "a lone low surrogate": in_a_patient('"language":"\\udc00x"'),
    "surrogates the wrong way round": in_a_patient('"language":"\\udc00\\ud800"'),
    "a byte order mark": b"\xef\xbb\xbf" + in_a_patient('"active":true'),
    "a byte order mark and a negative zero": b"\xef\xbb\xbf"
    + in_a_patient('"extension":[{"url":"http://example.org/x","valueDecimal":-0}]'),
    "UTF-16": json.dumps(a_patient()).encode("utf-16"),
    "UTF-32": json.dumps(a_patient()).encode("utf-32"),
    "something behind it": in_a_patient('"active":true') + b"{}",
    "a bracket behind it": in_a_patient('"active":true') + b"}",
    "bytes that are no UTF-8": b'{"resourceType":"Patient","language":"\xff\xfe"}',
    "overlong UTF-8": b'{"resourceType":"Patient","language":"\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"resourceType":"Patient","language":"\xed\xa0\x80"}',
    "a line feed in a text": in_a_patient('"language":"a\nb"'),
    "a trailing comma": in_a_patient('"active":true,'),
    "a comment": in_a_patient('"active":true/*yes*/'),
    "single quotes": b"{'resourceType':'Patient'}",
    "cut short": PATIENT.encode(),
    "XML": b"<Patient xmlns='http://hl7.org/fhir'/>",
}
# JSON that is no resource and no patch.
NO_RESOURCE = {
    "an empty list": b"[]",
    "a bare text": b'"Patient"',
    "a number": b"7",
    "null": b"null",
    "true": b"true",
    "an empty object": b"{}",
    "1,000,000 keys": in_a_patient(keys(1_000_000)),
    "1,000,000 texts": in_a_patient('"name":[' + ",".join(['"x"'] * 1_000_000) + "]"),
    "a text of 10 MB": in_a_patient(f'"active":"{"x" * 10_000_000}"'),
    "a power of 400": in_a_patient('"multipleBirthInteger":1e400'),
    "an unknown element": in_a_patient('"shoeSize":44'),
    "a null": in_a_patient('"active":null'),
    "an empty list in it": in_a_patient('"name":[]'),
    "a list of nulls": in_a_patient('"name":[null]'),
    "an empty object in it": in_a_patient('"name":[{}]'),
    "an empty text": in_a_patient('"language":""'),
    "an object where a list belongs": in_a_patient('"name":{"family":"A"}'),
    "a list where a text belongs": in_a_patient('"gender":["male"]'),
    "a text where a boolean belongs": in_a_patient('"active":"true"'),
    "a number where a text belongs": in_a_patient('"gender":1'),
    "a type that is a number": b'{"resourceType":7}',
    "a type that is a list": b'{"resourceType":["Patient"]}',
    "a meta that is a text": in_a_patient('"meta":"x"'),
    "a meta that is a list": in_a_patient('"meta":[]'),
    "an id that is an object": in_a_patient('"id":{}'),
    "a contained text": in_a_patient('"contained":["x"]'),
    "a prototype": in_a_patient('"__proto__":{"active":true}'),
}
WRITES = {
    "create": ("POST", "/Patient", {}),
    "conditional create": ("POST", "/Patient", {"If-None-Exist": "identifier=hostile"}),
    "update": ("PUT", "/Patient/hostile", {}),
    "conditional update": ("PUT", "/Patient?identifier=hostile", {}),
    "json patch": ("PATCH", "/Patient/hostile", {"Content-Type": JSON_PATCH}),
    "merge patch": ("PATCH", "/Patient/hostile", {"Content-Type": MERGE_PATCH}),
    "fhirpath patch": ("PATCH", "/Patient/hostile", {"Content-Type": "application/fhir+json"}),
    "bundle": ("POST", "", {}),
}
STATUSES = (400, 403, 413, 422)
HARMLESS = {
    "merge patch": {"an empty object", "a null"},
    "json patch": {"an empty list"},
}
"""As a patch these change nothing, or remove what may be removed."""


@pytest.fixture(scope="module", autouse=True)
def _target(client):
    client.put("/Patient/hostile", json=a_patient(id="hostile"))


def timed(client, method, path, headers, body):
    begun = time.perf_counter()
    response = client.request(method, path, content=body, headers=headers)
    return response, time.perf_counter() - begun


def hold(client, write, bodies):
    """Every body is refused within its time."""
    taken = {}
    for name, body in bodies.items():
        response, taken[name] = timed(client, *WRITES[write], body)
        try:
            refused(response, *STATUSES)
        except AssertionError as error:
            raise AssertionError(f"{write}: {name}: {error}") from error
        assert taken[name] < allowed(SECONDS_MAX), (write, name, taken[name])
    slowest = max(taken, key=taken.__getitem__)
    print(f"{write}: median {median(taken.values()):.4f} s, slowest '{slowest}' {taken[slowest]:.2f} s")


@pytest.mark.parametrize("write", WRITES)
def test_what_is_no_json_is_refused(client, write):
    hold(client, write, NO_JSON)


@pytest.mark.parametrize("write", WRITES)
def test_json_that_is_no_resource_and_no_patch_is_refused(client, write):
    harmless = HARMLESS.get(write, set())
    hold(client, write, {name: body for name, body in NO_RESOURCE.items() if name not in harmless})


@pytest.mark.parametrize("write", WRITES)
def test_an_object_of_too_many_members_is_too_costly(client, write):
    method, path, headers = WRITES[write]
    body = in_a_patient(keys(1_001))
    outcome = refused(client.request(method, path, content=body, headers=headers), 403)
    assert outcome["issue"][0]["code"] == "too-costly"


@pytest.mark.parametrize("kind", ["transaction", "batch"])
def test_in_a_bundle_it_is_refused_and_a_batch_answers_it_entry_by_entry(client, kind):
    request = '"request":{"method":"POST","url":"Patient"}'
    for name, body in {**NO_JSON, **NO_RESOURCE}.items():
        entry = f'{{"resource":{body.decode("latin-1")},{request}}}'.encode("latin-1")
        bundle = b'{"resourceType":"Bundle","type":"%s","entry":[%s]}' % (kind.encode(), entry)
        response, taken = timed(client, "POST", "", {}, bundle)
        assert taken < allowed(SECONDS_MAX), (name, taken)
        if kind == "batch" and response.status_code == 200:
            [answer] = response.json()["entry"]
            assert answer["response"]["status"] in ("400", "403", "422"), name
        else:
            refused(response, *STATUSES)


def test_after_all_of_it_nothing_was_stored(client):
    assert client.get("/Patient/hostile").headers["ETag"] == 'W/"1"'
    assert len(client.get("/Patient/_history").json()["entry"]) == 1
