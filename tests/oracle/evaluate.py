"""A whole query: `evaluate(resources, type, [(name, value), ...])`. https://hl7.org/fhir/R4/search.html"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce

from tests.oracle.criteria import Criteria, Ids
from tests.oracle.dates import date_range
from tests.oracle.definitions import Definitions
from tests.oracle.extraction import Resource
from tests.oracle.filters import filter_ids
from tests.oracle.includes import NAMES, included, parse_include
from tests.oracle.references import Base, Key
from tests.oracle.sorting import Groups, tie_groups
from tests.oracle.store import Store

Pairs = Sequence[tuple[str, str]]

CONTROL = {"_sort", "_count", "_total", "_summary", "_elements"}


@dataclass(frozen=True, slots=True)
class Found:
    """`groups` are the matches in order, ties together; one group where nothing is sorted."""

    groups: Groups
    included: frozenset[Key]

    @property
    def ids(self) -> Ids:
        return frozenset(one for group in self.groups for one in group)


class Oracle:
    """Answers queries about resources that do not change."""

    def __init__(self, resources: Iterable[Resource], definitions: Definitions, base_url: str) -> None:
        now = date_range(datetime.now(UTC).isoformat(timespec="seconds")).low
        self.store = Store(definitions, Base(base_url), now)
        self.store.add(resources)
        self.criteria = Criteria(self.store)

    def search(self, type_name: str, pairs: Pairs) -> Found:
        everything = frozenset(one["id"] for one in self.store.of_type(type_name))
        selected = [self._ids(type_name, *pair) for pair in pairs if not _is_control(pair[0])]
        ids = reduce(frozenset.intersection, selected, everything)
        sort = next((value for name, value in pairs if name == "_sort"), None)
        groups = tie_groups(self.store, type_name, ids, sort) if sort else [ids]
        return Found(groups, self._included({(type_name, one) for one in ids}, pairs))

    def _ids(self, type_name: str, name: str, value: str) -> Ids:
        if name == "_filter":
            return filter_ids(self.criteria, type_name, value)
        return self.criteria.ids(type_name, name, value)

    def _included(self, matches: set[Key], pairs: Pairs) -> frozenset[Key]:
        includes = [parse_include(name, value) for name, value in pairs if name.startswith(NAMES)]
        return frozenset(included(self.store, matches, includes)) if includes else frozenset()


def _is_control(name: str) -> bool:
    return name in CONTROL or name.startswith(NAMES)


def evaluate(
    resources: Iterable[Resource],
    definitions: Definitions,
    type_name: str,
    pairs: Pairs,
    base_url: str = "http://local",
) -> list[str]:
    """The ids of the matches; where ties leave room, by id."""
    found = Oracle(resources, definitions, base_url).search(type_name, pairs)
    return [one for group in found.groups for one in sorted(group)]
