"""What one caller may see: for each type what a resource has to satisfy, in SQL and in memory.

Every alias of a statement is held to it: the rows that are searched, and those a chain or `_has` looks at. A type that
is not there is closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.search.boolean import And, OnType, Or
from fhir_server.search.consent import Consented
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Predicate, Scope
from fhir_server.search.resource import OfTypes

ALWAYS: Final = And(())
NEVER: Final = Or(())


@dataclass(frozen=True, slots=True)
class Unowned:
    """In nobody's compartment: nothing of a patient's."""

    def matches(self, entries: Entries) -> bool:
        return not entries.compartments

    def condition(self, scope: Scope) -> str:
        return f"{scope.alias}.compartments = '{{}}'"

    def rids(self, _: Scope) -> str | None:
        return None


@dataclass(frozen=True)
class Sight:
    """`by_type` are what resources of a type have to satisfy; no chains are among them.

    `by_rights` are the same as far as compartments and labels tell, for versions whose content is not indexed: they
    let more through, never less. Of `open_types` also what is not there yet is within reach; of
    others what is written may be in the compartments of `owners` and in no other. `consented` is part of
    all of them where Consents are asked, and cannot be judged in memory.
    """

    by_type: Mapping[str, Predicate]
    by_rights: Mapping[str, Predicate]
    open_types: frozenset[str] = frozenset()
    owners: Mapping[str, frozenset[str]] = field(default_factory=dict)
    consented: Consented | None = None

    def of(self, type_name: str) -> Predicate:
        """What a resource of a type ("": of any type) has to satisfy."""
        return self.by_type.get(type_name, NEVER) if type_name else self._across

    def shows_all(self, type_name: str) -> bool:
        return self.of(type_name) == ALWAYS

    def asks_content(self, type_name: str) -> bool:
        """Whether compartments and labels do not decide alone."""
        return self.by_type.get(type_name) != self.by_rights.get(type_name)

    @cached_property
    def is_everything(self) -> bool:
        return all(self.by_type.get(name) == ALWAYS for name in RESOURCE_TYPES)

    @cached_property
    def rights(self) -> Predicate:
        """`by_rights` for a version of any type."""
        return across(self.by_rights)

    @cached_property
    def _across(self) -> Predicate:
        if self.is_everything:
            return ALWAYS
        asking = {name: part for name, part in self.by_type.items() if self.asks_content(name)}
        others = {name: part for name, part in self.by_type.items() if name not in asking}
        return Or((across(others), *(OnType(name, part) for name, part in asking.items())))


def across(by_type: Mapping[str, Predicate]) -> Predicate:
    """What types have to satisfy, as one predicate on rows of any type; types that have the same are asked together."""
    alike: dict[Predicate, list[str]] = {}
    for name, part in by_type.items():
        alike.setdefault(part, []).append(name)
    return Or(tuple(And((OfTypes(tuple(names)), part)) for part, names in alike.items()))


_ALL: Final = dict.fromkeys(RESOURCE_TYPES, ALWAYS)
EVERYTHING: Final = Sight(_ALL, _ALL, frozenset(RESOURCE_TYPES))
"""Of a server without authorization, and of the command line."""
