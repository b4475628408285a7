"""Predicates of predicates."""

from collections.abc import Iterable
from dataclasses import dataclass

from fhir_server.model.resource_types import type_number
from fhir_server.search.entries import Entries
from fhir_server.search.predicate import Predicate, Scope


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Predicate, ...]

    def matches(self, entries: Entries) -> bool:
        return all(part.matches(entries) for part in self.parts)

    def condition(self, scope: Scope) -> str:
        return "(" + " AND ".join(part.condition(scope) for part in self.parts) + ")" if self.parts else "true"

    def rids(self, scope: Scope) -> str | None:
        """Those of the first part an index finds, judged by the others."""
        for part in self.parts:
            found = part.rids(scope)
            if found is not None:
                row = scope.inner(scope.type_name, scope.fresh("s"))
                others = And(tuple(other for other in self.parts if other is not part)).condition(row)
                return f"SELECT {row.alias}.rid FROM {row.among(found)} WHERE {others}"
        return None


def flat(parts: Iterable[Predicate]) -> tuple[Predicate, ...]:
    """Criteria that all have to hold, side by side: each may be the one that finds the others."""
    return tuple(one for part in parts for one in (flat(part.parts) if isinstance(part, And) else (part,)))


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Predicate, ...]

    def matches(self, entries: Entries) -> bool:
        return any(part.matches(entries) for part in self.parts)

    def condition(self, scope: Scope) -> str:
        return "(" + " OR ".join(part.condition(scope) for part in self.parts) + ")" if self.parts else "false"

    def rids(self, scope: Scope) -> str | None:
        found = [part.rids(scope) for part in self.parts]
        return None if not found or None in found else " UNION ALL ".join(map(str, found))


@dataclass(frozen=True, slots=True)
class Not:
    """Also true of a resource that has no value at all. https://hl7.org/fhir/R4/search.html#modifiers."""

    part: Predicate

    def matches(self, entries: Entries) -> bool:
        return not self.part.matches(entries)

    def condition(self, scope: Scope) -> str:
        return f"({self.part.condition(scope)}) IS NOT TRUE"

    def rids(self, scope: Scope) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class OnType:
    """A predicate whose names mean what they mean for one type, in a search across types."""

    type_name: str
    part: Predicate

    def matches(self, entries: Entries) -> bool:
        return entries.type_name == self.type_name and self.part.matches(entries)

    def condition(self, scope: Scope) -> str:
        inner = scope.inner(self.type_name, scope.alias)
        return f"({scope.alias}.type = {type_number(self.type_name)} AND {self.part.condition(inner)})"

    def rids(self, scope: Scope) -> str | None:
        return self.part.rids(scope.inner(self.type_name, scope.alias))
