"""A plan to statements over the search rows: text with placeholders, and their values.

Names of tables, columns and aliases are ours; whatever came from a client is a value.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from fhir_server.search.boolean import And
from fhir_server.search.has_key import HasKey
from fhir_server.search.keys import KeyHasher
from fhir_server.search.order import SIDE_TABLES, Value, column, rid_descends, side_key, value
from fhir_server.search.plan import Plan
from fhir_server.search.predicate import Predicate, Scope
from fhir_server.search.query import Query, SortKey
from fhir_server.search.sight import Sight
from fhir_server.search.types.window import bounds_of, parts_on

ROW: Final = "s"


@dataclass(frozen=True, slots=True)
class Statement:
    """`keys` is the number of columns k0, k1 … a page's rows are ordered by."""

    sql: str
    values: dict[str, Any]
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """Where a page ended: the values of the order's keys as text, None where missing, and the resource id."""

    values: tuple[str | None, ...]
    rid: int


@dataclass(frozen=True, slots=True)
class Page:
    """`limit` rows past `after`, as they were in `snapshot` (None: now)."""

    limit: int
    after: Position | None = None
    snapshot: str | None = None


def matching(query: Query, driver: Predicate | None, hasher: KeyHasher, limit: int, after_rid: int = 0) -> Statement:
    """Resource ids by which a conditional interaction decides, `limit` at most past `after_rid`."""
    scope = Scope(query.type_name, ROW, hasher, sight=query.sight)
    past = f"{ROW}.rid > {scope.value(after_rid)}"
    source = f"SELECT {ROW}.rid FROM {_source(query, driver, scope)} AND {past} OFFSET 0"
    return Statement(f"SELECT rid FROM ({source}) m ORDER BY rid LIMIT {scope.value(limit)}", scope.values)


def seek(plan: Plan, page: Page, hasher: KeyHasher) -> Statement:
    """All that match are found, then sorted: the plan knows them to be few, or no index has the order."""
    scope = Scope(plan.query.type_name, ROW, hasher, sight=plan.query.sight)
    keys = [value(key, scope) for key in plan.keys]
    columns = "".join(f", {key.sql} AS k{n}" for n, key in enumerate(keys))
    source = f"{_source(plan.query, plan.driver, scope)}{_seen_in(page, scope)}"
    past = f" WHERE {_past(page.after, plan.keys, keys, scope)}" if page.after else ""
    order = _order(plan.keys, keys)
    found = f"SELECT m.* FROM (SELECT {ROW}.rid{columns} FROM {source} OFFSET 0) m{past}"
    return Statement(f"{found} ORDER BY {order} LIMIT {scope.value(page.limit)}", scope.values, len(keys))


def walk(plan: Plan, page: Page, hasher: KeyHasher, *, missing: bool = False) -> Statement:
    """Rows are visited in the order of an index; `missing`: those without a value, which come last."""
    scope = Scope(plan.query.type_name, ROW, hasher, sight=plan.query.sight)
    way = _way(plan, page, scope, missing=missing)
    others = tuple(part for part in plan.query.where if part not in plan.prefix)
    conditions = And(others).condition(scope) + _seen_in(page, scope)
    columns = ", k0" if plan.keys else ""
    stop = f"LIMIT {scope.value(plan.cap)}" if plan.cap else "OFFSET 0"
    found = f"SELECT rid{columns} FROM ({way} {stop}) {ROW} WHERE {conditions} LIMIT {scope.value(page.limit)}"
    direction = " DESC" if rid_descends(plan.keys) else ""
    order = f"k0{direction}, rid{direction}" if plan.keys else "rid"
    return Statement(f"SELECT * FROM ({found}) m ORDER BY {order}", scope.values, len(plan.keys))


def _way(plan: Plan, page: Page, scope: Scope, *, missing: bool) -> str:
    """The rows of the type in order, past where the last page ended."""
    if not plan.keys:
        past = f" WHERE {ROW}.rid > {scope.value(page.after.rid)}" if page.after else ""
        return f"SELECT {ROW}.* FROM search {ROW}{past} ORDER BY {ROW}.rid"
    key = plan.keys[0]
    held = column(plan.query.type_name, key)
    if held is None:
        return _side_way(key, page, scope)
    arms = _arms(plan, held[0], scope, missing=missing)
    ways = [_column_way(key, held, f"{scope.of_type()}{arm}", page, scope, missing=missing) for arm in arms]
    if len(ways) == 1:
        return ways[0]
    direction = " DESC" if key.descending else ""
    union = " UNION ALL ".join(f"({way})" for way in ways)
    return f"SELECT u.* FROM ({union}) u ORDER BY u.k0{direction}, u.rid{direction}"


def _arms(plan: Plan, name: str, scope: Scope, *, missing: bool) -> list[str]:
    """Conditions an index on the order has: no row satisfies two of them, and merged they keep the order."""
    windows = [""] if missing else _windows(plan, f"{ROW}.{name}", scope)
    prefixes = [f" AND {part.condition(scope)}" for one in plan.prefix for part in _one_by_one(one)] or [""]
    return [prefix + window for prefix in prefixes for window in windows]


def _one_by_one(part: Predicate) -> Sequence[Predicate]:
    return part.apart() if isinstance(part, HasKey) else [part]


def _windows(plan: Plan, column_name: str, scope: Scope) -> list[str]:
    """Where in the order a page's dates let matches be; spans of more than a day may begin long before."""
    bounds = bounds_of(parts_on(plan.query.type_name, plan.keys[0].name, plan.query.where))
    before = f" AND {column_name} < {scope.value(bounds.high)}" if bounds.high else ""
    if bounds.low:
        return [f"{before} AND {column_name} >= {scope.value(bounds.low)}"]
    if bounds.short_low is None:
        return [before]
    low = scope.value(bounds.short_low)
    is_long = f"{ROW}.date_high - {ROW}.date_low > interval '1 day' AND {ROW}.date_high > {low}"
    return [f"{before} AND {column_name} >= {low}", f" AND {column_name} < {low} AND {is_long}"]


def _column_way(key: SortKey, held: tuple[str, str], of_type: str, page: Page, scope: Scope, *, missing: bool) -> str:
    name, sql_type = held
    source, row = ("search s", ROW) if key.kind != "_id" else ("directory d JOIN search s ON s.rid = d.rid", "d")
    if key.kind == "_id":
        of_type = f"{of_type} AND {scope.of_type().replace(f'{ROW}.', 'd.')}"
    direction, beyond = (" DESC", "<") if key.descending else ("", ">")
    past = ""
    if page.after and missing is (page.after.values[0] is None):
        rid = scope.value(page.after.rid)
        known = f"({row}.{name}, {row}.rid) {beyond} ({scope.value(page.after.values[0])}::{sql_type}, {rid})"
        past = f" AND {row}.rid {beyond} {rid}" if missing else f" AND {known}"
    there = f" AND {row}.{name} IS {'' if missing else 'NOT '}NULL"
    order = f"{row}.{name}{direction}, {row}.rid{direction}"
    return f"SELECT s.*, {row}.{name} AS k0 FROM {source} WHERE {of_type}{there}{past} ORDER BY {order}"


def _side_way(key: SortKey, page: Page, scope: Scope) -> str:
    """A resource with several values is met at the one that counts and nowhere else."""
    table, name, _, sql_type = SIDE_TABLES[key.kind]
    direction, beyond, better = (" DESC", "<", ">") if key.descending else ("", ">", "<")
    past = ""
    if page.after:
        last = f"{scope.value(page.after.values[0])}::{sql_type}"
        past = f" AND (x.{name}, x.rid) {beyond} ({last}, {scope.value(page.after.rid)})"
    other = (
        f"SELECT FROM {table} y WHERE y.rid = x.rid AND y.key = x.key"
        f" AND (y.{name}, y.ctid) {better} (x.{name}, x.ctid) OFFSET 0"
    )
    return (
        f"SELECT s.*, x.{name} AS k0 FROM {table} x JOIN search s ON s.rid = x.rid"
        f" WHERE x.key = {scope.key(side_key(key))} AND NOT EXISTS ({other}){past}"
        f" ORDER BY x.{name}{direction}, x.rid{direction}"
    )


def count(query: Query, driver: Predicate | None, hasher: KeyHasher) -> Statement:
    """How many match, exactly."""
    scope = Scope(query.type_name, ROW, hasher, sight=query.sight)
    return Statement(f"SELECT count(*) FROM {_source(query, driver, scope)}", scope.values)


def capped_counts(parts: Sequence[tuple[str, Predicate]], query: Query, hasher: KeyHasher, most: int) -> Statement:
    """Rows of each predicate of a query, at most `most`; -1 where no index finds them."""
    scope = Scope("", ROW, hasher, sight=query.sight)
    counts = []
    for type_name, part in parts:
        found = part.rids(scope.inner(type_name, ROW))
        limit = scope.value(most)
        counts.append("-1" if found is None else f"(SELECT count(*) FROM ({found} LIMIT {limit}) x)")
    return Statement(f"SELECT ARRAY[{', '.join(counts)}]::bigint[]", scope.values)


def referring(tokens: Sequence[int], sight: Sight, hasher: KeyHasher, most: int) -> Statement:
    """Resource ids that hold one of the links' tokens, of what a caller sees."""
    scope = Scope("", ROW, hasher)
    links = f"{ROW}.tokens && {scope.value(list(tokens))}::bigint[]"
    seen = sight.of("").condition(scope)
    limit = scope.value(most)
    return Statement(f"SELECT rid FROM search {ROW} WHERE {links} AND {seen} ORDER BY rid LIMIT {limit}", scope.values)


def _source(query: Query, driver: Predicate | None, scope: Scope) -> str:
    """FROM and WHERE of the rows that match; a driver that is asked by tokens is the index's own condition."""
    found = None if driver is None or hasattr(driver, "tokens") else driver.rids(scope)
    others = query.where if found is None else tuple(part for part in query.where if part is not driver)
    rows = f"search {scope.alias}" if found is None else scope.among(found)
    return f"{rows} WHERE {scope.of_type()} AND {And(others).condition(scope)}"


def _seen_in(page: Page, scope: Scope) -> str:
    """Rows written since the first page was read are not part of the answer."""
    if page.snapshot is None:
        return ""
    return f" AND pg_visible_in_snapshot({scope.alias}.xid, {scope.value(page.snapshot)}::pg_snapshot)"


def _order(keys: Sequence[SortKey], values: Sequence[Value]) -> str:
    direction = " DESC" if rid_descends(keys) else ""
    ordered = [f"m.k{n}{' DESC' if one.descending else ''} NULLS LAST" for n, one in enumerate(values)]
    return ", ".join([*ordered, f"m.rid{direction}"])


def _past(after: Position, keys: Sequence[SortKey], values: Sequence[Value], scope: Scope) -> str:
    """Rows that come after a position, value by value: what is equal so far is decided by the next."""
    equal: list[str] = []
    found: list[str] = []
    for n, (one, last) in enumerate(zip(values, after.values, strict=True)):
        if last is None:
            equal.append(f"m.k{n} IS NULL")
            continue
        known = f"{scope.value(last)}::{one.sql_type}"
        later = f"(m.k{n} {'<' if one.descending else '>'} {known} OR m.k{n} IS NULL)"
        found.append(" AND ".join([*equal, later]))
        equal.append(f"m.k{n} = {known}")
    beyond = "<" if rid_descends(keys) else ">"
    found.append(" AND ".join([*equal, f"m.rid {beyond} {scope.value(after.rid)}"]))
    return "(" + " OR ".join(f"({one})" for one in found) + ")"
