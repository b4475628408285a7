"""FHIRPath Patch. https://hl7.org/fhir/R4/fhirpatch.html."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import Invalid, Issue
from fhir_server.model.definitions import Definitions, Property
from fhir_server.model.fhirpath.elements import elements_named
from fhir_server.model.fhirpath.parser import parse
from fhir_server.model.fhirpath.syntax import Expression, Field, Path
from fhir_server.model.patching import edits
from fhir_server.model.patching.limits import (
    PATHS_LENGTH_MAX,
    Limits,
    guarded_depth,
    refuse_depth,
    refuse_operations,
    too_costly,
)
from fhir_server.model.patching.parts import Builder, Part, present
from fhir_server.model.patching.places import Place, root
from fhir_server.model.patching.problems import PlaceError, WrongError, reported
from fhir_server.model.patching.selection import Selector
from fhir_server.model.patching.tree import copied

_PARTS = {
    "add": ("path", "name", "value"),
    "insert": ("path", "value", "index"),
    "delete": ("path",),
    "replace": ("path", "value"),
    "move": ("path", "source", "destination"),
}
"""The parts each type of operation needs, beside `type`; others are refused."""

_VALUE_OF = {
    "type": "valueCode",
    "path": "valueString",
    "name": "valueString",
    "index": "valueInteger",
    "source": "valueInteger",
    "destination": "valueInteger",
}


@dataclass(frozen=True, slots=True)
class _Operation:
    type: str
    path: Expression
    name: str
    value: Part
    index: int
    source: int
    destination: int


def apply(resource: dict[str, Any], patch: dict[str, Any], limits: Limits, definitions: Definitions) -> dict[str, Any]:
    """`resource` after all operations of the Parameters resource `patch`; neither is changed.

    Raises `Invalid` for a patch that is none or a value of the wrong type, `Unprocessable` where a path does
    not select what its operation needs, `TooCostly` past a limit.
    """
    parameters = _parameters(patch)
    refuse_operations(len(parameters), limits)
    operations = _read_all(parameters)
    with guarded_depth(limits):
        patched = _Patched(copied(resource), definitions)
        for number, operation in enumerate(operations):
            with _reported(number, operation.type):
                patched.run(operation)
    refuse_depth(patched.resource, limits)
    return patched.resource


def _parameters(patch: Any) -> list[Any]:
    parameters = patch.get("parameter", []) if isinstance(patch, dict) else None
    if not isinstance(parameters, list) or patch.get("resourceType") != "Parameters":
        message = "A FHIRPath Patch is a Parameters resource"
        raise Invalid(message, [Issue("structure", message)])
    return parameters


def _reported(number: int, operation_type: str = "") -> AbstractContextManager[None]:
    named = f" ({operation_type})" if operation_type else ""
    return reported(f"Operation {number} of the FHIRPath Patch{named}", f"Parameters.parameter[{number}]")


def _read_all(parameters: list[Any]) -> list[_Operation]:
    operations, length = [], 0
    for number, parameter in enumerate(parameters):
        with _reported(number):
            parts = _parts_by_name(parameter)
            length += len(_of(parts, "path"))
            if length > PATHS_LENGTH_MAX:
                raise too_costly(f"The paths of the patch have more than {PATHS_LENGTH_MAX} characters")
            operations.append(_read(parts))
    return operations


def _read(parts: dict[str, Part]) -> _Operation:
    operation_type = _of(parts, "type")
    if operation_type not in _PARTS:
        raise WrongError(f"'type' is one of {', '.join(_PARTS)}")
    for name in parts.keys() ^ {"type", *_PARTS[operation_type]}:
        raise WrongError(f"{operation_type} {'takes no' if name in parts else 'needs a'} part '{name}'")
    return _Operation(
        type=operation_type,
        path=parse(_of(parts, "path")),
        name=_of(parts, "name"),
        value=parts.get("value", {}),
        index=_of(parts, "index"),
        source=_of(parts, "source"),
        destination=_of(parts, "destination"),
    )


def _parts_by_name(parameter: Any) -> dict[str, Part]:
    if not isinstance(parameter, dict) or parameter.get("name") != "operation":
        raise WrongError("a parameter is named 'operation'")
    found: dict[str, Part] = {}
    parts = parameter.get("part")
    for part in parts if isinstance(parts, list) else []:
        name = part.get("name") if isinstance(part, dict) else None
        if not isinstance(name, str) or name in found:
            raise WrongError("every part has a name of its own")
        found[name] = part
    return found


def _of(parts: dict[str, Part], name: str) -> Any:
    """The value of a part, or what its type is without one."""
    expected = int if _VALUE_OF[name] == "valueInteger" else str
    if name not in parts:
        return expected()
    value = parts[name].get(_VALUE_OF[name])
    if type(value) is not expected:
        raise WrongError(f"the part '{name}' has a {_VALUE_OF[name]}")
    return value


class _Patched:
    """The copy being changed."""

    def __init__(self, resource: dict[str, Any], definitions: Definitions) -> None:
        self.resource = resource
        self._definitions = definitions
        self._selector = Selector(definitions)
        self._builder = Builder(definitions)
        self._run: dict[str, Callable[[_Operation], None]] = {
            "add": self._add,
            "insert": self._insert,
            "delete": self._delete,
            "replace": self._replace,
            "move": self._move,
        }

    def run(self, operation: _Operation) -> None:
        self._run[operation.type](operation)

    def _select(self, path: Expression) -> list[Place]:
        found = self._selector.select(path, [root(self.resource)])
        places = [item for item in found if isinstance(item, Place)]
        if len(places) != len(found):
            raise WrongError("the path computes a value and selects no element")
        return places

    def _one(self, path: Expression) -> Place:
        places = self._select(path)
        if len(places) != 1:
            raise PlaceError(f"the path selects {len(places)} elements, not one")
        return places[0]

    def _choices(self, place: Place, name: str) -> Sequence[Property]:
        choices = elements_named(self._definitions, place.type_name, name)
        if not choices:
            raise WrongError(f"{place.type_name} has no element '{name[:60]}'")
        return choices

    def _add(self, operation: _Operation) -> None:
        place = self._one(operation.path)
        choices = self._choices(place, operation.name)
        chosen, element = self._builder.element_for(choices, operation.value)
        members = _members(place)
        if chosen.element.max is None:
            edits.insert(members, chosen.name, _list_length(members, chosen.name), element)
        elif present(members, choices):
            raise PlaceError(f"{place} has '{operation.name}' already; replace it")
        else:
            edits.put(members, chosen.name, element)

    def _list(self, path: Expression) -> tuple[dict[str, Any], Property]:
        """The list that a path ends in, with items or without: the object around it, and its property."""
        if not isinstance(path, Path) or not path.steps or not isinstance(path.steps[-1], Field):
            raise WrongError("the path ends in the name of a list")
        place = self._one(Path(path.start, path.steps[:-1]))
        (chosen,) = self._choices(place, path.steps[-1].name)[:1]
        if chosen.element.max is not None:
            raise WrongError(f"'{chosen.name}' of {place.type_name} is no list")
        return _members(place), chosen

    def _insert(self, operation: _Operation) -> None:
        members, chosen = self._list(operation.path)
        _, element = self._builder.element_for([chosen], operation.value)
        _within(operation.index, _list_length(members, chosen.name), "index")
        edits.insert(members, chosen.name, operation.index, element)

    def _move(self, operation: _Operation) -> None:
        members, chosen = self._list(operation.path)
        last = _list_length(members, chosen.name) - 1
        _within(operation.source, last, "source")
        _within(operation.destination, last, "destination")
        edits.move(members, chosen.name, operation.source, operation.destination)

    def _delete(self, operation: _Operation) -> None:
        places = self._select(operation.path)
        if len(places) > 1:
            raise PlaceError(f"the path selects {len(places)} elements; delete takes one away")
        for place in places:
            _refuse_root(place)
            edits.remove(place)

    def _replace(self, operation: _Operation) -> None:
        place = self._one(operation.path)
        parent = _refuse_root(place)
        definition = self._definitions.types[parent.type_name].properties[place.name]
        choices = self._choices(parent, definition.element.name.removesuffix("[x]"))
        chosen, element = self._builder.element_for(choices, operation.value)
        edits.replace(place, chosen.name, element)


def _refuse_root(place: Place) -> Place:
    if place.parent is None:
        raise WrongError("the path selects the whole resource")
    return place.parent


def _members(place: Place) -> dict[str, Any]:
    """The object to add a member to; beside a primitive it is made, to hold an extension."""
    return edits.give_sibling(place) if place.members is None else place.members


def _list_length(members: dict[str, Any], name: str) -> int:
    for key in (name, "_" + name):
        if not isinstance(members.get(key), list | None):
            raise PlaceError(f"'{key}' is not a list, as R4 has it")
    return edits.items(members, name)


def _within(position: int, last: int, name: str) -> None:
    if not 0 <= position <= last:
        raise PlaceError(f"{name} {position} is outside the list, whose last position is {last}")
