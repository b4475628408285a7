"""smart-fetch, https://pypi.org/project/smart-fetch: what a pharmacy's records look like to research.

Its bulk export needs the bulk data API; what it does besides is here: the token, one resource, and a crawl.
"""

import json

import pytest
from joserfc.jwk import ECKey, RSAKey

from tests.running.oauth import a_backend

PATIENTS = ("demo-patient-1", "demo-patient-2")
KEYS = {
    "RS384": RSAKey.generate_key(2048, auto_kid=True),
    "ES256": ECKey.generate_key("P-256", auto_kid=True),
    "ES384": ECKey.generate_key("P-384", auto_kid=True),
    "ES512": ECKey.generate_key("P-521", auto_kid=True),
}


def system(pharmacy, folder, algorithm):
    """What the command line says of the server and of the system: it finds the algorithm and the key id by itself."""
    key = KEYS[algorithm]
    backend = a_backend(pharmacy.galenic, key, scopes="system/Patient.rs system/MedicationRequest.rs")
    secret = folder / "key.pem"
    secret.write_bytes(key.as_pem(private=True))
    return ["--fhir-url", pharmacy.base_url, "--smart-client-id", backend.client_id, "--smart-key", str(secret)]


def smart_fetch(pharmacy, *arguments):
    return pharmacy.run([pharmacy.clients.python.with_name("smart-fetch"), *arguments])


def refusal(pharmacy, *arguments):
    """What it says where it is refused."""
    done = pharmacy.attempt([pharmacy.clients.python.with_name("smart-fetch"), *arguments])
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("algorithm", KEYS)
def test_it_is_let_in_with_what_it_was_registered_for_of_all_it_asks(pharmacy, tmp_path, algorithm):
    known = system(pharmacy, tmp_path, algorithm)
    said = json.loads(smart_fetch(pharmacy, "single", "Patient/demo-patient-1", *known))
    assert (said["resourceType"], said["id"]) == ("Patient", "demo-patient-1")


def test_what_it_was_not_registered_for_is_refused_with_the_reason(pharmacy, tmp_path):
    known = system(pharmacy, tmp_path, "ES384")
    assert "[403]" in refusal(pharmacy, "single", "Practitioner/demo-practitioner-1", *known)
    nobody = ["nobody" if word == known[3] else word for word in known]
    assert "Could not authenticate" in refusal(pharmacy, "single", "Patient/demo-patient-1", *nobody)


def test_it_crawls_what_its_patients_have(pharmacy, tmp_path):
    cohort, got = tmp_path / "cohort", tmp_path / "got"
    cohort.mkdir()
    held = [pharmacy.resource(f"/Patient/{patient}") for patient in PATIENTS]
    cohort.joinpath("Patient.ndjson").write_text("".join(json.dumps(one) + "\n" for one in held))
    asked = ["crawl", str(got), "--source-dir", str(cohort), "--type", "MedicationRequest", "--no-compression"]
    smart_fetch(pharmacy, *asked, *system(pharmacy, tmp_path, "ES384"))
    lines = got.joinpath("MedicationRequest.ndjson").read_text().splitlines()
    subjects = ",".join(f"Patient/{patient}" for patient in PATIENTS)
    there = pharmacy.resource(f"/MedicationRequest?subject={subjects}&_count=1000")["entry"]
    assert sorted(json.loads(line)["id"] for line in lines) == sorted(entry["resource"]["id"] for entry in there)
