"""fhir-pyrate, https://pypi.org/project/fhir-pyrate: searches as data frames."""

import pytest


@pytest.fixture(scope="module")
def saw(pharmacy):
    return pharmacy.python("pyrate_session.py", token=pharmacy.system_token("system/*.rs"))


def test_pages_become_a_table_without_a_row_missing_or_twice(pharmacy, saw):
    held = [entry["resource"] for entry in pharmacy.resource("/Patient?_count=1000")["entry"]]
    assert saw["patients"] == {one["id"]: one["name"][0]["family"] for one in held}
    assert saw["total"] == len(held)


def test_each_row_of_a_table_can_be_asked_for(pharmacy, saw):
    held = [entry["resource"] for entry in pharmacy.resource("/MedicationRequest?_count=1000")["entry"]]
    assert {(row["id"], row["patient"]) for row in saw["per_patient"]} == {
        (one["id"], one["subject"]["reference"]) for one in held
    }
    assert sorted(saw["sailed"]) == sorted(one["id"] for one in held)
