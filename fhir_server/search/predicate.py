"""What a search asks of a resource: a predicate, judged on entries in memory or in SQL on a row of `search`.

SQL is text with placeholders: values never stand in it. `condition` judges one row wherever it came from; `rids` finds
rows by an index, and is None where no index could.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from fhir_server.model.resource_types import type_number
from fhir_server.search.entries import Entries
from fhir_server.search.keys import KeyHasher


def index_type(type_name: str, name: str) -> str:
    """What all types have in common is indexed without a type: a search may be across types."""
    return "" if name.startswith("_") else type_name


@dataclass(slots=True)
class Scope:
    """What SQL is written for: rows of one type under an alias, and the values its placeholders stand for."""

    type_name: str
    alias: str
    hasher: KeyHasher
    values: dict[str, Any] = field(default_factory=dict)
    aliases: list[str] = field(default_factory=list)
    sight: "Seeing | None" = None

    def value(self, value: object) -> str:
        """The placeholder of a value."""
        name = f"v{len(self.values)}"
        self.values[name] = value
        return f"%({name})s"

    def index_type(self, name: str) -> str:
        return index_type(self.type_name, name)

    def key(self, name: str) -> str:
        """The placeholder of the hash under which side tables hold the values of a name of this type."""
        return self.value(self.hasher.key(self.index_type(name), name))

    def of_type(self) -> str:
        """The row is of the scope's type; a search across types has none."""
        return f"{self.alias}.type = {type_number(self.type_name)}" if self.type_name else "true"

    def among(self, rids: str) -> str:
        """FROM: the rows of `search` that a SELECT of resource ids finds, each once."""
        found = self.fresh("f")
        return f"(SELECT DISTINCT rid FROM ({rids}) {found}_all OFFSET 0) {found} JOIN search {self.alias} USING (rid)"

    def fresh(self, prefix: str) -> str:
        """An alias nobody else uses in this statement."""
        self.aliases.append(prefix)
        return f"{prefix}{len(self.aliases)}"

    def inner(self, type_name: str, alias: str) -> "Scope":
        """The scope of another row in the same statement."""
        return Scope(type_name, alias, self.hasher, self.values, self.aliases, self.sight)

    def seen(self) -> str:
        """The row is of the scope's type, and one its caller may see: asked of every other row a chain looks at."""
        seen = self.sight.of(self.type_name).condition(self) if self.sight else "true"
        return f"{self.of_type()} AND {seen}"


class Seeing(Protocol):
    """What a caller may see: search/sight.py."""

    def of(self, type_name: str) -> "Predicate":
        """What a resource of a type has to satisfy."""


class Predicate(Protocol):
    """Implementations are frozen dataclasses: equal where they ask the same."""

    def matches(self, entries: Entries) -> bool:
        """Whether the entries of one resource satisfy it."""

    def condition(self, scope: Scope) -> str:
        """A boolean SQL expression over the row `scope.alias`."""

    def rids(self, scope: Scope) -> str | None:
        """A SELECT of the resource ids that satisfy it, found by an index."""


def having_tokens(scope: Scope, tokens: Sequence[int]) -> str:
    """The row holds one of the tokens."""
    if not tokens:
        return "false"
    operator = "@>" if len(tokens) == 1 else "&&"
    return f"{scope.alias}.tokens {operator} {scope.value(list(tokens))}::bigint[]"


def one_of(column: str, texts: Sequence[str], scope: Scope) -> str:
    """The column holds one of the texts; an index keeps its order where there is only one."""
    if len(texts) == 1:
        return f"{column} = {scope.value(texts[0])}"
    return f"{column} = ANY({scope.value(list(texts))}::text[])"


def in_side_table(table: str, name: str, condition: str, scope: Scope) -> str:
    """EXISTS a row of a side table for the row at hand; `OFFSET 0` keeps it a look-up by rid, whatever is estimated."""
    side = scope.fresh("x")
    return (
        f"EXISTS (SELECT FROM {table} {side} WHERE {side}.rid = {scope.alias}.rid"
        f" AND {side}.key = {scope.key(name)} AND {condition.format(row=side)} OFFSET 0)"
    )


def rids_in_side_table(table: str, name: str, condition: str, scope: Scope) -> str:
    """The rows of a side table that satisfy a condition, by its index on (key, value)."""
    side = scope.fresh("x")
    satisfied = f"{side}.key = {scope.key(name)} AND {condition.format(row=side)}"
    return f"SELECT {side}.rid FROM {table} {side} WHERE {satisfied}"


def rids_in_search(part: Predicate, scope: Scope) -> str:
    """The rows of `search` that satisfy a predicate, by an index on what its condition asks."""
    row = scope.inner(scope.type_name, scope.fresh("s"))
    return f"SELECT {row.alias}.rid FROM search {row.alias} WHERE {row.of_type()} AND {part.condition(row)}"
