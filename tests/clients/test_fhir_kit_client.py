"""fhir-kit-client, https://www.npmjs.com/package/fhir-kit-client: scripts and services in Node."""

import pytest


@pytest.fixture(scope="module")
def saw(pharmacy):
    held = pharmacy.resource("/Patient?_count=1000&_sort=_id")["entry"]
    before = [entry["resource"]["id"] for entry in held]
    return pharmacy.node("fhir_kit_client.mjs", token=pharmacy.system_token()) | {"before": before}


def test_it_finds_out_where_to_ask_for_tokens(pharmacy, saw):
    auth = f"{pharmacy.galenic.root_url}/auth"
    assert (saw["authorizeUrl"], saw["tokenUrl"]) == (f"{auth}/authorize", f"{auth}/token")
    assert saw["fhirVersion"] == "4.0.1"


def test_a_base_url_with_a_slash_takes_transactions_patches_and_updates(saw):
    assert [status[:3] for status in saw["committed"]] == ["201", "201"]
    assert (saw["patched"], saw["updated"]) == ("Patched", ["female", "3"])
    assert saw["contentType"].startswith("application/fhir+json")
    assert [status[:3] for status in saw["batched"]] == ["200", "404"]


def test_it_follows_pages_references_and_versions(saw):
    pages = [name for page in saw["pages"] for name in page]
    assert len(saw["pages"]) > 1
    assert set(saw["before"]) < set(pages)
    assert len(pages) == len(set(pages)) == len(saw["before"]) + 1
    assert (saw["resolved"], saw["posted"], saw["compartment"] > 0) == (True, [True], True)
    assert saw["everything"] == ["Observation", "Patient"]
    assert (saw["first"], saw["history"]) == ("Transacted", 3)


def test_what_is_refused_comes_with_its_outcome(saw):
    said = {name: saw[name]["status"] for name in ("gone", "conflict", "nobody")}
    assert said == {"gone": 410, "conflict": 422, "nobody": 401}
    assert {saw[name]["type"] for name in said} == {"OperationOutcome"}
