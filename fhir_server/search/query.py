"""A search as it was understood: frozen, free of text and of the database."""

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of a query: any of `keys` will do. `name` and `values` are as the client wrote them."""

    parameter: str
    keys: tuple[str, ...]
    name: str
    values: str


@dataclass(frozen=True, slots=True)
class Query:
    """All criteria must hold. `ids` is `_id`; None where it was not asked for."""

    type_name: str
    criteria: tuple[Criterion, ...] = ()
    ids: frozenset[str] | None = None
    count: int = 50

    @property
    def normalised(self) -> str:
        """Equal for queries that ask the same: the key of the lock conditional interactions take."""
        criteria = sorted((c.parameter, sorted(c.keys)) for c in self.criteria)
        return json.dumps([self.type_name, criteria, None if self.ids is None else sorted(self.ids)])
