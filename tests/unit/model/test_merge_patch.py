import pytest
from hypothesis import given

from fhir_server.errors import Invalid
from fhir_server.model.patching import merge_patch
from tests.unit.model.json_trees import as_text, number, resources


@pytest.mark.parametrize(
    ("resource", "patch", "expected"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "foo"}, {"a": {"b": "c", "d": None}}, {"a": {"b": "c"}}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_the_standard_hold(resource, patch, expected):
    assert merge_patch.apply(resource, patch) == expected


def test_numbers_stay_as_they_were_written_and_members_keep_their_place():
    resource = {"a": number("1.00"), "b": number("1e5"), "c": 1}
    assert as_text(merge_patch.apply(resource, {"b": number("2.50")})) == b'{"a":1.00,"b":2.50,"c":1}'


@pytest.mark.parametrize("patch", [None, [], "x", 1, True])
def test_a_patch_that_is_no_object_is_invalid(patch):
    with pytest.raises(Invalid):
        merge_patch.apply({"a": 1}, patch)


@given(resources, resources)
def test_neither_tree_is_changed(resource, patch):
    before = as_text([resource, patch])
    result = merge_patch.apply(resource, patch)
    change_everything(result)
    assert as_text([resource, patch]) == before


@given(resources, resources)
def test_merging_twice_is_merging_once(resource, patch):
    once = merge_patch.apply(resource, patch)
    assert as_text(merge_patch.apply(once, patch)) == as_text(once)


@given(resources)
def test_an_empty_patch_changes_nothing(resource):
    assert as_text(merge_patch.apply(resource, {})) == as_text(resource)


@given(resources, resources)
def test_the_patch_decides_every_member_it_names(resource, patch):
    result = merge_patch.apply(resource, patch)
    for name, value in patch.items():
        if value is None:
            assert name not in result
        elif not isinstance(value, dict):
            assert as_text(result[name]) == as_text(value)
    for name in resource.keys() - patch.keys():
        assert as_text(result[name]) == as_text(resource[name])


def change_everything(value) -> None:
    """Changes every container of a tree in place: what is shared with another tree shows there."""
    for child in list(value.values() if isinstance(value, dict) else value):
        if isinstance(child, dict | list):
            change_everything(child)
    value.clear()
