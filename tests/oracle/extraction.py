"""The values a search parameter finds in a resource, by fhirpathpy. https://hl7.org/fhir/R4/searchparameter.html

What fhirpathpy cannot do is asked otherwise: it has no `resolve()` nor `hasExtension()`, `as` fails on more than one
item, a union forgets the types of its items, and no path may begin with `Resource`.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from fhirpathpy import compile as compile_path
from fhirpathpy.models import models

from tests.oracle.definitions import EVERY_TYPE, Parameter

Resource = dict[str, Any]
Path = Callable[[Any], list[Any]]

REWRITTEN = (
    (re.compile(r"\(([\w.]+) as (\w+)\)"), r"\1.ofType(\2)"),
    (re.compile(r"\.as\("), ".ofType("),
    (re.compile(r"ofType\(DateTime\)"), "ofType(dateTime)"),
    (re.compile(r"hasExtension\(([^)]*)\)"), r"extension(\1).exists()"),
    (re.compile(r"resolve\(\) is (\w+)"), r"refersTo('\1')"),
)
LITERAL = re.compile(r"(?:^|/)([A-Z]\w+)/[A-Za-z0-9.-]{1,64}(?:/_history/[A-Za-z0-9.-]+)?$")


@dataclass(frozen=True, slots=True)
class Element:
    """A datatype's name (a path for a backbone element) and the JSON value."""

    type: str
    value: Any
    node: Any = None
    """What fhirpathpy evaluates further paths on."""


class Extraction:
    """Remembers compiled expressions and what they found: resources must not change."""

    def __init__(self) -> None:
        self._compiled: dict[tuple[str, str], list[Path]] = {}
        self._found: dict[tuple[int, Parameter], tuple[Element, ...]] = {}
        self._kept: dict[int, Resource] = {}
        self._resource: Resource = {}

    def elements(self, resource: Resource, parameter: Parameter) -> tuple[Element, ...]:
        """In the order of the expression's alternatives."""
        key = (id(resource), parameter)
        if key not in self._found:
            self._kept[id(resource)] = self._resource = resource
            self._found[key] = tuple(self._select(resource["resourceType"], parameter.expression, resource))
        return self._found[key]

    def within(self, resource: Resource, group: Element, component: Parameter) -> list[Element]:
        """The values of a composite's component inside one of its groups."""
        self._resource = resource
        return self._select(resource["resourceType"], component.expression, group.node)

    def _select(self, type_name: str, expression: str, start: Any) -> list[Element]:
        found = [node for path in self._paths(type_name, expression) for node in path(start)]
        return [element for element in map(_element, found) if element.value is not None]

    def _paths(self, type_name: str, expression: str) -> list[Path]:
        key = (type_name, expression)
        if key not in self._compiled:
            self._compiled[key] = [self._compile(each) for each in alternatives(expression, type_name)]
        return self._compiled[key]

    def _compile(self, expression: str) -> Path:
        refers_to = {"fn": self._refers_to, "arity": {1: ["String"]}}
        options = {"userInvocationTable": {"refersTo": refers_to}, "returnRawData": True}
        path: Any = compile_path(expression, models["r4"], options)
        return lambda start: list(path(start))

    def _refers_to(self, references: Iterable[Any], type_name: str) -> list[bool]:
        return [self._target_type(getattr(one, "data", one).get("reference", "")) == type_name for one in references]

    def _target_type(self, reference: str) -> str | None:
        if reference.startswith("#"):
            contained = self._resource.get("contained", [])
            return next((one["resourceType"] for one in contained if one.get("id") == reference[1:]), None)
        literal = LITERAL.search(reference)
        return literal[1] if literal else None


def alternatives(expression: str, type_name: str) -> list[str]:
    """The parts of a union that begin with the type, or are relative, as fhirpathpy can be asked them."""
    for pattern, replacement in REWRITTEN:
        expression = pattern.sub(replacement, expression)
    for base in EVERY_TYPE:
        expression = re.sub(rf"\b{base}\.", f"{type_name}.", expression)
    return [part for part in expression.split(" | ") if re.match(rf"{type_name}\b|[a-z]", part)]


def _element(node: Any) -> Element:
    if isinstance(node, bool):
        return Element("boolean", node)
    return Element(str(node.path).removeprefix("System."), node.data, node)
