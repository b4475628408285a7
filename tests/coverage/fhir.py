"""Resources as facts, and their leaves."""

import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any, Final

from tests.coverage.effects import Fact, Leaf, other_texts

UNTOLD: Final = frozenset({"resourceType", "id", "reference"})
"""No leaves: what a resource is, and how others refer to it."""
EXTENSION_END: Final = ")"
"""Of the name of an extension, which has its URL."""
OWN: Final = re.compile(r"^urn:galenic:partner:\w+:")
"""Begins a system of the partner's own."""
Labels = dict[str, tuple[str, ...]]
"""What tells apart the items of a list, by its name: `{"telecom": ("system", "use")}`."""
Path = tuple[str | int, ...]


def facts(type_name: str, value: Any, labels: Labels) -> tuple[Fact, ...]:
    return tuple(_facts(value, type_name, type_name, labels))


def _facts(value: Any, place: str, name: str, labels: Labels) -> Iterator[Fact]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key != "resourceType" and not (key == "url" and name.endswith(EXTENSION_END)):
                yield from _facts(one, f"{place}.{key}", f"{name}.{key}", labels)
    elif isinstance(value, list):
        key = place.rpartition(".")[2]
        for one in value:
            ending = _label(key, one, labels)
            is_extension = key == "extension"
            yield from _facts(one, place + (ending if is_extension else ""), name + ending, labels)
    else:
        yield Fact(place, name, str(value))


def _label(key: str, item: Any, labels: Labels) -> str:
    """`(religion)` of an extension by the end of its URL, `[phone work]` where the list has labels."""
    if not isinstance(item, dict):
        return ""
    if key == "extension":
        return f"({str(item['url']).replace(':', '/').rpartition('/')[2]})"
    said = [OWN.sub("@", str(item[name])) for name in labels.get(key, ()) if name in item]
    return f"[{' '.join(said)}]" if said else ""


def leaves(resource: Any, labels: Labels, put: Callable[[Any], Any]) -> Iterator[Leaf]:
    """Each leaf of a resource; `put` makes an input of the changed resource. Notes are of elements."""
    for path, name in _paths(resource, (), resource["resourceType"], labels):
        value = _at(resource, path)
        others = tuple(_with(resource, path, one, put) for one in other_values(value))
        element = frozenset({".".join(name.split(".")[:2])})
        yield Leaf(name, _with(resource, path, None, put), others, element)


def other_values(value: Any) -> Iterator[Any]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, str):
        yield from other_texts(value)
    else:
        yield value + 1


def _paths(value: Any, path: Path, name: str, labels: Labels) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in UNTOLD and not (key == "url" and name.endswith(EXTENSION_END)):
                yield from _paths(one, (*path, key), f"{name}.{key}", labels)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _paths(one, (*path, number), name + _label(name.rpartition(".")[2], one, labels), labels)
    else:
        yield path, name


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _with(resource: Any, path: Path, value: Any, put: Callable[[Any], Any]) -> Callable[[], Any]:
    """The input with another value at a path; None takes it away, and what is empty without it."""

    def made() -> Any:
        copy = deepcopy(resource)
        if value is None:
            _without(copy, path)
        else:
            _at(copy, path[:-1])[path[-1]] = value
        return put(copy)

    return made


def _without(resource: Any, path: Path) -> None:
    for end in range(len(path), 0, -1):
        parent = _at(resource, path[: end - 1])
        del parent[path[end - 1]]
        if parent:
            return
