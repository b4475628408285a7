"""Rows of a table: a place, what it is mapped to, and the golden cases that fail where it is not."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any, Final, NamedTuple

from tests.coverage.effects import Effect, Leaf, Output, effect

NOTED: Final = "noted, not carried"
REFUSED: Final = "refused without it"


TOLD_MAX: Final = 4
"""Elements of one thing that are told one by one."""
PART: Final = re.compile(r"[A-Z][A-Z0-9]{2}-\d+|\w+\.\w+|[\w@]+/[\w@]+")
"""A field, an element of a resource, an element within one of a message."""
WHOLE: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?=-)|\w+(?=\.)|[\w@]+(?=/)")


class Case(NamedTuple):
    """A golden case: `run` maps what it is given, or anything like it; None where that is refused."""

    name: str
    run: Callable[[Any], Output | None]
    given: Any
    leaves: Sequence[Leaf]


class Reason(NamedTuple):
    """Why a leaf may be lost in silence; cases and places as patterns of fnmatch."""

    cases: str
    places: str
    why: str


class Row(NamedTuple):
    place: str
    element: str
    """"" where there is a remark."""
    remark: str
    cases: tuple[str, ...]


class Lost(Exception):
    """Places that are mapped to nothing and not noted, or that no case compares."""


def rows(cases: Iterable[Case], reasons: Sequence[Reason]) -> list[Row]:
    """In the order of the places. Raises Lost of leaves that nothing is made of, without a note or a reason."""
    found: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    elsewhere: set[str] = set()
    lost: set[str] = set()
    for case in cases:
        before = case.run(case.given)
        if before is None:
            raise Lost([f"{case.name} is refused"])
        for leaf in case.leaves:
            seen = effect(before, leaf, case.run)
            said = _said(seen, leaf, case, reasons)
            (elsewhere if seen.is_elsewhere else lost).update(set() if said else {f"{leaf.place} in {case.name}"})
            for element, remark in said:
                found[leaf.place, element, remark].add(case.name)
    compared = {place for place, _, _ in found}
    lost |= {one for one in elsewhere if one.partition(" ")[0] not in compared}
    if lost:
        raise Lost(sorted(lost))
    told = [Row(*key, tuple(sorted(names))) for key, names in _unified(found).items()]
    return sorted(told, key=lambda row: (_counted(row.place), _counted(row.element), row.remark))


def _said(seen: Effect, leaf: Leaf, case: Case, reasons: Sequence[Reason]) -> list[tuple[str, str]]:
    """Elements, or a remark."""
    if seen.carried:
        return [(name, "") for name in sorted(_summed(_summed(seen.carried, PART), WHOLE))]
    if seen.is_noted:
        return [("", NOTED)]
    if seen.is_refused:
        return [("", REFUSED)]
    fitting = (one.why for one in reasons if fnmatchcase(case.name, one.cases) and fnmatchcase(leaf.place, one.places))
    return [] if seen.is_elsewhere else [("", why) for why in islice(fitting, 1)]


def _summed(names: set[str], level: re.Pattern[str]) -> set[str]:
    """Where a leaf decides on much of something, that something: `PV1-7` for all of its components."""
    above = {name: found[0] for name in names if (found := level.match(name))}
    counts = Counter(above.values())
    return {above[name] if name in above and counts[above[name]] > TOLD_MAX else name for name in names}


def _unified(found: Mapping[tuple[str, str, str], set[str]]) -> dict[tuple[str, str, str], set[str]]:
    """With one name for a field and for its only component: where there is `PID-5.1`, `PID-5` is called so too."""
    names = {name for place, element, _ in found for name in (place, element)}
    unified: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for (place, element, remark), cases in found.items():
        unified[_name(place, names), _name(element, names), remark] |= cases
    return dict(unified)


def _counted(place: str) -> list[tuple[int, str]]:
    """`PID-5` before `PID-11`."""
    return [(int(part), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", place)]


def _name(name: str, names: set[str]) -> str:
    return _name(f"{name}.1", names) if f"{name}.1" in names else name
