"""batch: each entry is its own request. https://hl7.org/fhir/R4/http.html#transaction."""

import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.builders.bundles import a_batch, a_post, a_put, a_urn, an_entry
from tests.builders.patches import a_binary, a_fhirpath_patch, a_replacement
from tests.builders.resources import a_medication_request, a_patient, an_identifier, token


@pytest.fixture
def patient_id(client):
    return client.post("/Patient", json=a_patient()).json()["id"]


def answers(client, *entries, **headers):
    """The entries of the answer, which stand in the order of the request."""
    response = client.post("", json=a_batch(*entries), headers=headers)
    assert response.status_code == 200, response.text
    bundle = response.json()
    assert bundle["type"] == "batch-response"
    assert VALIDATOR.validate(bundle) == []
    assert len(bundle.get("entry", [])) == len(entries)
    return bundle.get("entry", [])


def statuses(client, *entries):
    return [int(entry["response"]["status"][:3]) for entry in answers(client, *entries)]


def test_every_interaction_works_in_a_batch(client, patient_id):
    doomed = client.post("/Patient", json=a_patient()).json()["id"]
    birth_date = a_fhirpath_patch({"type": "add", "path": "Patient", "name": "birthDate", "valueDate": "1974-12-25"})
    assert statuses(
        client,
        a_post(a_patient()),
        an_entry("GET", f"Patient/{patient_id}"),
        an_entry("GET", f"Patient/{doomed}/_history/1"),
        an_entry("GET", f"Patient/{patient_id}/_history"),
        an_entry("GET", f"Patient?_id={patient_id}"),
        an_entry("GET", "metadata"),
        a_put(a_patient("New", id=patient_id)),
        an_entry("PATCH", f"Patient/{patient_id}", birth_date),
        an_entry("PATCH", f"Patient/{patient_id}", a_binary([a_replacement("/birthDate", "1975-01-01")])),
        an_entry("DELETE", f"Patient/{doomed}"),
    ) == [201, 200, 200, 200, 200, 200, 200, 200, 200, 204]
    patient = client.get(f"/Patient/{patient_id}").json()
    assert (patient["birthDate"], patient["meta"]["versionId"]) == ("1975-01-01", "4")


def test_an_entry_that_wrote_tells_where_and_which_version(client, galenic):
    [entry] = answers(client, a_post(a_patient()))
    response = entry["response"]
    assert response["location"].startswith(f"{galenic.base_url}/Patient/")
    assert response["location"].endswith("/_history/1")
    assert response["etag"] == 'W/"1"'
    assert response["lastModified"] == client.get(response["location"]).json()["meta"]["lastUpdated"]
    assert "resource" not in entry


def test_prefer_representation_puts_the_resources_into_the_answer(client):
    [entry] = answers(client, a_post(a_patient()), Prefer="return=representation")
    assert entry["resource"]["name"] == [{"family": "Chalmers"}]


def test_an_entry_that_reads_holds_the_resource_under_its_full_url(client, galenic, patient_id):
    [entry] = answers(client, an_entry("GET", f"Patient/{patient_id}"))
    assert entry["fullUrl"] == f"{galenic.base_url}/Patient/{patient_id}"
    assert entry["resource"] == client.get(f"/Patient/{patient_id}").json()


POISON = {
    "nothing": None,
    "a text": "GET Patient",
    "an empty object": {},
    "no url": {"request": {"method": "GET"}},
    "no method": {"request": {"url": "Patient"}},
    "a method that is a number": {"request": {"method": 7, "url": "Patient"}},
    "an unknown method": an_entry("BREW", "Patient"),
    "a url that is a list": {"request": {"method": "GET", "url": ["Patient"]}},
    "an unknown type": an_entry("GET", "Prescription/1"),
    "a wrong-case type": an_entry("GET", "patient/1"),
    "a missing resource": an_entry("GET", "Patient/nobody"),
    "an operation": an_entry("GET", "Patient/$everything"),
    "another server": an_entry("GET", "http://example.org/fhir/Patient/1"),
    "an id that is none": an_entry("GET", "Patient/a_b"),
    "a NUL in the url": an_entry("GET", "Patient/%00"),
    "a NUL in a parameter": an_entry("GET", "Patient?_id=%00"),
    "bytes that are no text": an_entry("GET", "Patient?identifier=%ff"),
    "an unknown parameter": an_entry("GET", "Patient?shoe-size=44"),
    "no body": an_entry("POST", "Patient"),
    "a body that is a list": an_entry("POST", "Patient", [1]),
    "a body of another type": an_entry("POST", "Patient", a_medication_request()),
    "an invalid body": an_entry("POST", "Patient", a_patient(gender="robot")),
    "a body of wrong JSON types": an_entry("POST", "Patient", {"resourceType": "Patient", "name": 7, "meta": []}),
    "an id that is a number": an_entry("PUT", "Patient/1", a_patient(id=1)),
    "a stale ifMatch": a_put(a_patient(id="poison"), ifMatch='W/"9"'),
    "a malformed ifMatch": a_put(a_patient(id="poison"), ifMatch="9"),
    "a malformed ifNoneExist": a_post(a_patient(), ifNoneExist="shoe-size=44"),
    "a patch that is no base64": an_entry(
        "PATCH", "Patient/p", {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "%"}
    ),
    "a patch that is a number": an_entry(
        "PATCH", "Patient/p", {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": 5}
    ),
    "a patch of a strange type": an_entry(
        "PATCH", "Patient/p", {"resourceType": "Binary", "contentType": ["x"], "data": "e30="}
    ),
    "a batch": an_entry("POST", "", a_batch()),
    "a delete of everything": an_entry("DELETE", "Patient"),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_poisoned_entry_does_not_change_the_others(client, patient_id, poison):
    first, bad, last = answers(client, a_post(a_patient()), poison, an_entry("GET", f"Patient/{patient_id}"))
    assert first["response"]["status"].startswith("201")
    assert last["response"]["status"].startswith("200")
    assert 400 <= int(bad["response"]["status"][:3]) < 500
    assert bad["response"]["outcome"]["resourceType"] == "OperationOutcome"
    assert VALIDATOR.validate(bad["response"]["outcome"]) == []


def test_conditions_in_entries_are_obeyed(client, patient_id):
    identifier = an_identifier()
    same = a_post(a_patient(identifier=[identifier]), ifNoneExist=f"identifier={token(identifier)}")
    assert statuses(
        client,
        same,
        same,
        an_entry("GET", f"Patient/{patient_id}", ifNoneMatch='W/"1"'),
        an_entry("GET", f"Patient/{patient_id}", ifNoneMatch='W/"2"'),
        an_entry("GET", f"Patient/{patient_id}", ifModifiedSince="2999-01-01T00:00:00Z"),
        a_put(a_patient("New", id=patient_id), ifMatch='W/"2"'),
        a_put(a_patient("New", id=patient_id), ifMatch='W/"1"'),
    ) == [201, 200, 304, 200, 304, 412, 200]


def test_full_urls_are_not_links_in_a_batch(client):
    urn = a_urn()
    [patient, request] = answers(
        client, a_post(a_patient(), full_url=urn), a_post(a_medication_request(urn)), Prefer="return=representation"
    )
    assert patient["response"]["status"].startswith("201")
    assert request["resource"]["subject"]["reference"] == urn


def test_an_empty_batch_has_an_empty_answer(client):
    assert answers(client) == []


@pytest.mark.parametrize(
    "kind", ["document", "message", "history", "searchset", "collection", "batch-response", "Batch", "", None, 7, []]
)
def test_a_bundle_of_another_type_is_400(client, kind):
    outcome = refused(client.post("", json=a_batch() | {"type": kind}), 400)
    assert "batch" in diagnostics(outcome)


@pytest.mark.parametrize("entries", [None, {}, "x", 7, True])
def test_entries_that_are_no_list_are_400(client, entries):
    refused(client.post("", json=a_batch() | {"entry": entries}), 400)


@pytest.mark.parametrize("body", [a_patient(), {"resourceType": "Parameters"}, {}, {"type": "batch"}])
def test_what_is_no_bundle_is_400(client, body):
    refused(client.post("", json=body), 400)


def test_a_bundle_past_its_entries_is_refused(client):
    refused(client.post("", json=a_batch(*[an_entry("GET", "Patient/x")] * 5_001)), 403, 413)
