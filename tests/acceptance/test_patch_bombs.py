"""Values and patches made to take long: bounded, refused, and the server goes on."""

import json
import time

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.patches import JSON_PATCH, MERGE_PATCH, a_fhirpath_patch, a_replacement
from tests.builders.resources import a_patient, an_observation
from tests.running.waiting import allowed

SECONDS_MAX = 5.0
"""Generous for a busy machine; what it took is printed (seconds)."""

LONG = 200_000


@pytest.fixture(scope="module", autouse=True)
def _target(client):
    client.put("/Patient/bomb", json=a_patient(id="bomb", active=True))


def within(client, method, path, body, media_type="application/fhir+json"):
    begun = time.perf_counter()
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    response = client.request(method, path, content=content, headers={"Content-Type": media_type})
    taken = time.perf_counter() - begun
    print(f"{method} {path}: {response.status_code} after {taken:.3f} s")
    assert taken < allowed(SECONDS_MAX)
    return response


def xhtml(inside):
    return {"text": {"status": "generated", "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{inside}</div>'}}


CRAFTED = {
    "an id": {"id": "a" * LONG},
    "an id that almost fits": {"contained": [{"resourceType": "Organization", "id": "a-." * LONG + "!"}]},
    "a date": {"birthDate": "1974" + "-12" * LONG},
    "a date of digits": {"birthDate": "1" * LONG},
    "a dateTime": {"deceasedDateTime": "2026-01-01T00:00:00." + "0" * LONG + "x"},
    "an instant": {"meta": {"lastUpdated": "2026-01-01T00:00:00." + "9" * LONG}},
    "a code of blanks": {"language": "a" + " a" * LONG + " "},
    "a code that ends in a blank": {"language": "a " * LONG},
    "a uri": {"implicitRules": "a" * LONG + " "},
    "base64": {"photo": [{"data": "AAAA" * LONG + "="}]},
    "base64 of blanks": {"photo": [{"data": " " * LONG + "A"}]},
    "an oid": {"extension": [{"url": "u", "valueOid": "urn:oid:1" + ".1" * LONG + "."}]},
    "a uuid": {"extension": [{"url": "u", "valueUuid": "urn:uuid:" + "a" * LONG}]},
    "a time": {"extension": [{"url": "u", "valueTime": "10:00:00." + "1" * LONG + "x"}]},
    "xhtml never closed": xhtml("<p>" * LONG),
    "xhtml of brackets": xhtml("<" * LONG),
    "xhtml of attributes": xhtml(f"<p {'a=' * LONG}/>"),
    "xhtml of attributes with quotes": xhtml("<p " + " ".join(f'a{n}="1"' for n in range(LONG)) + " onclick='x'/>"),
    "xhtml of entities": xhtml("&" * LONG),
    "xhtml of entities to expand": {
        "text": {"status": "generated", "div": '<!DOCTYPE d [<!ENTITY a "aaa">]><div>' + "&a;" * LONG + "</div>"}
    },
    "xhtml of comments": xhtml("<!--" * LONG),
    "xhtml deep down": xhtml("<b>" * LONG + "</b>" * LONG),
}


@pytest.mark.parametrize("elements", CRAFTED.values(), ids=CRAFTED)
def test_a_crafted_value_is_refused_soon(client, elements):
    refused(within(client, "POST", "/Patient", a_patient(**elements)), 400, 403, 422)


HARMLESS = {
    "an email": {"telecom": [{"system": "email", "value": "a@" + "a." * LONG}]},
    "a name": {"name": [{"family": "a" * LONG}]},
    "a reference": {"managingOrganization": {"reference": "http://" + "a/" * LONG + "Organization/1"}},
    "a uri to index": {"meta": {"profile": ["http://example.org/" + "a" * LONG]}},
    "links in a narrative": xhtml('<a href="urn:x">x</a>' * (LONG // 10)),
}


@pytest.mark.parametrize("elements", HARMLESS.values(), ids=HARMLESS)
def test_a_long_value_is_stored_or_refused_soon(client, elements):
    response = within(client, "POST", "/Patient", a_patient(**elements))
    assert response.status_code in (201, 400, 403, 422)


def test_a_long_value_in_a_query_is_answered_soon(client):
    for value in ("\\" * 10_000, "|" * 10_000, "a\\," * 3_000, "," * 10_000):
        begun = time.perf_counter()
        assert client.get("/Patient", params={"identifier": value}).status_code in (200, 400, 403, 414)
        assert time.perf_counter() - begun < allowed(SECONDS_MAX)


MANY = 100_000
TEST_LOOP = [{"op": "test", "path": "/active", "value": True}] * MANY
DOUBLING = [
    a_replacement("/name", [{"family": "x" * 100}] * 10),
    *[{"op": "copy", "from": "/name", "path": "/name/-"}] * 40,
]
JSON_BOMBS = {
    "100,000 tests": TEST_LOOP,
    "100,000 additions": [{"op": "add", "path": "/name/-", "value": {"family": "x"}}] * MANY,
    "copies that double": DOUBLING,
    "a path of 100,000 steps": [{"op": "test", "path": "/a" * MANY, "value": 1}],
    "a path of tildes": [{"op": "remove", "path": "/" + "~0" * MANY}],
    "an index of 100,000 digits": [{"op": "remove", "path": "/name/" + "9" * MANY}],
    "values nested deep": [{"op": "add", "path": "/active", "value": json.loads("[" * 90 + "]" * 90)}],
}
PATH_BOMBS = {
    "100,000 operations": a_fhirpath_patch(*[{"type": "delete", "path": "Patient.active"}] * MANY),
    "100,000 brackets": a_fhirpath_patch({"type": "delete", "path": "(" * MANY + "Patient" + ")" * MANY}),
    "100,000 steps": a_fhirpath_patch({"type": "delete", "path": "Patient" + ".name" * MANY}),
    "100,000 filters": a_fhirpath_patch({"type": "delete", "path": "Patient.name" + ".where(true)" * MANY}),
    "a long text": a_fhirpath_patch({"type": "delete", "path": "Patient.name.where(family = '" + "\\'" * MANY + "')"}),
    "a long number": a_fhirpath_patch({"type": "delete", "path": f"Patient.name[{'9' * MANY}]"}),
    "100,000 ors": a_fhirpath_patch({"type": "delete", "path": "Patient.name.where(" + "true or " * MANY + "true)"}),
    "100,000 parts": {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": [{"name": "value", "part": []}] * MANY}],
    },
}


@pytest.mark.parametrize("bomb", JSON_BOMBS.values(), ids=JSON_BOMBS)
def test_a_json_patch_bomb_is_refused_soon(client, bomb):
    refused(within(client, "PATCH", "/Patient/bomb", bomb, JSON_PATCH), 400, 403, 413, 422)


@pytest.mark.parametrize("bomb", PATH_BOMBS.values(), ids=PATH_BOMBS)
def test_a_fhirpath_patch_bomb_is_refused_soon(client, bomb):
    refused(within(client, "PATCH", "/Patient/bomb", bomb), 400, 403, 413, 422)


def test_a_merge_patch_of_100_000_members_is_refused_soon(client):
    bomb = {f"k{n}": {"a": None} for n in range(MANY)}
    refused(within(client, "PATCH", "/Patient/bomb", bomb, MERGE_PATCH), 400, 403, 422)


def test_a_bundle_of_patch_bombs_is_refused_soon(client):
    entry = {"resource": PATH_BOMBS["100,000 steps"], "request": {"method": "PATCH", "url": "Patient/bomb"}}
    bundle = {"resourceType": "Bundle", "type": "batch", "entry": [entry] * 20}
    response = within(client, "POST", "", bundle)
    assert {entry["response"]["status"] for entry in response.json()["entry"]} <= {"400", "403", "422"}


def test_many_references_are_resolved_soon(client):
    notes = [{"reference": f"Patient/{n}"} for n in range(10_000)]
    assert within(client, "POST", "/Observation", an_observation(focus=notes)).status_code == 201


def test_after_all_of_it_the_target_is_as_it_was(client):
    assert client.get("/Patient/bomb").headers["ETag"] == 'W/"1"'
