"""What pages are ordered by, in SQL. https://hl7.org/fhir/R4/search.html#sort.

Ascending a resource stands at its smallest value, descending at its largest; resources without a value come last in
both directions. The resource id decides ties, so the order is total and a page can be continued from its last row.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fhir_server.search.columns import DATE, NEWEST_BY_DATE, PATIENT, STATUS
from fhir_server.search.predicate import Scope
from fhir_server.search.query import Query, SortKey
from fhir_server.search.types.number import side_name

RECENT: Final = SortKey("_lastUpdated", "_lastUpdated", "_lastUpdated", descending=True)

SIDE_TABLES: Final = {
    "string": ("search_string", "value", "value", "text"),
    "date": ("search_date", "low", "low", "timestamptz"),
    "number": ("search_number", "low", "low", "numeric"),
    "quantity": ("search_number", "low", "low", "numeric"),
}
"""Table, column of the smallest and of the largest value, and type, by the type of the parameter."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value to order by: `sql` over the scope's row, its type, whether every row has one."""

    sql: str
    sql_type: str
    descending: bool
    always: bool = False


def sort_of(query: Query) -> tuple[SortKey, ...]:
    """`_sort`, or the newest first: by the type's date where it has one, else by the last update.

    A search across types has no index for that: it goes by creation.
    """
    if query.sort or not query.type_name:
        return query.sort
    if query.type_name in NEWEST_BY_DATE:
        return (SortKey(DATE[query.type_name], "date", DATE[query.type_name], descending=True),)
    return (RECENT,)


def rid_descends(keys: Sequence[SortKey]) -> bool:
    """Ties go the way of the first key: one index serves both."""
    return bool(keys) and keys[0].descending


def column(type_name: str, key: SortKey) -> tuple[str, str] | None:
    """The column of `search` that holds what a key orders by, and its type."""
    if key.kind == "_lastUpdated":
        return "last_updated", "timestamptz"
    if key.kind == "_id":
        return "id", "text"
    if DATE.get(type_name) == key.name:
        return "date_low", "timestamptz"
    return ("status", "text") if STATUS.get(type_name) == key.name else None


def value(key: SortKey, scope: Scope) -> Value:
    found = column(scope.type_name, key)
    if found is not None:
        return Value(f"{scope.alias}.{found[0]}", found[1], key.descending, always=key.kind.startswith("_"))
    if key.kind in SIDE_TABLES:
        return _of_side_table(key, scope)
    least = f"{scope.alias}.orders ->> {scope.value(key.name)}::text"
    if key.name in PATIENT.get(scope.type_name, ()):  # one value at most
        link = f"coalesce({least}, 'Patient/' || {scope.alias}.patient)"
        return Value(f'({link}) COLLATE "C"', "text", key.descending)
    if not key.descending:
        return Value(f'({least}) COLLATE "C"', "text", descending=False)
    most = f"{scope.alias}.orders ->> {scope.value(key.name + '>')}::text"
    return Value(f'coalesce({most}, {least}) COLLATE "C"', "text", descending=True)


def _of_side_table(key: SortKey, scope: Scope) -> Value:
    table, least, most, sql_type = SIDE_TABLES[key.kind]
    side, picked = scope.fresh("x"), f"max({{}}.{most})" if key.descending else f"min({{}}.{least})"
    sql = (
        f"(SELECT {picked.format(side)} FROM {table} {side} WHERE {side}.rid = {scope.alias}.rid"
        f" AND {side}.key = {scope.key(side_key(key))})"
    )
    return Value(sql, sql_type, key.descending)


def side_key(key: SortKey) -> str:
    """Numbers and quantities are ordered as they are written, whatever their unit."""
    return side_name(key.name, "") if key.kind in ("number", "quantity") else key.name
