"""The demo set is a valid transaction that depends on nothing outside itself."""

import json

import pytest

from fhir_server.cli.serve import DEMO
from fhir_server.model.definitions import load_definitions
from fhir_server.validation.validator import Validator

ENTRIES = json.loads(DEMO.read_text())["entry"]


def references(value):
    if isinstance(value, dict):
        if "reference" in value:
            yield value["reference"]
        value = list(value.values())
    if isinstance(value, list):
        for part in value:
            yield from references(part)


@pytest.fixture(scope="module")
def validator():
    return Validator(load_definitions())


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["request"]["url"])
def test_each_resource_is_valid_r4_and_put_at_its_own_url(entry, validator):
    resource = entry["resource"]
    assert validator.validate(resource) == []
    assert entry["request"] == {"method": "PUT", "url": f"{resource['resourceType']}/{resource['id']}"}
    assert resource["id"].startswith("demo-")


def test_every_reference_is_to_a_resource_of_the_set():
    present = {entry["request"]["url"] for entry in ENTRIES}
    assert set(references(ENTRIES)) <= present


def test_no_two_entries_write_the_same_resource():
    urls = [entry["request"]["url"] for entry in ENTRIES]
    assert len(set(urls)) == len(urls)
