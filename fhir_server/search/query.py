"""A search as it was understood: frozen, free of text and of the database."""

from dataclasses import dataclass
from typing import Literal

from fhir_server.search.boolean import flat
from fhir_server.search.predicate import Predicate
from fhir_server.search.sight import EVERYTHING, Sight

Total = Literal["none", "estimate", "accurate"]
Summary = Literal["false", "true", "text", "data", "count"]


@dataclass(frozen=True, slots=True)
class SortKey:
    """`kind` is the parameter's type, or `_id` and `_lastUpdated`; `name` where its values are indexed."""

    code: str
    kind: str
    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Include:
    """`_include`, or with `reverse` `_revinclude`. https://hl7.org/fhir/R4/search.html#include.

    The references of `parameters` of `source` ("": any type); `target` "" is any type.
    """

    source: str
    parameters: tuple[str, ...]
    target: str
    reverse: bool
    iterate: bool


@dataclass(frozen=True, slots=True)
class Query:
    """All of `where` must hold, what the caller's `sight` asks among it; what chains look at is held to `sight`, too.

    `type_name` is "" across types; `applied` is what `self` shows.
    """

    type_name: str
    where: tuple[Predicate, ...] = ()
    applied: tuple[tuple[str, str], ...] = ()
    sort: tuple[SortKey, ...] = ()
    count: int = 50
    total: Total = "none"
    summary: Summary = "false"
    elements: tuple[str, ...] = ()
    includes: tuple[Include, ...] = ()
    explain: bool = False
    sight: Sight = EVERYTHING

    @property
    def only_counts(self) -> bool:
        return self.summary == "count" or self.count == 0

    @property
    def normalised(self) -> str:
        """Equal for queries that ask the same, whoever asks: the key of the lock conditional interactions take."""
        of_sight = flat((self.sight.of(self.type_name),))
        asked = [part for part in self.where if part not in of_sight]
        return f"{self.type_name}?{sorted(map(repr, asked))}"
