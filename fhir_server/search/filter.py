"""`_filter`: criteria with and, or, not and parentheses. https://hl7.org/fhir/R4/search_filter.html.

`and` and `or` are read from left to right, neither before the other. A path may be chained (`subject.name co "pet"`);
paths with filters in brackets, and the operators that need terminology (ss, sb, in, ni) or overlap (po), are not
supported.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from fhir_server.errors import Invalid, Issue, NotSupported, TooCostly
from fhir_server.search.boolean import And, Not, Or
from fhir_server.search.criteria import Criteria, Place, Unknown
from fhir_server.search.limits import CRITERIA_MAX, FILTER_CHARACTERS_MAX, FILTER_DEPTH_MAX
from fhir_server.search.predicate import Predicate

_WORD = re.compile(r'\s*(\(|\)|"(?:[^"\\]|\\.)*"|[^\s()"]+)')
_OPERATORS: Final = frozenset("eq ne co sw ew gt lt ge le sa eb ap re pr".split())
_CONNECTIVES: Final[dict[str, type[And] | type[Or]]] = {"and": And, "or": Or}
_ESCAPED: Final = str.maketrans({"\\": "\\\\", ",": "\\,"})


def parse_filter(criteria: Criteria, type_name: str, text: str) -> Predicate:
    """Raises `Invalid` naming the place, `NotSupported` and `TooCostly`."""
    if len(text) > FILTER_CHARACTERS_MAX:
        raise TooCostly(f"_filter may have {FILTER_CHARACTERS_MAX} characters")
    reading = _Filter(_words(text), partial(_criterion, criteria, type_name))
    found = reading.expression(0)
    if reading.position < len(reading.words):
        raise reading.malformed("'and', 'or' or the end")
    return found


def _words(text: str) -> list[str]:
    words, position = [], 0
    while match := _WORD.match(text, position):
        words.append(match[1])
        position = match.end()
    if text[position:].strip():
        raise _invalid(f"what begins with '{text[position : position + 20].strip()}' is not read")
    return words


def _invalid(problem: str) -> Invalid:
    message = f"_filter: {problem}"
    return Invalid(message, [Issue("invalid", message, "_filter")])


def _criterion(criteria: Criteria, type_name: str, path: str, operator: str, value: str) -> Predicate:
    try:
        if operator == "pr":
            return criteria.of_type(type_name, f"{path}:missing", _absent(value))
        return criteria.of_type(type_name, path, value, Place(operator=operator))
    except Unknown as unknown:  # what is unknown is never left out of an expression: it would mean something else
        raise _invalid(unknown.message) from unknown


def _absent(value: str) -> str:
    if value not in ("true", "false"):
        raise _invalid("pr takes true or false")
    return "false" if value == "true" else "true"


@dataclass(slots=True)
class _Filter:
    words: list[str]
    criterion: Callable[[str, str, str], Predicate]
    position: int = 0
    read: int = field(default=0)

    def malformed(self, expected: str) -> Invalid:
        found = self.words[self.position][:40] if self.position < len(self.words) else "the end"
        return _invalid(f"word {self.position + 1} is {found} where {expected} was expected")

    def _next(self, expected: str) -> str:
        if self.position >= len(self.words):
            raise self.malformed(expected)
        self.position += 1
        return self.words[self.position - 1]

    def _take(self, word: str) -> bool:
        if self.position < len(self.words) and self.words[self.position] == word:
            self.position += 1
            return True
        return False

    def expression(self, depth: int) -> Predicate:
        found = self._one(depth)
        while self.position < len(self.words) and self.words[self.position] in _CONNECTIVES:
            connective = _CONNECTIVES[self._next("'and' or 'or'")]
            found = connective((*_parts(found, connective), self._one(depth)))
        return found

    def _one(self, depth: int) -> Predicate:
        if depth > FILTER_DEPTH_MAX:
            raise TooCostly(f"_filter may nest {FILTER_DEPTH_MAX} levels of 'not' and parentheses")
        if self._take("not"):
            return Not(self._one(depth + 1))
        if self._take("("):
            found = self.expression(depth + 1)
            if not self._take(")"):
                raise self.malformed("')'")
            return found
        return self._comparison()

    def _comparison(self) -> Predicate:
        self.read += 1
        if self.read > CRITERIA_MAX:
            raise TooCostly(f"_filter may have {CRITERIA_MAX} comparisons")
        path, operator = self._next("a parameter"), self._next("an operator")
        value = _value(self._next("a value"))
        if operator in _OPERATORS:
            return self.criterion(path, operator, value)
        message = f"_filter: the operator '{operator[:10]}' is not supported"
        raise NotSupported(message, [Issue("not-supported", message, "_filter")])


def _parts(found: Predicate, connective: type[And] | type[Or]) -> tuple[Predicate, ...]:
    """Of a chain of one connective, so that it does not nest."""
    return found.parts if isinstance(found, And | Or) and isinstance(found, connective) else (found,)


def _value(word: str) -> str:
    """A word as it stands, or a JSON string; what separates values in a query does not in a filter."""
    if not word.startswith('"'):
        return word.translate(_ESCAPED)
    try:
        text = str(msgspec.json.decode(word))
    except msgspec.DecodeError as error:
        raise _invalid(f"{word[:40]} is not a string") from error
    if "\0" in text:  # as in every other value
        raise _invalid("a value has no character U+0000")
    return text.translate(_ESCAPED)
