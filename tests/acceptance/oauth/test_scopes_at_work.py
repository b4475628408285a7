"""Scopes of tokens that this server gave, at the API: levels, versions, wildcards, and updates that create."""

from pathlib import Path
from uuid import uuid4

import pytest

from tests.builders.resources import a_patient, a_practitioner, an_observation
from tests.running.oauth import a_backend, access_token, backend_token, send

DOCS = Path(__file__).parents[3] / "docs"


def bearer(token):
    return {"Authorization": f"Bearer {token}", "Content-Type": "application/fhir+json"}


@pytest.fixture(scope="module")
def patient(galenic):
    """The id of a patient, who has one Observation."""
    headers, name = bearer(backend_token(galenic)), f"p-{uuid4()}"
    for resource in (a_patient(id=name), an_observation(id=f"o-{name}", subject={"reference": f"Patient/{name}"})):
        url = f"{galenic.base_url}/{resource['resourceType']}/{resource['id']}"
        assert send("PUT", url, headers=headers, json=resource).status_code == 201
    return name


def status(galenic, token, path):
    return send("GET", f"{galenic.base_url}/{path}", headers=bearer(token)).status_code


def test_a_system_scope_reaches_what_the_system_is_trusted_with(galenic, patient):
    token = a_backend(galenic).ask("system/Patient.rs").json()["access_token"]
    assert status(galenic, token, f"Patient/{patient}") == 200
    assert status(galenic, token, f"Observation/o-{patient}") == 403


def test_a_wildcard_scope_reaches_every_type(galenic, patient):
    token = access_token(galenic, "user/*.rs", role="prescriber")
    for path in (f"Patient/{patient}", f"Observation/o-{patient}", "Slot", "VisionPrescription"):
        assert status(galenic, token, path) == 200


@pytest.mark.parametrize(
    ("first", "second"), [("patient/Observation.read", "patient/Observation.rs"), ("patient/*.read", "patient/*.rs")]
)
def test_a_scope_of_the_first_version_reaches_what_its_equal_reaches(galenic, patient, first, second):
    paths = (f"Observation/o-{patient}", "Observation", f"Patient/{patient}", "Patient", "Observation/_history")
    one, other = (access_token(galenic, scopes, patient) for scopes in (first, second))
    found = [[status(galenic, token, path) for path in paths] for token in (one, other)]
    assert found[0] == found[1]
    assert found[0][:2] == [200, 200]


def test_an_update_scope_covers_an_update_that_creates(galenic):
    backend = a_backend(galenic)
    practitioner = a_practitioner(id=f"made-{uuid4()}")
    url = f"{galenic.base_url}/Practitioner/{practitioner['id']}"
    reads = backend.ask("system/Practitioner.rs").json()["access_token"]
    assert send("PUT", url, headers=bearer(reads), json=practitioner).status_code == 403
    updates = backend.ask("system/Practitioner.u").json()["access_token"]
    assert send("PUT", url, headers=bearer(updates), json=practitioner).status_code == 201


def test_the_documentation_says_what_becomes_of_linked_patients():
    assert "`Patient.link`" in (DOCS / "authorization" / "scopes.md").read_text()
