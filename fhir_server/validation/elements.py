"""Rules every element obeys: repetition, the `_` siblings of primitives, choices, ids, ext-1.

https://hl7.org/fhir/R4/json.html, https://hl7.org/fhir/R4/extensibility.html
"""

from typing import Any

from fhir_server.model.definitions import Property
from fhir_server.validation.findings import Check, Findings, State, excerpt, joined, json_type


def single(check_one: Check, name: str) -> Check:
    """An element with max 1: said so where an array is found, and null is no value."""

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is list:
            return state.report("structure", f"{name} does not repeat (max 1): an array is not expected")
        if value is None:
            return state.report("structure", "ele-1: null stands only in an array of primitives")
        return check_one(value, parent, state)

    return check


def repeated(check_one: Check, name: str) -> Check:
    """An element with max *."""

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is not list:
            return state.report("structure", f"{name} repeats (max *): an array is expected")
        if not value:
            return state.report("invariant", "ele-1: an array is never empty")
        found: Findings | None = None
        for i, item in enumerate(value):
            more = check_one(item, parent, state)
            if more is not None:
                found = joined(found, more, f"[{i}]")
        return found

    return check


def nullable(check_one: Check, name: str) -> Check:
    """Items of a primitive array or of its sibling: null where the other array `name` has the item.

    https://hl7.org/fhir/R4/json.html#primitive
    """
    other = name[1:] if name.startswith("_") else "_" + name
    is_sibling = name.startswith("_")

    def check_item(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        return None if value is None else check_one(value, parent, state)

    check_items = repeated(check_item, name)

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        found = check_items(value, parent, state)
        if type(value) is list and (is_sibling or None in value):
            return joined(found, _check_pairs(value, parent.get(other), state))
        return found

    def _check_pairs(value: list[Any], others: Any, state: State) -> Findings | None:
        if others is not None and type(others) is not list:
            return None  # said where the other property is checked
        if is_sibling and others is not None and len(others) != len(value):
            return state.report("structure", f"{name} and {other} are arrays of equal length, filled with null")
        found: Findings | None = None
        for i, item in enumerate(value):
            is_alone = others is None or others[i : i + 1] in ([], [None])
            if item is None and (others is None or (not is_sibling and is_alone)):
                more: Findings | None = state.report("invariant", f"ele-1: null, and {other} has nothing here either")
            else:
                more = check_sibling(item, state, is_alone=is_alone) if is_sibling else None
            if more is not None:
                found = joined(found, more, f"[{i}]")
        return found

    return check


def beside(check_one: Check, name: str) -> Check:
    """The `_` sibling of a primitive with max 1."""
    primitive = name.removeprefix("_")

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        found = check_one(value, parent, state)
        more = check_sibling(value, state, is_alone=parent.get(primitive) is None)
        return found if more is None else joined(found, more)

    return check


def check_sibling(value: Any, state: State, *, is_alone: bool) -> Findings | None:
    """ele-1: an id is content enough for a primitive that has its value."""
    if type(value) is not dict or (value and not is_alone):
        return None
    return check_not_empty(value, state)


def choice(check_one: Check, chosen: Property, names: frozenset[str]) -> Check:
    """A property of a choice `value[x]`: no property of another type stands beside it."""
    own = {chosen.name, chosen.name.removeprefix("_"), "_" + chosen.name}
    others = names - own

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        found = check_one(value, parent, state)
        if others.isdisjoint(parent) or next(key for key in parent if key in names) in own:
            return found
        rule = f"{chosen.element.name} has one type: {chosen.name} stands beside another"
        return joined(found, state.report("structure", rule))

    return check


def element_id(check_string: Check) -> Check:
    """Element.id: unique within the resource (https://hl7.org/fhir/R4/element.html#id)."""

    def check(value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        found = check_string(value, parent, state)
        if found is not None:
            return found
        if value in state.scope.element_ids:
            return state.report("invariant", f"the id {excerpt(value)} is on two elements of the resource")
        state.scope.element_ids.add(value)
        return None

    return check


def check_extension(value_names: frozenset[str], extension: dict[str, Any], state: State) -> Findings | None:
    """ext-1 (https://hl7.org/fhir/R4/extensibility.html#Extension)."""
    if value_names.isdisjoint(extension) != ("extension" in extension):
        return state.report("invariant", "ext-1: an extension has a value or extensions, and not both")
    return None


def check_not_empty(element: dict[str, Any], state: State) -> Findings | None:
    """ele-1: an id alone is no content."""
    if not element or (len(element) == 1 and "id" in element):
        return state.report("invariant", "ele-1: an element has a value or children")
    return None


def wrong_shape(value: Any, name: str, state: State) -> Findings:
    return state.report("structure", f"{name}: an object is expected, found {json_type(value)}")
