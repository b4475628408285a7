"""_filter: an expression over search parameters. https://hl7.org/fhir/R4/search_filter.html

`and` and `or` have no precedence: they are read from left to right.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from tests.oracle.criteria import Criteria, Ids, Test
from tests.oracle.definitions import Parameter
from tests.oracle.escapes import escape
from tests.oracle.strings import folded, texts

LEXEME = re.compile(r'\s*([()]|"(?:[^"\\]|\\.)*"|[^\s()]+)')
ON_STRINGS: dict[str, Callable[[str, str], bool]] = {
    "eq": str.__eq__,
    "ne": str.__ne__,
    "co": str.__contains__,
    "sw": str.startswith,
    "ew": str.endswith,
}
ORDERED = {"date", "number", "quantity"}


@dataclass
class Filter:
    """One expression, asked of one type."""

    criteria: Criteria
    type_name: str
    lexemes: list[str]

    def ids(self) -> Ids:
        found = self._one()
        while self.lexemes and self.lexemes[0] in ("and", "or"):
            found = found & self._one() if self.lexemes.pop(0) == "and" else found | self._one()
        return found

    def _one(self) -> Ids:
        first = self.lexemes.pop(0)
        if first == "not":
            everything = frozenset(one["id"] for one in self.criteria.store.of_type(self.type_name))
            return everything - self._one()
        if first != "(":
            return compared(self.criteria, self.type_name, first, self.lexemes.pop(0), self.lexemes.pop(0))
        found = self.ids()
        closing = self.lexemes.pop(0)
        if closing != ")":
            raise ValueError(f"{closing} where a parenthesis should close")
        return found


def filter_ids(criteria: Criteria, type_name: str, text: str) -> Ids:
    read = Filter(criteria, type_name, LEXEME.findall(text))
    found = read.ids()
    if read.lexemes:
        raise ValueError(f"{read.lexemes} is left over")
    return found


def compared(criteria: Criteria, type_name: str, path: str, operator: str, written: str) -> Ids:
    """`path operator value`; a path is chained with dots."""
    value = json.loads(written) if written.startswith('"') else written
    head, _, rest = path.partition(".")
    if rest:
        return _chained(criteria, type_name, head, (rest, operator, written))
    parameter = criteria.store.definitions.get(type_name, head)
    if operator == "pr":
        return criteria.ids(type_name, f"{head}:missing", "false" if value == "true" else "true")
    test = operator_test(criteria, parameter, operator, value)
    store = criteria.store
    return frozenset(one["id"] for one in store.of_type(type_name) if any(map(test, store.elements(one, parameter))))


def _chained(criteria: Criteria, type_name: str, head: str, asked: tuple[str, str, str]) -> Ids:
    store = criteria.store
    parameter = store.definitions.get(type_name, head)
    code = asked[0].partition(".")[0]
    targets = [target for target in parameter.targets if store.definitions.find(target, code)]
    keys = {(target, found) for target in targets for found in compared(criteria, target, *asked)}
    return frozenset(one["id"] for one in store.of_type(type_name) if not keys.isdisjoint(store.links(one, parameter)))


def operator_test(criteria: Criteria, parameter: Parameter, operator: str, value: str) -> Test:
    """What the operators mean for each type of parameter; `ne` is about an item, as every other one."""
    if parameter.kind == "string":
        compare, key = ON_STRINGS[operator], folded(value)
        return lambda element: any(compare(folded(text), key) for text in texts(element))
    if parameter.kind in ORDERED:
        return criteria.element_test(parameter, None, operator + value)
    asked = escape(value) if parameter.kind == "uri" else value
    equal = criteria.element_test(parameter, None, asked)
    if operator in ("eq", "re"):
        return equal
    if operator == "ne":
        return lambda element: not equal(element)
    raise ValueError(f"{operator} is not for a {parameter.kind}")
