"""fhirpy, https://pypi.org/project/fhirpy: scripts that write as they would write objects."""

import json

import pytest


@pytest.fixture(scope="module")
def saw(pharmacy):
    before = pharmacy.resource("/Patient?_summary=count")["total"]
    return pharmacy.python("fhirpy_session.py", token=pharmacy.system_token()) | {"before": before}


def test_get_or_create_and_update_find_the_one_that_is_there(saw):
    assert saw["created"] == [True, False, False]
    assert len(set(saw["ids"])) == 1
    assert saw["families"] == ["Created", "Created", "Updated", "Updated"]


def test_saving_some_fields_changes_these_and_no_others(saw):
    assert saw["merged"] == ["female", "1980-01-02", None]
    assert (saw["emptied"], saw["merged_where_found"]) == (False, False)
    assert saw["version"] == "6"


def test_it_counts_pages_sorts_and_chains(saw):
    assert saw["count"] == [saw["before"] + 1] * 2
    assert len(saw["paged"]) == len(set(saw["paged"])) == saw["before"] + 1
    assert saw["first"] == min(saw["paged"])
    assert saw["with"]
    assert saw["everything"] == "searchset"


def test_what_is_refused_is_the_exception_for_it_with_the_reason(saw):
    assert "Patient.gender" in saw["invalid"]
    assert "plumber" in saw["unknown"]
    for said in (saw["nobody"], saw["several"], saw["gone"]):
        assert json.loads(said)["resourceType"] == "OperationOutcome"
