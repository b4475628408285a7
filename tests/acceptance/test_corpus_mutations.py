"""Valid examples, each spoilt at random in one place: the validator says so, and says where."""

import copy
import random

import msgspec
import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.validation.validator import Validator

pytestmark = pytest.mark.corpus

DEFINITIONS = load_definitions()
VALIDATOR = Validator(DEFINITIONS)
DECODER = msgspec.json.Decoder(float_hook=lambda text: msgspec.Raw(text.encode()))
SEED = 20250302
MUTATIONS = {"quick": 150, "full": 3000}
"""Mutations of each kind."""

DATES = ("date", "dateTime", "instant")


def objects_in(value, type_name, place):
    """(object, its type, its place) of a resource or element and all below it, by the definitions."""
    name = value["resourceType"] if type_name in (None, "Resource") else type_name
    yield value, name, place
    for key, item in value.items():
        found = DEFINITIONS.property_of(name, key)
        if found is None or DEFINITIONS.is_primitive(found.type.name):
            continue
        step = f"{place}.{found.element.name.removesuffix('[x]')}"
        items = item if isinstance(item, list) else [item]
        for i, one in enumerate(items):
            if isinstance(one, dict):
                yield from objects_in(one, found.type.name, f"{step}[{i}]" if isinstance(item, list) else step)


def primitives_of(value, name, types=None):
    """Keys of single primitives with a value."""
    for key, item in value.items():
        found = DEFINITIONS.property_of(name, key)
        if not found or isinstance(item, list) or not DEFINITIONS.is_primitive(found.type.name):
            continue
        if types is None or found.type.name in types:
            yield key, found


def drop_required(value, name, place, draw):
    required = [e for e in DEFINITIONS.types[name].elements if e.min]
    if not required:
        return None
    element = draw.choice(required)
    for key in [k for k in value if (p := DEFINITIONS.property_of(name, k)) and p.element is element]:
        del value[key]
    if not value or value.keys() <= {"id"}:
        return None
    return "required", f"{place}.{element.name.removesuffix('[x]')}"


def add_unknown(value, name, place, draw):
    key = draw.choice(["colour", "valueElixir", "Extension", "_name2"])
    value[key] = draw.choice(["x", 1, {}, [], None])
    return "structure", f"{place}.{key}"


def wrong_json_type(value, name, place, draw):
    keys = [key for key in value if DEFINITIONS.property_of(name, key)]
    if not keys:
        return None
    key = draw.choice(keys)
    value[key] = draw.choice([[{}], {"colour": 1}, True, 7, "x"])
    old = DEFINITIONS.property_of(name, key)
    if isinstance(value[key], (bool, int, str)) and DEFINITIONS.is_primitive(old.type.name) and old.element.max == 1:
        value[key] = {"colour": 1}
    return None, f"{place}.{old.element.name.removesuffix('[x]')}"


def bad_code(value, name, place, draw):
    keys = [key for key, found in primitives_of(value, name) if found.element.value_set]
    if not keys:
        return None
    key = draw.choice(keys)
    value[key] += draw.choice(["X", "-", ".."])
    return "code-invalid", f"{place}.{key}"


def bad_date(value, name, place, draw):
    dates = list(primitives_of(value, name, DATES))
    if not dates:
        return None
    key, found = draw.choice(dates)
    value[key] = draw.choice(
        ["2023-02-30", "2023-13", "yesterday", "2023-01-01T10:00", "2023-02-29T10:00:00Z", " 2023"]
    )
    return "value", f"{place}.{found.element.name.removesuffix('[x]')}"


def empty_array(value, name, place, draw):
    lists = [key for key, item in value.items() if isinstance(item, list) and DEFINITIONS.property_of(name, key)]
    if not lists:
        return None
    key = draw.choice(lists)
    value[key] = []
    return "invariant", f"{place}.{DEFINITIONS.property_of(name, key).element.name}"


MUTANTS = [drop_required, add_unknown, wrong_json_type, bad_code, bad_date, empty_array]


@pytest.fixture(scope="module")
def valid_examples(corpus):
    files = sorted((corpus / "examples/r4-official").glob("*.json"))
    examples = [DECODER.decode(file.read_bytes()) for file in files if file.stat().st_size < 50_000]
    return [example for example in examples if not VALIDATOR.validate(example)]


@pytest.mark.parametrize("mutate", MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_mutation_is_reported_at_its_place(mutate, valid_examples, at_full_counts):
    draw = random.Random(f"{SEED} {mutate.__name__}")
    wanted = MUTATIONS["full" if at_full_counts else "quick"]
    done = 0
    for _ in range(wanted * 100):
        resource = copy.deepcopy(draw.choice(valid_examples))
        value, name, place = draw.choice(list(objects_in(resource, None, resource["resourceType"])))
        expected = mutate(value, name, place, draw)
        if expected is None:
            continue
        code, expression = expected
        found = VALIDATOR.validate(resource)
        at_place = [i for i in found if i.severity == "error" and i.expression.startswith(expression)]
        assert at_place, f"{mutate.__name__} at {expression}: {found[:3]}"
        assert code is None or code in {issue.code for issue in at_place}
        done += 1
        if done == wanted:
            return
    pytest.fail(f"only {done} mutations could be made")
