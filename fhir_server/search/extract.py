"""Search parameter expressions, compiled once for each resource type to closures fast enough for every write.

https://hl7.org/fhir/R4/searchparameter.html, https://hl7.org/fhir/R4/fhirpath.html
"""

from collections.abc import Callable, Sequence
from typing import Any

from fhir_server.model.definitions import Definitions, Property
from fhir_server.model.fhirpath.elements import elements_named, is_a
from fhir_server.model.fhirpath.parser import parse
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
from fhir_server.search import fetching
from fhir_server.search.fetching import Fetch, Truth, Typed

__all__ = ["Extractor", "Typed", "compile_expression"]

BRANCHES_MAX = 2_000
"""Steps of an expression, each counted for every type of value it may meet (steps)."""

Extractor = Callable[[dict[str, Any]], list[Typed]]

_PICKS = {"first": slice(0, 1), "last": slice(-1, None), "single": slice(0, 1)}


def compile_expression(definitions: Definitions, type_name: str, text: str) -> Extractor:
    """What `text` selects in a value of the type; an element that two alternatives select comes twice.

    Alternatives that begin with another resource type are left out. Raises `FhirPathError` for an expression
    that is not read here, or that can never select anything.
    """
    fetch = _Compiler(definitions).expression(parse(text), type_name)
    if fetch is None:
        raise FhirPathError("selects-nothing", 0, f"{type_name} has no such element")
    return _extractor(fetch)


def _extractor(fetch: Fetch) -> Extractor:
    def extract(value: dict[str, Any]) -> list[Typed]:
        found: list[Typed] = []
        fetch(value, found, value)
        return found

    return extract


class _Compiler:
    """Types are known while compiling: a branch of a choice that a later step rules out is None."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._branches = 0

    def expression(self, expression: Expression, type_name: str) -> Fetch | None:
        if isinstance(expression, Path):
            return self._path(expression, type_name)
        if isinstance(expression, Literal):
            return fetching.constant(expression.value)
        if isinstance(expression, Union):
            return _each([self.expression(operand, type_name) for operand in expression.operands])
        return fetching.computed(self._truth(expression, type_name))

    def _path(self, path: Path, type_name: str) -> Fetch | None:
        if path.start is not None:
            return self._after(path.start, path.steps, type_name)
        steps = path.steps
        if steps and isinstance(steps[0], Field) and self._is_type(steps[0].name):
            if not is_a(self._definitions, type_name, steps[0].name):
                return None
            steps = steps[1:]
        return self._steps(steps, type_name)

    def _is_type(self, name: str) -> bool:
        """Whether a path that begins with the name means a type; `id` and `code` mean an element."""
        return name in self._definitions.types and not self._definitions.is_primitive(name)

    def _after(self, start: Expression, steps: Sequence[Step], type_name: str) -> Fetch | None:
        """`(a | b).c` is `a.c | b.c` unless a step looks at all of them together."""
        if not isinstance(start, Union) or any(_is_pick(step) for step in steps):
            raise FhirPathError("unsupported-start", 0, "only alternatives are read in parentheses before a step")
        paths = [_with_steps(operand, steps) for operand in start.operands]
        return _each([self._path(path, type_name) for path in paths])

    def _steps(self, steps: Sequence[Step], type_name: str) -> Fetch | None:
        for number, step in enumerate(steps):
            if _is_pick(step):
                return self._picked(steps[:number], step, steps[number + 1 :], type_name)
        return self._plain(steps, type_name)

    def _plain(self, steps: Sequence[Step], type_name: str) -> Fetch | None:
        if not steps:
            return fetching.keep_resource if type_name == "Resource" else fetching.keep(type_name)
        self._branches += 1
        if self._branches > BRANCHES_MAX:
            raise FhirPathError("too-wide", 0, f"it would branch over more than {BRANCHES_MAX} types of values")
        step, rest = steps[0], steps[1:]
        if isinstance(step, Field):
            return self._field(step, rest, type_name)
        if isinstance(step, TypeStep):
            return self._type_step(step, rest, type_name)
        if isinstance(step, Call):
            return self._call(step, rest, type_name)
        raise _unsupported(step)

    def _field(self, step: Field, rest: Sequence[Step], type_name: str) -> Fetch | None:
        branches = []
        for found in elements_named(self._definitions, type_name, step.name):
            name, inner = self._entrance(found, rest)
            then = self._plain(rest, inner)
            if then is not None:
                is_list = found.element.max is None
                branches.append(fetching.items(name, then) if is_list else fetching.member(name, then))
        return _each(branches)

    def _entrance(self, found: Property, rest: Sequence[Step]) -> tuple[str, str]:
        """The JSON property to go through and its type: a primitive's sibling where extensions are meant."""
        into_sibling = rest and (
            (isinstance(rest[0], Field) and rest[0].name in ("id", "extension"))
            or (isinstance(rest[0], Call) and rest[0].function in ("extension", "hasExtension"))
        )
        if into_sibling and self._definitions.is_primitive(found.type.name):
            return "_" + found.name, "Element"
        return found.name, found.type.name

    def _type_step(self, step: TypeStep, rest: Sequence[Step], type_name: str) -> Fetch | None:
        if step.operator == "is" or type_name == "Resource":
            raise _unsupported(step)
        return self._plain(rest, type_name) if is_a(self._definitions, type_name, step.type_name) else None

    def _call(self, call: Call, rest: Sequence[Step], type_name: str) -> Fetch | None:
        if call.function == "where":
            then = self._plain(rest, type_name)
            return then and fetching.filtered(self._truth(call.arguments[0], type_name), then)
        if call.function == "extension":
            then = self._plain(rest, "Extension")
            return then and fetching.items("extension", fetching.filtered(_url_is(call), then))
        raise _unsupported(call)

    def _picked(self, before: Sequence[Step], step: Step, after: Sequence[Step], type_name: str) -> Fetch | None:
        collect = self._plain(before, type_name)
        types = self._types_after(before, type_name)
        then = {name: self._steps(after, name) for name in types}
        if collect is None or not any(then.values()):
            return None
        pick = slice(step.index, step.index + 1) if isinstance(step, Item) else _PICKS[_function(step)]
        known = {"" if name == "Resource" else name: fetch for name, fetch in then.items() if fetch}
        return fetching.picked(collect, pick, known)

    def _types_after(self, steps: Sequence[Step], type_name: str) -> set[str]:
        types = {type_name}
        for step in steps:
            if isinstance(step, Field):
                found = (elements_named(self._definitions, name, step.name) for name in types)
                types = {element.type.name for elements in found for element in elements}
            elif isinstance(step, TypeStep):
                types = {name for name in types if is_a(self._definitions, name, step.type_name)}
            elif _function(step) == "extension":
                types = {"Extension"}
        return types

    def _truth(self, expression: Expression, type_name: str) -> Truth:
        if isinstance(expression, Logic):
            operands = [self._truth(operand, type_name) for operand in expression.operands]
            return fetching.joined(operands, decides=expression.operator == "or")
        if isinstance(expression, Comparison):
            return self._comparison(expression, type_name)
        if isinstance(expression, Path) and expression.steps:
            return self._path_truth(expression, type_name)
        return fetching.is_true(self._must(expression, type_name))

    def _path_truth(self, path: Path, type_name: str) -> Truth:
        before, last = _without_last_step(path), path.steps[-1]
        function = _function(last)
        if isinstance(last, TypeStep) and last.operator == "is":
            return self._is(before, last, type_name)
        if function == "hasExtension" and isinstance(last, Call):
            extension = Call("extension", last.arguments, last.position)
            return fetching.exists(self._must(_with_steps(before, [extension]), type_name))
        if function == "not":
            return fetching.negated(self._truth(before, type_name))
        if function == "exists" and isinstance(last, Call) and last.arguments:
            where = Call("where", last.arguments, last.position)
            return fetching.exists(self._must(_with_steps(before, [where]), type_name))
        if function in ("exists", "empty"):
            return fetching.exists(self._must(before, type_name), wanted=function == "exists")
        return fetching.is_true(self._must(path, type_name))

    def _is(self, before: Expression, step: TypeStep, type_name: str) -> Truth:
        """Only `resolve() is T` of a reference; what else could be asked is known from the definitions."""
        steps = before.steps if isinstance(before, Path) else ()
        resolved = len(steps) == 1 and _function(steps[0]) == "resolve"
        if not resolved or type_name != "Reference":
            raise _unsupported(step)
        types = self._definitions.types
        return fetching.refers_to(frozenset(t for t in types if is_a(self._definitions, t, step.type_name)))

    def _comparison(self, comparison: Comparison, type_name: str) -> Truth:
        left, right = comparison.left, comparison.right
        if isinstance(left, Path) and isinstance(right, Literal) and comparison.operator == "=":
            name = self._single_member(left, type_name)
            if name and isinstance(right.value, str):
                return fetching.member_is(name, right.value)
        sides = self._must(left, type_name), self._must(right, type_name)
        return fetching.compared(*sides, same=comparison.operator == "=")

    def _single_member(self, path: Path, type_name: str) -> str:
        if path.start is not None or len(path.steps) != 1 or not isinstance(path.steps[0], Field):
            return ""
        found = elements_named(self._definitions, type_name, path.steps[0].name)
        return found[0].name if len(found) == 1 and found[0].element.max is not None else ""

    def _must(self, expression: Expression, type_name: str) -> Fetch:
        fetch = self.expression(expression, type_name)
        if fetch is None:
            raise FhirPathError("selects-nothing", 0, f"{type_name} has no such element")
        return fetch


def _each(alternatives: Sequence[Fetch | None]) -> Fetch | None:
    live = [alternative for alternative in alternatives if alternative is not None]
    return fetching.each(live) if live else None


def _function(step: Step) -> str:
    return step.function if isinstance(step, Call) else ""


def _is_pick(step: Step) -> bool:
    return isinstance(step, Item) or _function(step) in _PICKS


def _with_steps(expression: Expression, steps: Sequence[Step]) -> Path:
    if isinstance(expression, Path):
        return Path(expression.start, (*expression.steps, *steps))
    return Path(expression, tuple(steps))


def _without_last_step(path: Path) -> Expression:
    if path.start is not None and len(path.steps) == 1:
        return path.start
    return Path(path.start, path.steps[:-1])


def _url_is(call: Call) -> Truth:
    url = call.arguments[0]
    if not isinstance(url, Literal) or not isinstance(url.value, str):
        raise _unsupported(call)
    return fetching.member_is("url", url.value)


def _unsupported(step: Step) -> FhirPathError:
    written = step.function if isinstance(step, Call) else type(step).__name__
    return FhirPathError("unsupported-here", step.position, f"a search parameter cannot be compiled with {written}")
