"""One parameter of a query: which resources of a type it selects. https://hl7.org/fhir/R4/search.html

A comma is OR; what is chained or reversed is asked of the other type first.
"""

from collections.abc import Callable, Iterator
from itertools import product

from tests.oracle.dates import date_test, target_range
from tests.oracle.definitions import Parameter
from tests.oracle.escapes import split
from tests.oracle.extraction import Element, Resource
from tests.oracle.near import near_test
from tests.oracle.numbers import number_test
from tests.oracle.quantities import quantity_test
from tests.oracle.references import Key, reference_test
from tests.oracle.store import Store
from tests.oracle.strings import string_test
from tests.oracle.tokens import token_test
from tests.oracle.uris import uri_test
from tests.oracle.words import words_test

Test = Callable[[Element], bool]
Ids = frozenset[str]

PLAIN = {"date", "number", "quantity", "composite", "special"}
"""What has no modifier but `:missing`."""


class Criteria:
    """Remembers its answers: the store must not change."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._answers: dict[tuple[str, str, str], Ids] = {}

    def ids(self, type_name: str, name: str, value: str) -> Ids:
        """Of the resources of the type that satisfy `name=value`."""
        key = (type_name, name, value)
        if key not in self._answers:
            self._answers[key] = frozenset(self._selected(type_name, name, value))
        return self._answers[key]

    def _selected(self, type_name: str, name: str, value: str) -> Iterator[str]:
        if name.startswith("_has:"):
            return self._reversed(type_name, name, value)
        if "." in name:
            return self._chained(type_name, name, value)
        test = self._test(type_name, name, value)
        return (resource["id"] for resource in self.store.of_type(type_name) if test(resource))

    def _test(self, type_name: str, name: str, value: str) -> Callable[[Resource], bool]:
        if name in ("_text", "_content"):
            return words_test(name, value)
        if name == "_list":
            return self._list_test(value)
        code, _, modifier = name.partition(":")
        return self._parameter_test(self.store.definitions.get(type_name, code), modifier or None, value)

    def _list_test(self, value: str) -> Callable[[Resource], bool]:
        """The List's items. https://hl7.org/fhir/R4/search.html#list"""
        item = self.store.definitions.get("List", "item")
        found = [self.store.get(("List", each)) for each in value.split(",")]
        keys = {key for one in found if one for key in self.store.links(one, item)}
        return lambda resource: (resource["resourceType"], resource["id"]) in keys

    def _parameter_test(self, parameter: Parameter, modifier: str | None, value: str) -> Callable[[Resource], bool]:
        if modifier == "missing":
            return lambda resource: self._is_missing(resource, parameter) == (value == "true")
        if parameter.kind == "composite":
            return self._composite_test(parameter, value)
        tests = [self.element_test(parameter, modifier, each) for each in split(value, ",")]
        wanted = modifier != "not"

        def test(resource: Resource) -> bool:
            values = self.store.elements(resource, parameter)
            return wanted == any(each(element) for each in tests for element in values)

        return test

    def _is_missing(self, resource: Resource, parameter: Parameter) -> bool:
        values = self.store.elements(resource, parameter)
        if parameter.kind == "date":
            return all(target_range(element) is None for element in values)
        return not values

    def element_test(self, parameter: Parameter, modifier: str | None, value: str) -> Test:
        """Of one value without OR."""
        store = self.store
        if parameter.kind in PLAIN and modifier is not None:
            raise ValueError(f"a {parameter.kind} has no modifier {modifier}")
        kinds: dict[str, Callable[[], Test]] = {
            "string": lambda: string_test(modifier, value),
            "token": lambda: token_test(modifier, value),
            "reference": lambda: reference_test(parameter, modifier, value, store.base),
            "date": lambda: date_test(value, store.now),
            "number": lambda: number_test(value),
            "quantity": lambda: quantity_test(value),
            "uri": lambda: uri_test(modifier, value),
            "special": lambda: near_test(value),
        }
        return kinds[parameter.kind]()

    def _composite_test(self, parameter: Parameter, value: str) -> Callable[[Resource], bool]:
        """All parts inside one group. https://hl7.org/fhir/R4/search.html#combining"""
        asked = [self._group_tests(parameter, each) for each in split(value, ",")]
        within = self.store.extraction.within

        def fits(resource: Resource, group: Element, tests: list[tuple[Parameter, Test]]) -> bool:
            return all(any(map(test, within(resource, group, component))) for component, test in tests)

        def matches(resource: Resource) -> bool:
            groups = self.store.elements(resource, parameter)
            return any(fits(resource, group, tests) for group, tests in product(groups, asked))

        return matches

    def _group_tests(self, parameter: Parameter, value: str) -> list[tuple[Parameter, Test]]:
        pairs = zip(parameter.components, split(value, "$"), strict=True)
        return [(component, self.element_test(component, None, part)) for component, part in pairs]

    def _chained(self, type_name: str, name: str, value: str) -> Iterator[str]:
        """`reference[:Type].rest`. https://hl7.org/fhir/R4/search.html#chaining"""
        head, _, rest = name.partition(".")
        code, _, only = head.partition(":")
        parameter = self.store.definitions.get(type_name, code)
        targets = {only} if only else {each for each in parameter.targets if self._knows(each, rest)}
        keys = {(target, found) for target in targets for found in self.ids(target, rest, value)}
        return self._linked(type_name, parameter, keys)

    def _knows(self, type_name: str, name: str) -> bool:
        code = name.partition(".")[0].partition(":")[0]
        return self.store.definitions.find(type_name, code) is not None

    def _linked(self, type_name: str, parameter: Parameter, keys: set[Key]) -> Iterator[str]:
        for resource in self.store.of_type(type_name):
            if not keys.isdisjoint(self.store.links(resource, parameter)):
                yield resource["id"]

    def _reversed(self, type_name: str, name: str, value: str) -> Iterator[str]:
        """`_has:Type:reference:rest`. https://hl7.org/fhir/R4/search.html#has"""
        _, other, code, rest = name.split(":", 3)
        parameter = self.store.definitions.get(other, code)
        referring = self.ids(other, rest, value)
        keys = {
            key
            for resource in self.store.of_type(other)
            if resource["id"] in referring
            for key in self.store.links(resource, parameter)
        }
        return (resource["id"] for resource in self.store.of_type(type_name) if (type_name, resource["id"]) in keys)
