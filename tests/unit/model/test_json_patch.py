import sys
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Invalid, TooCostly, Unprocessable
from fhir_server.model.fhirpath.equality import equal
from fhir_server.model.patching import json_patch
from fhir_server.model.patching.limits import COPIED_MAX, Limits
from fhir_server.model.patching.tree import copied
from tests.unit.model.json_trees import as_text, number, pointers, resources, trees

LIMITS = Limits(operations_max=1_000, depth_max=100)


def patched(resource, *operations):
    return json_patch.apply(resource, list(operations), LIMITS)


def op(name, path, **members):
    return {"op": name, "path": path, **members}


def test_numbers_stay_as_they_were_written():
    resource = {"value": number("1.00"), "other": number("1e5")}
    result = patched(resource, op("add", "/third", value=number("0.10")), op("move", "/fourth", **{"from": "/other"}))
    assert as_text(result) == b'{"value":1.00,"third":0.10,"fourth":1e5}'


def test_a_replaced_member_keeps_its_place():
    assert list(patched({"a": 1, "b": 2}, op("replace", "/a", value=3))) == ["a", "b"]
    assert list(patched({"a": 1, "b": 2}, op("add", "/a", value=3))) == ["a", "b"]


def test_a_move_onto_itself_changes_nothing():
    assert list(patched({"a": 1, "b": 2}, op("move", "/a", **{"from": "/a"}))) == ["a", "b"]


def test_a_dash_is_one_past_the_end():
    assert patched({"a": [1]}, op("add", "/a/-", value=2), op("add", "/a/2", value=3)) == {"a": [1, 2, 3]}


def test_what_is_under_null_can_be_replaced():
    assert patched({"a": None}, op("replace", "/a", value=1)) == {"a": 1}


def test_the_whole_resource_can_be_replaced_by_an_object():
    assert patched({"a": 1}, op("replace", "", value={"b": 2}), op("add", "/c", value=3)) == {"b": 2, "c": 3}


def test_what_an_operation_added_can_be_changed_without_changing_the_patch():
    operations = [op("add", "/a", value={"b": 1}), op("replace", "/a/b", value=2)]
    assert patched({}, *operations) == {"a": {"b": 2}}
    assert operations[0]["value"] == {"b": 1}


def test_a_copy_is_apart_from_its_source():
    operations = [op("copy", "/b", **{"from": "/a"}), op("add", "/b/x", value=1)]
    assert patched({"a": {}}, *operations) == {"a": {}, "b": {"x": 1}}


@pytest.mark.parametrize(
    ("held", "tested"),
    [
        (number("1.0"), number("1.00")),
        (number("1e2"), 100),
        (100, number("100.0")),
        (number("1e99999999999999999999"), number("1e99999999999999999999")),
        ({"a": 1, "b": [None, True]}, {"b": [None, True], "a": number("1.0")}),
        ("é", "é"),
        (None, None),
    ],
)
def test_test_compares_by_value(held, tested):
    assert patched({"x": held}, op("test", "/x", value=tested)) == {"x": held}


@pytest.mark.parametrize(
    ("held", "tested"),
    [
        (number("1.0"), number("1.01")),
        (1, True),
        (0, False),
        (False, 0),
        (1, "1"),
        (None, False),
        ([], {}),
        ([1], [1, 1]),
        ({"a": 1}, {"a": 1, "b": 1}),
        ({}, None),
        (number("1e99999999999999999999"), 1),
    ],
)
def test_a_failing_test_names_its_operation(held, tested):
    with pytest.raises(Unprocessable, match="Operation 1 of the JSON Patch \\(test\\)") as caught:
        patched({"x": held}, op("test", "", value={"x": held}), op("test", "/x", value=tested))
    assert [(issue.code, issue.expression) for issue in caught.value.issues] == [("processing", "[1]")]


@pytest.mark.parametrize(
    "patch",
    [
        {},
        None,
        "add",
        [1],
        [{}],
        [{"op": "spam", "path": "/a"}],
        [{"op": ["add"], "path": "/a", "value": 1}],
        [{"op": "add", "value": 1}],
        [{"op": "add", "path": "/a"}],
        [{"op": "replace", "path": "/a"}],
        [{"op": "test", "path": "/a"}],
        [{"op": "move", "path": "/a"}],
        [{"op": "copy", "path": "/a", "from": 1}],
        [{"op": "remove", "path": 1}],
        [{"op": "remove", "path": "a"}],
        [{"op": "remove", "path": "/a~2"}],
        [{"op": "remove", "path": "/a~"}],
        [{"op": "remove", "path": "/list/01"}],
        [{"op": "remove", "path": "/list/-1"}],
        [{"op": "remove", "path": "/list/+1"}],
        [{"op": "remove", "path": "/list/١"}],
        [{"op": "add", "path": "/list/x", "value": 1}],
        [{"op": "remove", "path": ""}],
        [{"op": "add", "path": "", "value": []}],
        [{"op": "replace", "path": "", "value": None}],
        [{"op": "move", "from": "/a", "path": "/a/b"}],
    ],
)
def test_a_wrong_patch_is_invalid(patch):
    with pytest.raises(Invalid):
        json_patch.apply({"a": {"b": 1}, "list": [1, 2]}, patch, LIMITS)


def test_a_later_wrong_operation_is_found_before_an_earlier_failing_one():
    with pytest.raises(Invalid, match="Operation 1 "):
        patched({}, op("remove", "/a"), {"op": "spam"})


@pytest.mark.parametrize(
    "operation",
    [
        op("remove", "/x"),
        op("replace", "/x", value=1),
        op("test", "/x", value=None),
        op("add", "/x/y", value=1),
        op("add", "/text/y", value=1),
        op("add", "/list/3", value=1),
        op("remove", "/list/2"),
        op("remove", "/list/-"),
        op("replace", "/list/-", value=1),
        op("copy", "/y", **{"from": "/x"}),
        op("move", "/x", **{"from": "/x"}),
        op("move", "/y", **{"from": "/list/2"}),
    ],
)
def test_a_place_that_is_not_there_is_unprocessable(operation):
    with pytest.raises(Unprocessable, match="Operation 0 "):
        patched({"text": "t", "list": [1, 2]}, operation)


def test_a_hundred_thousand_operations_are_refused_unread():
    with pytest.raises(TooCostly, match="100000 operations"):
        json_patch.apply({"a": 1}, [None] * 100_000, LIMITS)


def test_copies_that_double_the_resource_are_refused():
    doubling = [op("copy", f"/a/{number}", **{"from": "/a"}) for number in range(60)]
    with pytest.raises(TooCostly, match=f"more than {COPIED_MAX}"):
        patched({"a": {"b": "text"}}, *doubling)


def test_copies_of_a_long_text_are_refused():
    copies = [op("copy", f"/{number}", **{"from": "/a"}) for number in range(20)]
    with pytest.raises(TooCostly, match="copies more"):
        patched({"a": "x" * (COPIED_MAX // 10)}, *copies)


def test_moves_that_nest_ever_deeper_are_refused():
    resource = {str(level): {} for level in range(1_000)}
    nesting = [op("move", f"/{level + 1}/x", **{"from": f"/{level}"}) for level in range(999)]
    with pytest.raises(TooCostly, match="deeper than 100 levels"):
        patched(resource, *nesting)


def test_a_copy_of_what_moves_nested_too_deep_is_refused():
    resource = {str(level): {} for level in range(1_000)}
    nesting = [op("move", f"/{level + 1}/x", **{"from": f"/{level}"}) for level in range(990)]
    with pytest.raises(TooCostly, match="deeper than 100 levels"):
        patched(resource, *nesting, op("copy", "/y", **{"from": "/990"}))


def test_the_result_may_be_as_deep_as_the_limit():
    def nested(levels):
        return {"a": nested(levels - 1)} if levels > 1 else {}

    assert json_patch.apply(nested(4), [], Limits(10, 4))
    with pytest.raises(TooCostly, match="deeper than 4 levels"):
        json_patch.apply(nested(4), [op("add", "/a/a/a/a", value=[])], Limits(10, 4))


def calls_during(run) -> int:
    """Python calls made by `run`: a count that does not depend on the machine."""
    calls = 0

    def count(_frame, event, _argument):
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        run()
    finally:
        sys.setprofile(None)
    return calls


def test_the_cost_of_tests_grows_with_their_number():
    resource = {"list": [{"a": index} for index in range(1_000)]}

    def calls(count):
        tests = [op("test", f"/list/{index}/a", value=index) for index in range(count)]
        return calls_during(lambda: patched(resource, *tests))

    first, second, third = calls(0), calls(500), calls(1_000)
    assert abs((third - second) - (second - first)) <= 2


@given(resources, st.data())
def test_neither_tree_is_changed(resource, data):
    places = st.sampled_from([*pointers(resource), "/a", "/a/-", ""])
    names = st.sampled_from(sorted(json_patch._MEMBERS))
    operation = st.fixed_dictionaries({"op": names, "path": places, "from": places, "value": trees})
    operations = data.draw(st.lists(operation, max_size=3))
    before = as_text([resource, operations])
    with suppress(Invalid, Unprocessable):
        json_patch.apply(resource, operations, LIMITS)
    assert as_text([resource, operations]) == before


@given(resources, trees, st.data())
def test_removing_what_was_added_restores_the_resource(resource, value, data):
    containers = ["", *(p for p in pointers(resource) if isinstance(at(resource, p), dict | list))]
    container = data.draw(st.sampled_from(containers))
    held = at(resource, container)
    key = data.draw(st.integers(0, len(held))) if isinstance(held, list) else "new"
    place = f"{container}/{key}"
    result = patched(resource, op("add", place, value=value), op("test", place, value=value), op("remove", place))
    assert as_text(result) == as_text(resource)


def at(resource, pointer):
    value = resource
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


@given(trees, trees)
def test_equality_is_symmetric_and_a_tree_equals_its_copy(left, right):
    assert equal(left, right) == equal(right, left)
    assert equal(left, copied(left))
