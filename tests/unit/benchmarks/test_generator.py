"""The data of the benchmarks: valid, of realistic size, always the same."""

import json

from fhir_server.model.definitions import load_definitions
from fhir_server.validation.validator import Validator
from tests.benchmarks.generator import Generator

COUNT = 2_000


def generated():
    generator = Generator(COUNT)
    return [resource for name in generator.counts for resource in generator.of_type(name)]


def test_the_same_seed_gives_the_same_resources():
    assert generated() == generated()


def test_there_are_as_many_as_asked_for_each_with_an_id_of_its_own():
    keys = {(resource["resourceType"], resource["id"]) for resource in generated()}
    assert len(keys) == COUNT


def test_every_resource_is_valid():
    validator = Validator(load_definitions())
    assert [issues for resource in generated() if (issues := validator.validate(resource))] == []


def test_sizes_are_those_of_real_resources():
    sizes = [len(json.dumps(resource, separators=(",", ":"))) for resource in generated()]
    assert min(sizes) > 350
    assert max(sizes) < 3_000
    assert 800 < sum(sizes) / COUNT < 1_500
