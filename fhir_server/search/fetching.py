"""The closures an expression is compiled to: each adds what it finds to a list, or says yes or no.

A step is given the step that follows it, so a missing element ends the work where it is missing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fhir_server.model.fhirpath.equality import equal
from fhir_server.search.references import target_type


class Typed(NamedTuple):
    """A JSON value and its FHIR type; a backbone element's type is its path, `Patient.contact`."""

    type_name: str
    value: Any


Json = dict[str, Any]
Fetch = Callable[[Any, list[Typed], Json], None]
"""(value, found so far, the resource around it)"""
Truth = Callable[[Any, Json], bool | None]
"""None is FHIRPath's empty collection: neither true nor false."""


def keep(type_name: str) -> Fetch:
    """The last step: the value is what was looked for."""

    def fetch(value: Any, found: list[Typed], _: Json) -> None:
        found.append(Typed(type_name, value))

    return fetch


def keep_resource(value: Any, found: list[Typed], _: Json) -> None:
    """The last step where only the value knows its type."""
    found.append(Typed(str(value.get("resourceType")), value))


def member(name: str, then: Fetch) -> Fetch:
    def fetch(value: Any, found: list[Typed], resource: Json) -> None:
        child = value.get(name)
        if child is not None:
            then(child, found, resource)

    return fetch


def items(name: str, then: Fetch) -> Fetch:
    def fetch(value: Any, found: list[Typed], resource: Json) -> None:
        children = value.get(name)
        if children is not None:
            for child in children:
                if child is not None:  # an item that is only an extension
                    then(child, found, resource)

    return fetch


def each(alternatives: Sequence[Fetch]) -> Fetch:
    if len(alternatives) == 1:
        return alternatives[0]

    def fetch(value: Any, found: list[Typed], resource: Json) -> None:
        for alternative in alternatives:
            alternative(value, found, resource)

    return fetch


def filtered(condition: Truth, then: Fetch) -> Fetch:
    def fetch(value: Any, found: list[Typed], resource: Json) -> None:
        if condition(value, resource):
            then(value, found, resource)

    return fetch


def picked(collect: Fetch, pick: slice, then: Mapping[str, Fetch]) -> Fetch:
    """Some of all that `collect` finds, each followed by the step for its type; "" is any type."""

    def fetch(value: Any, found: list[Typed], resource: Json) -> None:
        collected: list[Typed] = []
        collect(value, collected, resource)
        for item in collected[pick]:
            then.get(item.type_name, then.get("", _nothing))(item.value, found, resource)

    return fetch


def _nothing(value: Any, found: list[Typed], resource: Json) -> None:
    pass


def computed(truth: Truth) -> Fetch:
    def fetch(value: Any, found: list[Typed], resource: Json) -> None:
        outcome = truth(value, resource)
        if outcome is not None:
            found.append(Typed("boolean", outcome))

    return fetch


def exists(collect: Fetch, *, wanted: bool = True) -> Truth:
    def truth(value: Any, resource: Json) -> bool:
        found: list[Typed] = []
        collect(value, found, resource)
        return bool(found) is wanted

    return truth


def is_true(collect: Fetch) -> Truth:
    """A single boolean is itself, another single value counts as true.

    https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
    """

    def truth(value: Any, resource: Json) -> bool | None:
        found: list[Typed] = []
        collect(value, found, resource)
        return found[0].value is not False if len(found) == 1 else None

    return truth


def negated(condition: Truth) -> Truth:
    def truth(value: Any, resource: Json) -> bool | None:
        outcome = condition(value, resource)
        return None if outcome is None else not outcome

    return truth


def compared(left: Fetch, right: Fetch, *, same: bool) -> Truth:
    def truth(value: Any, resource: Json) -> bool | None:
        lefts: list[Typed] = []
        rights: list[Typed] = []
        left(value, lefts, resource)
        right(value, rights, resource)
        if not lefts or not rights:
            return None
        return equal([item.value for item in lefts], [item.value for item in rights]) is same

    return truth


def member_is(name: str, text: str) -> Truth:
    """`name = 'text'` for a member that is no list: by far the most frequent condition."""

    def truth(value: Any, _: Json) -> bool | None:
        child = value.get(name)
        return None if child is None else child == text

    return truth


def constant(value: Any) -> Fetch:
    typed = Typed("", value)

    def fetch(_: Any, found: list[Typed], __: Json) -> None:
        found.append(typed)

    return fetch


def joined(conditions: Sequence[Truth], *, decides: bool) -> Truth:
    """`or` is decided by a true operand, `and` by a false one. https://hl7.org/fhirpath/N1/#boolean-logic."""

    def truth(value: Any, resource: Json) -> bool | None:
        outcome: bool | None = not decides
        for condition in conditions:
            operand = condition(value, resource)
            if operand is decides:
                return decides
            if operand is None:
                outcome = None
        return outcome

    return truth


def refers_to(types: frozenset[str]) -> Truth:
    """`resolve() is Patient`, decided by the reference itself."""

    def truth(value: Any, resource: Json) -> bool:
        return target_type(value, resource) in types

    return truth
