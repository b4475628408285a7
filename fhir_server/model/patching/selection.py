"""What an expression selects in a resource, as places that can be changed.

Slower than the closures that search compiles, and it knows where everything is. https://hl7.org/fhirpath/N1/
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fhir_server.model.definitions import Definitions
from fhir_server.model.fhirpath.elements import elements_named, is_a
from fhir_server.model.fhirpath.equality import equal
from fhir_server.model.fhirpath.syntax import (
    Call,
    Comparison,
    Expression,
    FhirPathError,
    Field,
    Item,
    Literal,
    Logic,
    Path,
    Step,
    TypeStep,
    Union,
)
from fhir_server.model.patching.limits import VISITS_MAX, too_costly
from fhir_server.model.patching.places import Place, held
from fhir_server.model.patching.problems import PlaceError
from fhir_server.model.patching.tree import size


@dataclass(frozen=True, slots=True)
class Computed:
    """A value that is nowhere in the resource: a literal, the result of a comparison."""

    value: Any
    type_name: str = "System.Any"


Selected = Place | Computed


class Selector:
    """Evaluates expressions for one patch, which may look at `VISITS_MAX` elements altogether."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._visits = 0
        self._functions: dict[str, Callable[[Call, list[Selected]], list[Selected]]] = {
            "where": self._where,
            "exists": lambda call, found: _truth(value=bool(self._where(call, found) if call.arguments else found)),
            "empty": lambda _, found: _truth(value=not found),
            "not": lambda _, found: _truth(value=not self._is_true(found)) if found else [],
            "first": lambda _, found: found[:1],
            "last": lambda _, found: found[-1:],
            "single": _single,
            "extension": self._extensions,
            "hasExtension": lambda call, found: _truth(value=bool(self._extensions(call, found))),
        }

    def select(self, expression: Expression, focus: list[Selected]) -> list[Selected]:
        """Raises `FhirPathError` where the expression has no meaning here, `TooCostly` past the limit."""
        self._count(len(focus))
        if isinstance(expression, Path):
            return self._path(expression, focus)
        if isinstance(expression, Literal):
            return [Computed(expression.value)]
        if isinstance(expression, Union):
            return self._union(expression, focus)
        if isinstance(expression, Comparison):
            return self._comparison(expression, focus)
        return self._logic(expression, focus)

    def _count(self, visits: int) -> None:
        self._visits += visits
        if self._visits > VISITS_MAX:
            raise too_costly(f"The paths of the patch look at more than {VISITS_MAX} elements")

    def _path(self, path: Path, focus: list[Selected]) -> list[Selected]:
        steps = path.steps
        found = focus if path.start is None else self.select(path.start, focus)
        if path.start is None and steps and self._names_the_focus(steps[0], focus):
            steps = steps[1:]
        for step in steps:
            found = self._step(step, found)
            self._count(len(found) + 1)
        return found

    def _names_the_focus(self, step: Step, focus: list[Selected]) -> bool:
        """`Patient` in front of `Patient.name` is the patient itself."""
        return isinstance(step, Field) and any(is_a(self._definitions, f.type_name, step.name) for f in focus)

    def _step(self, step: Step, found: list[Selected]) -> list[Selected]:
        if isinstance(step, Field):
            return self._children(found, step.name)
        if isinstance(step, Item):
            return found[step.index : step.index + 1]
        if isinstance(step, TypeStep):
            matching = [item for item in found if is_a(self._definitions, item.type_name, step.type_name)]
            return matching if step.operator != "is" or not found else _truth(value=bool(matching))
        if step.function not in self._functions:
            sentence = f"{step.function}() would leave the resource; a patch changes one resource"
            raise FhirPathError("unsupported-function", step.position, sentence)
        return self._functions[step.function](step, found)

    def _children(self, found: list[Selected], name: str) -> list[Selected]:
        children: list[Selected] = []
        for item in found:
            if isinstance(item, Place):
                for element in elements_named(self._definitions, item.type_name, name):
                    children.extend(held(item, element.name, element.type.name))
        return children

    def _where(self, call: Call, found: list[Selected]) -> list[Selected]:
        return [item for item in found if self._is_true(self.select(call.arguments[0], [item]))]

    def _exists(self, call: Call, found: list[Selected]) -> list[Selected]:
        return _truth(value=bool(self._where(call, found) if call.arguments else found))

    def _extensions(self, call: Call, found: list[Selected]) -> list[Selected]:
        urls = [item.value for item in self.select(call.arguments[0], found)]
        extensions = self._children(found, "extension")
        self._count(len(extensions))
        return [item for item in extensions if isinstance(item.value, dict) and item.value.get("url") in urls]

    def _union(self, union: Union, focus: list[Selected]) -> list[Selected]:
        found = [item for operand in union.operands for item in self.select(operand, focus)]
        distinct = {str(item) if isinstance(item, Place) else f"={item.value!r}": item for item in found}
        return list(distinct.values())

    def _comparison(self, comparison: Comparison, focus: list[Selected]) -> list[Selected]:
        left, right = self.select(comparison.left, focus), self.select(comparison.right, focus)
        if not left or not right:
            return []
        self._count(sum(map(_weight, left)))
        same = len(left) == len(right) and all(equal(a.value, b.value) for a, b in zip(left, right, strict=True))
        return _truth(value=same == (comparison.operator == "="))

    def _logic(self, logic: Logic, focus: list[Selected]) -> list[Selected]:
        outcomes = (self._is_true(self.select(operand, focus)) for operand in logic.operands)
        return _truth(value=all(outcomes) if logic.operator == "and" else any(outcomes))

    def _is_true(self, found: list[Selected]) -> bool:
        """A single boolean is itself, any other single element counts as true.

        https://hl7.org/fhirpath/N1/#singleton-evaluation-of-collections
        """
        if len(found) > 1:
            raise PlaceError(f"a condition of the path is one value, not {len(found)}")
        return bool(found) and found[0].value is not False


def _truth(*, value: bool) -> list[Selected]:
    return [Computed(value, "boolean")]


def _single(_: Call, found: list[Selected]) -> list[Selected]:
    if len(found) > 1:
        raise PlaceError(f"single() finds {len(found)} elements")
    return found


def _weight(item: Selected) -> int:
    return size(item.value) if isinstance(item.value, dict | list) else 1
