"""JSON Patch. https://www.rfc-editor.org/rfc/rfc6902, https://hl7.org/fhir/R4/http.html#patch.

Not the registry's `jsonpatch`: it compares with `==` (true is 1 there), and copies without a limit.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import Invalid, Issue
from fhir_server.model.fhirpath.equality import equal
from fhir_server.model.patching.json_pointer import (
    Pointer,
    child,
    container_of,
    existing_index,
    insertion_index,
    parse_pointer,
)
from fhir_server.model.patching.limits import (
    COPIED_MAX,
    Limits,
    guarded_depth,
    refuse_depth,
    refuse_operations,
    too_costly,
)
from fhir_server.model.patching.problems import PlaceError, WrongError, reported
from fhir_server.model.patching.tree import copied, size

_MEMBERS = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("from", "path"),
    "copy": ("from", "path"),
    "test": ("path", "value"),
}


@dataclass(frozen=True, slots=True)
class _Operation:
    op: str
    path: Pointer
    source: Pointer
    value: Any


def apply(resource: dict[str, Any], patch: Any, limits: Limits) -> dict[str, Any]:
    """`resource` after all operations of `patch`; neither is changed.

    Raises `Invalid` for a patch that is none, `Unprocessable` where it does not fit the resource or a
    `test` fails, `TooCostly` past a limit.
    """
    if not isinstance(patch, list):
        message = "A JSON Patch is an array of operations"
        raise Invalid(message, [Issue("structure", message)])
    refuse_operations(len(patch), limits)
    operations = [_read_at(item, number) for number, item in enumerate(patch)]
    with guarded_depth(limits):
        patched = _Patched(copied(resource))
        for number, operation in enumerate(operations):
            with _reported(number, operation.op):
                patched.run(operation)
    refuse_depth(patched.root, limits)
    return patched.root


def _reported(number: int, op: str = "") -> AbstractContextManager[None]:
    return reported(f"Operation {number} of the JSON Patch" + (f" ({op})" if op else ""), f"[{number}]")


def _read_at(item: Any, number: int) -> _Operation:
    with _reported(number):
        return _read(item)


def _read(item: Any) -> _Operation:
    if not isinstance(item, dict):
        raise WrongError("an operation is an object")
    op = item.get("op")
    if not isinstance(op, str) or op not in _MEMBERS:
        raise WrongError(f"'op' is one of {', '.join(_MEMBERS)}")
    for member in _MEMBERS[op]:
        if member not in item:
            raise WrongError(f"{op} needs '{member}'")
    source = _pointer(item, "from") if op in ("move", "copy") else ()
    return _Operation(op, _pointer(item, "path"), source, item.get("value"))


def _pointer(item: dict[str, Any], member: str) -> Pointer:
    text = item[member]
    if not isinstance(text, str):
        raise WrongError(f"'{member}' is a string")
    return parse_pointer(text)


class _Patched:
    """The copy being changed."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self._copied = 0
        self._run: dict[str, Callable[[_Operation], None]] = {
            "add": lambda operation: self._add(operation.path, copied(operation.value)),
            "remove": lambda operation: self._remove(operation.path),
            "replace": self._replace,
            "move": self._move,
            "copy": self._copy,
            "test": self._test,
        }

    def run(self, operation: _Operation) -> None:
        self._run[operation.op](operation)

    def _at(self, pointer: Pointer) -> Any:
        return child(container_of(self.root, pointer), pointer[-1]) if pointer else self.root

    def _add(self, pointer: Pointer, value: Any) -> None:
        if not pointer:
            self._set_root(value)
            return
        container = container_of(self.root, pointer)
        if isinstance(container, list):
            container.insert(insertion_index(container, pointer[-1]), value)
        else:
            container[pointer[-1]] = value

    def _set_root(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise WrongError("a resource is a JSON object")
        self.root = value

    def _remove(self, pointer: Pointer) -> Any:
        if not pointer:
            raise WrongError("the whole resource cannot be removed by a patch")
        container = container_of(self.root, pointer)
        if isinstance(container, list):
            return container.pop(existing_index(container, pointer[-1]))
        value = child(container, pointer[-1])
        del container[pointer[-1]]
        return value

    def _replace(self, operation: _Operation) -> None:
        self._at(operation.path)
        if not operation.path:
            self._set_root(copied(operation.value))
            return
        container, token = container_of(self.root, operation.path), operation.path[-1]
        container[existing_index(container, token) if isinstance(container, list) else token] = copied(operation.value)

    def _move(self, operation: _Operation) -> None:
        source, path = operation.source, operation.path
        if source == path:
            self._at(source)
        elif path[: len(source)] == source:
            raise WrongError("a value cannot be moved into itself")
        else:
            self._add(path, self._remove(source))

    def _copy(self, operation: _Operation) -> None:
        value = self._at(operation.source)
        self._copied += size(value)
        if self._copied > COPIED_MAX:
            raise too_costly(f"The patch copies more than {COPIED_MAX} values and characters")
        self._add(operation.path, copied(value))

    def _test(self, operation: _Operation) -> None:
        if not equal(self._at(operation.path), operation.value):
            raise PlaceError("the value differs from the one the test expects")
