"""A query to the steps that answer it, cheapest first. Pure: counts and costs are arguments."""

from collections.abc import Callable
from dataclasses import dataclass

from fhir_server.search.query import Query

Hash = Callable[[str, str, str], int]


@dataclass(frozen=True, slots=True)
class Plan:
    """Token sets: a row must hold all of `all_of`, and one of each set in `any_of`."""

    type_name: str
    ids: tuple[str, ...] | None
    all_of: tuple[int, ...]
    any_of: tuple[tuple[int, ...], ...]


def plan(query: Query, token: Hash) -> Plan:
    """Single tokens become one index intersection; alternatives follow."""
    groups = [tuple(token(query.type_name, c.parameter, key) for key in c.keys) for c in query.criteria]
    return Plan(
        type_name=query.type_name,
        ids=None if query.ids is None else tuple(sorted(query.ids)),
        all_of=tuple(sorted(group[0] for group in groups if len(group) == 1)),
        any_of=tuple(sorted((group for group in groups if len(group) > 1), key=len)),
    )
