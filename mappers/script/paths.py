"""Reads and writes elements of FHIR resources by short paths, so that a table can name them.

`name[0].family`, `telecom[system=phone,use=home].value`: a number is a place in a list, `name=value` the first item
that has it. Writing makes what is missing on the way.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final, NamedTuple

_STEP: Final = re.compile(r"([A-Za-z]+)(?:\[([^\]]*)\])?(?:\.|$)")


class Step(NamedTuple):
    name: str
    place: int | None
    having: tuple[tuple[str, str | int], ...]

    @property
    def is_list(self) -> bool:
        return self.place is not None or bool(self.having)


@cache
def steps(path: str) -> tuple[Step, ...]:
    return tuple(_step(found[1], found[2]) for found in _STEP.finditer(path))


def _step(name: str, inside: str | None) -> Step:
    if inside is None:
        return Step(name, None, ())
    if inside.isdigit():
        return Step(name, int(inside), ())
    pairs = (pair.partition("=") for pair in inside.split(","))
    return Step(name, None, tuple((key, int(value) if value.isdigit() else value) for key, _, value in pairs))


def get(resource: dict[str, Any], path: str) -> Any:
    """None where there is nothing."""
    value: Any = resource
    for step in steps(path):
        value = value.get(step.name) if isinstance(value, dict) else None
        if step.is_list:
            value = _item(value if isinstance(value, list) else [], step)
    return value


def _item(items: Sequence[Any], step: Step) -> Any:
    if step.place is not None:
        return items[step.place] if step.place < len(items) else None
    return next((one for one in items if all(one.get(key) == value for key, value in step.having)), None)


def put(resource: dict[str, Any], path: str, value: Any) -> None:
    *way, last = steps(path)
    at: Any = resource
    for step in way:
        at = _opened(at, step)
    if last.is_list:
        items = at.setdefault(last.name, [])
        if last.place is not None and last.place < len(items):
            items[last.place] = value
        else:
            items.append(value)
    else:
        at[last.name] = value


def _opened(at: dict[str, Any], step: Step) -> Any:
    if not step.is_list:
        return at.setdefault(step.name, {})
    items = at.setdefault(step.name, [])
    found = _item(items, step)
    if found is None:
        found = dict(step.having)
        items.append(found)
    return found
