"""The store of the search benchmarks: valid, skewed, in the order of life, always the same."""

from collections import Counter
from itertools import islice, pairwise

import msgspec
import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object
from fhir_server.validation.validator import Validator
from tests.benchmarks.search.chance import identity
from tests.benchmarks.search.life import HUGE, Life

COUNT = 3_000
CLINICAL = ("Encounter", "MedicationRequest", "MedicationDispense", "Observation", "Task", "Condition")


@pytest.fixture(scope="module")
def store():
    return list(islice(Life(COUNT).resources(), COUNT))


def patients_of(store):
    links = (r.get("subject") or r.get("for") for r in store if r["resourceType"] in CLINICAL)
    return Counter(link["reference"] for link in links)


def test_the_same_seed_gives_the_same_resources(store):
    assert store == list(islice(Life(COUNT).resources(), COUNT))


def test_each_has_an_id_of_its_own(store):
    assert len({(r["resourceType"], r["id"]) for r in store}) == COUNT


def test_every_resource_is_valid(store):
    validator = Validator(load_definitions())
    parsed = (parse_object(msgspec.json.encode(resource), 100) for resource in store)
    assert [issues for resource in parsed if (issues := validator.validate(resource))] == []


def test_sizes_are_those_of_real_resources(store):
    sizes = [len(msgspec.json.encode(resource)) for resource in store]
    assert min(sizes) > 600
    assert max(sizes) < 3_500
    assert 1_400 < sum(sizes) / COUNT < 2_200


def references(value):
    if isinstance(value, dict):
        yield from [value["reference"]] if "reference" in value else ()
        for child in value.values():
            yield from references(child)
    elif isinstance(value, list):
        for child in value:
            yield from references(child)


def test_references_lead_to_what_came_before(store):
    known = set()
    for resource in store:
        known.add(f"{resource['resourceType']}/{resource['id']}")
        assert set(references(resource)) <= known


def test_a_few_patients_have_much_of_it_and_most_have_little(store):
    counts = patients_of(store)
    huge = sum(counts[f"Patient/{identity('Patient', number)}"] for number in range(len(HUGE)))
    assert 0.02 < huge / sum(counts.values()) < 0.06
    assert sorted(counts.values())[len(counts) // 2] < 20


def test_a_few_drugs_are_most_of_the_prescriptions(store):
    drugs = Counter(r["medicationReference"]["reference"] for r in store if r["resourceType"] == "MedicationRequest")
    first = sum(count for _, count in drugs.most_common(5))
    assert first / sum(drugs.values()) > 0.4


def test_statuses_are_as_skewed_as_in_life(store):
    statuses = Counter(r["status"] for r in store if r["resourceType"] == "MedicationRequest")
    assert statuses["completed"] > 2 * statuses["active"] > 10 * statuses["cancelled"] > 0


def test_dates_follow_the_order_of_writing_but_for_a_few(store):
    dates = [r["authoredOn"] for r in store if r["resourceType"] == "MedicationRequest"]
    backwards = sum(later < earlier for earlier, later in pairwise(dates))
    assert 0 < backwards < len(dates) * 0.1
    assert dates[0][:4] == "2020"
    assert max(dates)[:4] == "2026"


def test_life_goes_on_after_the_store_is_full(store):
    more = list(islice(Life(COUNT).resources(), COUNT + 100))
    assert more[:COUNT] == store
    assert {r["id"] for r in more[COUNT:]}.isdisjoint(r["id"] for r in store)
