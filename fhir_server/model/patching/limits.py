"""What a patch may cost."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from fhir_server.errors import Issue, TooCostly

VISITS_MAX = 200_000
"""Elements the paths of one FHIRPath Patch may look at (elements)."""

PATHS_LENGTH_MAX = 200_000
"""All paths of one FHIRPath Patch together (characters)."""

PARTS_MAX = 20_000
"""Parts that make up the values of one FHIRPath Patch (parts)."""

COPIED_MAX = 1_000_000
"""What the `copy` operations of one JSON Patch may add (values and characters); one can double it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`operations_max` operations of one patch; a result nested no deeper than `depth_max` levels."""

    operations_max: int = 1_000
    depth_max: int = 100


def refuse_operations(count: int, limits: Limits) -> None:
    """Raises `TooCostly` where a patch has more operations than it may."""
    if count > limits.operations_max:
        raise too_costly(f"The patch has {count} operations; at most {limits.operations_max} are allowed")


@contextmanager
def guarded_depth(limits: Limits) -> Iterator[None]:
    """Operations can move a value ever deeper into another: where Python gives up on it, `TooCostly` is raised."""
    try:
        yield
    except RecursionError:
        raise too_costly(f"The patched resource is nested deeper than {limits.depth_max} levels") from None


def refuse_depth(value: Any, limits: Limits) -> None:
    """Raises `TooCostly` where `value` is nested too deeply; goes level by level, so no depth can hurt it."""
    level = [value]
    for _ in range(limits.depth_max):
        if not level:
            return
        level = [child for item in level for child in _children(item)]
    if level:
        raise too_costly(f"The patched resource is nested deeper than {limits.depth_max} levels")


def _children(value: Any) -> list[Any]:
    if type(value) is dict:
        return [child for child in value.values() if type(child) in (dict, list)]
    return [child for child in value if type(child) in (dict, list)] if type(value) is list else []


def too_costly(message: str) -> TooCostly:
    return TooCostly(message, [Issue("too-costly", message)])
