"""Predicates on the resource as a whole: its id, type, compartments, and what it has no value for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fhir_server.model.resource_types import type_number
from fhir_server.search.columns import DATE, STATUS
from fhir_server.search.entries import Entries
from fhir_server.search.keys import KeyHasher
from fhir_server.search.predicate import Scope, having_tokens, index_type, one_of, rids_in_search

PRESENT: Final = "_present"
ABSENT: Final = "_absent"
MARKS: Final = frozenset({PRESENT, ABSENT})

USUAL: Final[Mapping[str, frozenset[str]]] = {
    "AllergyIntolerance": frozenset({"clinical-status", "code", "patient"}),
    "Condition": frozenset({"clinical-status", "code", "patient", "subject"}),
    "Encounter": frozenset({"class", "patient", "subject", "type"}),
    "MedicationAdministration": frozenset({"patient", "performer", "subject"}),
    "MedicationDispense": frozenset({"patient", "performer", "prescription", "subject"}),
    "MedicationRequest": frozenset({"intent", "patient", "requester", "subject"}),
    "MedicationStatement": frozenset({"patient", "subject"}),
    "Observation": frozenset({"category", "code", "combo-code", "patient", "subject"}),
    "Organization": frozenset({"name"}),
    "Patient": frozenset({"address", "family", "gender", "given", "identifier", "name", "telecom"}),
    "Practitioner": frozenset({"family", "given", "identifier", "name"}),
    "Task": frozenset({"code", "intent", "patient", "subject"}),
}
"""Parameters nearly every resource of a type has a value for: of these the absent ones are indexed, of others the
present. Either way both answers are exact; the table only says which of them is found by an index."""


@dataclass(frozen=True, slots=True)
class Missing:
    """`:missing=true` of a parameter, and with `absent` false `:missing=false`."""

    name: str
    absent: bool

    def matches(self, entries: Entries) -> bool:
        usual = self.name in USUAL.get(entries.type_name, ())
        marked = (ABSENT if usual else PRESENT, self.name) in entries.keys
        return marked is (self.absent is usual)

    def condition(self, scope: Scope) -> str:
        column = column_of(scope.type_name, self.name)
        if column:
            return f"{scope.alias}.{column} IS {'' if self.absent else 'NOT '}NULL"
        mark = ABSENT if self.name in USUAL.get(scope.type_name, ()) else PRESENT
        marked = having_tokens(scope, (presence_token(scope.hasher, scope.type_name, mark, self.name),))
        return marked if self.absent is (mark == ABSENT) else f"NOT ({marked})"

    def rids(self, scope: Scope) -> str | None:
        """Only the mark itself is found by an index."""
        usual = self.name in USUAL.get(scope.type_name, ())
        if column_of(scope.type_name, self.name) or self.absent is not usual:
            return None
        return rids_in_search(self, scope)

    def tokens(self, scope: Scope) -> tuple[int, ...]:
        usual = self.name in USUAL.get(scope.type_name, ())
        if column_of(scope.type_name, self.name) or self.absent is not usual:
            return ()
        return (presence_token(scope.hasher, scope.type_name, ABSENT if usual else PRESENT, self.name),)


def presence_token(hasher: KeyHasher, type_name: str, mark: str, name: str) -> int:
    return hasher.token(index_type(type_name, name), mark, name)


def column_of(type_name: str, name: str) -> str:
    """The column that alone holds the values of a parameter, or ""."""
    if STATUS.get(type_name) == name:
        return "status"
    return "date_low" if DATE.get(type_name) == name else ""


@dataclass(frozen=True, slots=True)
class HasId:
    """`_id`."""

    ids: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return entries.id in self.ids

    def condition(self, scope: Scope) -> str:
        return one_of(f"{scope.alias}.id", self.ids, scope)

    def rids(self, scope: Scope) -> str | None:
        """Only the directory has an index on ids; a scan of a million search rows takes 94 ms."""
        row = scope.fresh("d")
        of_type = scope.inner(scope.type_name, row).of_type()
        return f"SELECT {row}.rid FROM directory {row} WHERE {of_type} AND {one_of(f'{row}.id', self.ids, scope)}"


@dataclass(frozen=True, slots=True)
class OfTypes:
    """`_type`."""

    types: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return entries.type_name in self.types

    def condition(self, scope: Scope) -> str:
        return f"{scope.alias}.type = ANY({scope.value([type_number(name) for name in self.types])}::smallint[])"

    def rids(self, scope: Scope) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class InCompartment:
    """In the compartment of one of `owners` (`Patient/1`), by the reviewed table of `auth/compartments.py`."""

    owners: tuple[str, ...]

    def matches(self, entries: Entries) -> bool:
        return not set(self.owners).isdisjoint(entries.compartments)

    def condition(self, scope: Scope) -> str:
        return f"{scope.alias}.compartments && {scope.value(list(self.owners))}::text[]"

    def rids(self, scope: Scope) -> str | None:
        return rids_in_search(self, scope)
