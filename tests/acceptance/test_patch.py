"""patch in its three formats. https://hl7.org/fhir/R4/http.html#patch."""

import json

import pytest

from tests.acceptance.outcomes import refused
from tests.builders.patches import JSON_PATCH, MERGE_PATCH, a_fhirpath_patch, a_replacement
from tests.builders.resources import a_patient, a_quantity

FHIR_JSON = "application/fhir+json"
TO_1974 = {
    "json": (JSON_PATCH, [a_replacement("/birthDate", "1974-12-25")]),
    "json as plain JSON": ("application/json", [a_replacement("/birthDate", "1974-12-25")]),
    "merge": (MERGE_PATCH, {"birthDate": "1974-12-25"}),
    "merge as plain JSON": ("application/json", {"birthDate": "1974-12-25"}),
    "fhirpath": (
        FHIR_JSON,
        a_fhirpath_patch({"type": "replace", "path": "Patient.birthDate", "valueDate": "1974-12-25"}),
    ),
    "fhirpath as plain JSON": (
        "application/json",
        a_fhirpath_patch({"type": "replace", "path": "Patient.birthDate", "valueDate": "1974-12-25"}),
    ),
}
formats = pytest.mark.parametrize(("media_type", "document"), TO_1974.values(), ids=TO_1974)


@pytest.fixture
def url(client):
    patient = client.post("/Patient", json=a_patient(birthDate="1970-01-01", active=True)).json()
    return f"/Patient/{patient['id']}"


def patched(client, url, media_type, document, **headers):
    return client.patch(url, content=json.dumps(document), headers={"Content-Type": media_type, **headers})


@formats
def test_a_patch_is_200_with_the_next_version(client, url, media_type, document):
    response = patched(client, url, media_type, document)
    assert response.status_code == 200
    assert response.headers["ETag"] == 'W/"2"'
    assert response.json()["birthDate"] == "1974-12-25"
    assert response.json()["active"] is True
    assert client.get(url).content == response.content


@formats
def test_a_patch_of_nothing_is_404(client, media_type, document):
    refused(patched(client, "/Patient/nobody", media_type, document), 404)


@formats
def test_a_patch_of_what_was_deleted_is_410(client, url, media_type, document):
    client.delete(url)
    refused(patched(client, url, media_type, document), 404, 410)


@formats
@pytest.mark.parametrize("tags", ['W/"2"', '"7"', 'W/"2", W/"3"'])
def test_a_stale_if_match_is_412_and_changes_nothing(client, url, media_type, document, tags):
    refused(patched(client, url, media_type, document, **{"If-Match": tags}), 412)
    assert client.get(url).json()["birthDate"] == "1970-01-01"


@formats
def test_an_if_match_with_the_current_version_patches(client, url, media_type, document):
    response = patched(client, url, media_type, document, **{"If-Match": 'W/"9", W/"1"'})
    assert response.headers["ETag"] == 'W/"2"'


@formats
def test_a_malformed_if_match_is_400(client, url, media_type, document):
    refused(patched(client, url, media_type, document, **{"If-Match": "1"}), 400)


@formats
def test_a_patch_that_changes_nothing_makes_no_version(client, url, media_type, document):
    patched(client, url, media_type, document)
    response = patched(client, url, media_type, document)
    assert (response.status_code, response.headers["ETag"]) == (200, 'W/"2"')


@formats
def test_prefer_minimal_answers_without_a_body(client, url, media_type, document):
    assert patched(client, url, media_type, document, Prefer="return=minimal").content == b""


UNFIT = {
    "a test that fails": (JSON_PATCH, [{"op": "test", "path": "/active", "value": False}]),
    "a path to nothing": (JSON_PATCH, [{"op": "remove", "path": "/photo/0"}]),
    "an invalid result": (JSON_PATCH, [a_replacement("/birthDate", "soon")]),
    "another type": (JSON_PATCH, [a_replacement("/resourceType", "Practitioner")]),
    "another id": (MERGE_PATCH, {"id": "other"}),
    "no type": (MERGE_PATCH, {"resourceType": None}),
    "an unknown element": (MERGE_PATCH, {"shoeSize": 44}),
    "not a patch": (JSON_PATCH, {"op": "replace"}),
    "an unknown operation": (JSON_PATCH, [{"op": "increment", "path": "/active"}]),
    "an operation that is none": (JSON_PATCH, [7]),
    "a merge that is no object": (MERGE_PATCH, [1]),
    "a resource in place of a patch": (FHIR_JSON, a_patient()),
    "a FHIRPath to nothing": (
        FHIR_JSON,
        a_fhirpath_patch({"type": "replace", "path": "Patient.photo", "valueDate": "1974-12-25"}),
    ),
    "a path that is no FHIRPath": (FHIR_JSON, a_fhirpath_patch({"type": "delete", "path": "Patient.(("})),
    "a text": (JSON_PATCH, "replace"),
    "a number": (MERGE_PATCH, 1),
}


@pytest.mark.parametrize(("media_type", "document"), UNFIT.values(), ids=UNFIT)
def test_a_patch_that_does_not_fit_is_refused_and_changes_nothing(client, url, media_type, document):
    before = client.get(url).content
    refused(patched(client, url, media_type, document), 400, 422)
    assert client.get(url).content == before


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "application/fhir+xml", "multipart/form-data"])
def test_another_media_type_is_415(client, url, media_type):
    refused(patched(client, url, media_type, []), 415)


def test_all_operations_of_a_patch_happen_or_none(client, url):
    document = [a_replacement("/active", False), {"op": "test", "path": "/active", "value": True}]
    refused(patched(client, url, JSON_PATCH, document), 400, 422)
    assert client.get(url).json()["active"] is True


def test_numbers_that_a_patch_does_not_touch_stay_as_they_were_written(client):
    observation = client.post("/Observation", content=a_quantity("1.500")).json()
    response = patched(client, f"/Observation/{observation['id']}", MERGE_PATCH, {"status": "amended"})
    assert '"value":1.500' in response.text


def test_numbers_in_a_patch_are_kept_as_they_are_written(client):
    observation = client.post("/Observation", content=a_quantity()).json()
    response = client.patch(
        f"/Observation/{observation['id']}",
        content='[{"op":"replace","path":"/valueQuantity/value","value":2.50}]',
        headers={"Content-Type": JSON_PATCH},
    )
    assert '"value":2.50' in response.text
