"""`_summary` and `_elements` on read, vread and search. https://hl7.org/fhir/R4/search.html#summary, #elements."""

import pytest

from tests.acceptance.outcomes import VALIDATOR, diagnostics, refused
from tests.builders.bundles import a_batch, a_transaction, an_entry
from tests.builders.resources import a_medication_request, a_patient, a_quantity, an_identifier, token

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
OTHER = {"system": "http://example.org/tags", "code": "kept"}
NARRATIVE = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}

LEFT = {
    "_summary=true": {"identifier", "name", "active", "birthDate", "_birthDate"},
    "_summary=text": {"text"},
    "_summary=data": {"identifier", "name", "active", "birthDate", "_birthDate", "maritalStatus", "contact"},
    "_elements=birthDate": {"birthDate", "_birthDate", "active"},
    "_elements=Patient.contact,name": {"contact", "name", "active"},
    "_elements=maritalStatus,Practitioner.name": {"maritalStatus", "active"},
    "_elements=deceased[x],text": {"text", "active"},
    "_elements=id,resourceType": {"active"},
    "_summary=data&_elements=text,contact": {"contact", "active"},
}
"""By query: the elements of the patient that are left, besides those every shape has."""

BAD = {
    "_summary=some": "_summary",
    "_summary=": "_summary",
    "_elements=shoeSize": "shoeSize",
    "_elements=name,Patient.shoeSize": "shoeSize",
    "_elements=contact.name": "contact",
}
"""By query: what the refusal names."""


@pytest.fixture(scope="module")
def patient(client):
    body = a_patient(
        identifier=[an_identifier()],
        meta={"tag": [OTHER]},
        text=NARRATIVE,
        active=True,
        birthDate="1974-12-25",
        _birthDate={"extension": [{"url": "http://example.org/time", "valueTime": "10:00:00"}]},
        maritalStatus={"text": "M"},
        contact=[{"name": {"family": "Next"}}],
    )
    return client.post("/Patient", json=body).json()


@pytest.fixture(scope="module")
def url(patient):
    return f"/Patient/{patient['id']}"


def got(client, url):
    response = client.get(url)
    assert response.status_code == 200, response.text
    return response.json()


def elements(resource):
    return set(resource) - {"resourceType", "id", "meta"}


def assert_shaped(shaped, whole, left):
    """What is left is as it was, and the resource says that it is not the whole."""
    assert elements(shaped) == left
    assert all(shaped[name] == whole[name] for name in left)
    assert shaped["id"] == whole["id"]
    assert shaped["meta"] == {**whole["meta"], "tag": [OTHER, SUBSETTED]}
    assert VALIDATOR.validate(shaped) == []


@pytest.mark.parametrize("query", LEFT)
def test_a_read_leaves_what_is_asked_for(client, patient, url, query):
    assert_shaped(got(client, f"{url}?{query}"), patient, LEFT[query])


@pytest.mark.parametrize("query", LEFT)
def test_a_vread_leaves_what_is_asked_for(client, patient, url, query):
    assert_shaped(got(client, f"{url}/_history/1?{query}"), patient, LEFT[query])


@pytest.mark.parametrize("query", LEFT)
@pytest.mark.parametrize("bundle", [a_batch, a_transaction])
def test_a_read_in_a_bundle_leaves_what_is_asked_for(client, patient, url, query, bundle):
    answer = client.post("/", json=bundle(an_entry("GET", f"{url[1:]}?{query}"))).json()
    assert_shaped(answer["entry"][0]["resource"], patient, LEFT[query])


@pytest.mark.parametrize("query", LEFT)
def test_a_search_leaves_what_is_asked_for(client, patient, query):
    bundle = got(client, f"/Patient?identifier={token(patient['identifier'][0])}&{query}")
    [entry] = bundle["entry"]
    assert_shaped(entry["resource"], patient, LEFT[query])
    assert VALIDATOR.validate(bundle) == []


def test_the_whole_is_the_bytes_of_record(client, patient, url):
    whole = client.get(url)
    assert client.get(f"{url}?_summary=false").content == whole.content
    assert client.get(f"{url}/_history/1?_summary=false").content == whole.content
    [entry] = got(client, f"/Patient?_id={patient['id']}&_summary=false")["entry"]
    assert entry["resource"] == whole.json()


@pytest.mark.parametrize("query", BAD)
@pytest.mark.parametrize("place", ["", "/_history/1"])
def test_a_read_of_what_r4_does_not_have_is_refused_by_name(client, url, query, place):
    outcome = refused(client.get(f"{url}{place}?{query}"), 400)
    assert BAD[query] in diagnostics(outcome)


@pytest.mark.parametrize("query", BAD)
def test_a_search_for_what_r4_does_not_have_is_refused_by_name(client, patient, query):
    for found in (patient["id"], "nobody"):
        outcome = refused(client.get(f"/Patient?_id={found}&{query}"), 400)
        assert BAD[query] in diagnostics(outcome)


def test_a_count_is_for_searches(client, patient, url):
    assert "_summary" in diagnostics(refused(client.get(f"{url}?_summary=count"), 400))
    bundle = got(client, f"/Patient?_id={patient['id']}&_summary=count")
    assert bundle["total"] == 1
    assert "entry" not in bundle


def test_several_elements_parameters_add_up(client, patient, url):
    assert_shaped(got(client, f"{url}?_elements=name&_elements=contact"), patient, {"name", "contact", "active"})


def test_what_is_mandatory_is_always_left(client):
    made = client.post("/MedicationRequest", json=a_medication_request(note=[{"text": "x"}])).json()
    mandatory = {"status", "intent", "medicationCodeableConcept", "subject"}
    for query in ("_summary=true", "_summary=text", "_elements=encounter"):
        assert elements(got(client, f"/MedicationRequest/{made['id']}?{query}")) == mandatory


def test_numbers_stay_as_they_were_written(client):
    made = client.post("/Observation", content=a_quantity("1.00")).json()
    for query in ("_summary=true", "_summary=data", "_elements=value"):
        assert '"value":1.00}' in client.get(f"/Observation/{made['id']}?{query}").text
        assert '"value":1.00}' in client.get(f"/Observation?_id={made['id']}&{query}").text


def test_the_headers_are_those_of_the_version(client, url):
    whole, shaped = client.get(url), client.get(f"{url}?_summary=true")
    assert [shaped.headers[n] for n in ("ETag", "Last-Modified")] == [
        whole.headers[n] for n in ("ETag", "Last-Modified")
    ]
    assert client.get(f"{url}?_summary=true", headers={"If-None-Match": shaped.headers["ETag"]}).status_code == 304
    head = client.head(f"{url}?_summary=true")
    assert (head.content, head.headers["Content-Length"]) == (b"", str(len(shaped.content)))


def test_what_is_not_there_has_no_summary(client, url):
    refused(client.get("/Patient/nobody?_summary=true"), 404)
    refused(client.get(f"{url}/_history/2?_elements=name"), 404)


def test_a_search_across_types_takes_elements_of_any_of_them(client, patient):
    bundle = got(client, f"/?_type=Patient,Observation&_id={patient['id']}&_elements=birthDate,Observation.value")
    assert [elements(entry["resource"]) for entry in bundle["entry"]] == [LEFT["_elements=birthDate"]]
