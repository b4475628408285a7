"""A query to the steps that answer it. Pure: what the database knows about its rows is handed in.

A page is found in one of two ways. *Seek*: the rows that satisfy the rarest criterion are found by its index, judged by
the others and sorted. *Walk*: rows are visited in the order of the page and judged until it is full. Seeking costs as
many rows as the criterion has, walking as many as it takes to fill the page; so few are sought, many are walked. A walk
that finds less than was expected gives up after `cap` rows, and the page is sought.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isqrt
from typing import Final, Protocol

from fhir_server.search.boolean import And, Not, OnType, Or
from fhir_server.search.columns import DATE, STATUS
from fhir_server.search.has_key import HasKey
from fhir_server.search.order import SIDE_TABLES, column, sort_of
from fhir_server.search.predicate import Predicate
from fhir_server.search.query import Query, SortKey
from fhir_server.search.resource import HasId, Missing
from fhir_server.search.types.date import UpdatedWithin, Within
from fhir_server.search.types.reference import Chained, ReferredToBy, RefersTo
from fhir_server.search.types.string import Contains
from fhir_server.search.types.window import Window, bounds_of, merged, parts_on
from fhir_server.search.types.words import HasWord

SEEK_ROWS_MAX: Final = 1_000
"""Rows that are rather found and sorted than walked to (rows)."""

WALK_ROWS_MIN: Final = 2_000
"""Rows a walk visits at least before it gives up (rows)."""

HARD: Final = 16
"""How much longer a row is judged that is met in a side table, or by what it refers to, about (times)."""

REFERRED_TO: Final = 2
"""The same of one that others refer to (times)."""

PREFIX_STATUSES_MAX: Final = 5
"""Statuses whose ordered rows are merged (statuses)."""


Tokens = HasKey | HasWord | RefersTo | Missing
Counts = Mapping[tuple[str, Predicate], int]
"""Rows by type and predicate, `seek_rows_max` and one for more."""


class Statistics(Protocol):
    """What the database knows of its rows without counting them."""

    def rows_with(self, part: Tokens, type_name: str) -> int | None:
        """Rows that hold one of a predicate's tokens, about; None where it is not asked by tokens."""

    def rows_containing(self, part: Contains) -> int | None:
        """Rows that have the trigrams of one of a predicate's texts, about; None where a text has none."""

    def rows_of(self, type_name: str) -> int:
        """Rows of a type, about; of all types for ""."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`driver` finds the rows of a seek (None: all of the type); `prefix` are the criteria a walk's index answers.

    `walks`: the page is walked first; `cap` rows at most, if it has one.
    """

    query: Query
    keys: tuple[SortKey, ...]
    driver: Predicate | None
    walks: bool = False
    prefix: tuple[Predicate, ...] = ()
    cap: int | None = None
    rows: int | None = None

    @property
    def ends_in_columns(self) -> bool:
        """Whether the walk's index also has the rows without a value of the order's key, if there can be any."""
        return not self.keys or column(self.query.type_name, self.keys[0]) is not None

    @property
    def keys_may_miss(self) -> bool:
        """Whether matches can be without a value; every row has an id and an instant."""
        if not self.keys or self.keys[0].kind.startswith("_"):
            return False
        return not parts_on(self.query.type_name, self.keys[0].name, self.query.where)


def estimated(part: Predicate, type_name: str, statistics: Statistics, counts: Counts) -> int | None:
    """Rows that satisfy a predicate, about; None where that is not known, or no index finds them."""
    if (type_name, part) in counts:
        return counts[type_name, part]
    if isinstance(part, Tokens):
        return statistics.rows_with(part, type_name)
    if isinstance(part, Contains):
        return statistics.rows_containing(part)
    if isinstance(part, HasId):
        return len(part.ids)
    if isinstance(part, And | Or):
        return _of_several(part, type_name, statistics, counts)
    inner = _inner(part)
    return estimated(inner[1], inner[0], statistics, counts) if inner else None


def _of_several(parts: And | Or, type_name: str, statistics: Statistics, counts: Counts) -> int | None:
    found = [estimated(part, type_name, statistics, counts) for part in parts.parts]
    known = [rows for rows in found if rows is not None]
    if isinstance(parts, And):
        return min(known, default=None)
    return sum(known) if len(known) == len(found) else None


def _inner(part: Predicate) -> tuple[str, Predicate] | None:
    """The predicate on another resource, or on one type, that a predicate is about; and that type."""
    match part:
        case OnType(type_name, inner) | Chained(_, type_name, inner) | ReferredToBy(type_name, _, inner):
            return type_name, inner
    return None


def seek_rows_max(query: Query, statistics: Statistics) -> int:
    """Rows that are rather found and sorted than walked to: a walk meets the more of others the fewer they are.

    Of n matches among r rows a page of c takes c * r / n steps, and seeking n: both are the same at the root of c * r.
    """
    of_columns = all(column(query.type_name, key) for key in sort_of(query))
    hardest = max((_hardness(part) for part in query.where), default=1) if of_columns else HARD
    steps = max(query.count, 1) * statistics.rows_of(query.type_name) * hardest
    return max(SEEK_ROWS_MAX, isqrt(steps))


def _hardness(part: Predicate) -> int:
    """How much longer a row is judged by a criterion than by its own columns, about (times)."""
    match part:
        case And(parts) | Or(parts):
            return max((_hardness(one) for one in parts), default=1)
        case Not(inner):
            return _hardness(inner)
        case ReferredToBy():
            return REFERRED_TO
        case Chained():
            return HARD
    return 1


def to_count(query: Query, statistics: Statistics) -> list[tuple[str, Predicate]]:
    """Types and predicates whose rows decide between seeking and walking: to be counted, to `seek_rows_max` and one."""
    prefix, where = _prefix(query), merged(query.type_name, query.where)
    if len(query.where) == len(prefix) or _of_one_patient(prefix):
        return []
    known = [_known(part, query.type_name, statistics) for part in where]
    if any(rows is not None and rows <= SEEK_ROWS_MAX for rows in known):
        return []
    unknown = (part for part, rows in zip(where, known, strict=True) if rows is None)
    return [leaf for part in unknown for leaf in _uncounted(part, query.type_name, statistics)]


def _known(part: Predicate, type_name: str, statistics: Statistics) -> int | None:
    """What needs no counting. Few resources may be referred to by very many, patients excepted."""
    rows = estimated(part, type_name, statistics, {})
    return None if rows is not None and rows <= SEEK_ROWS_MAX and _is_reference(part, type_name) else rows


def _is_reference(part: Predicate, type_name: str) -> bool:
    return isinstance(part, Chained) and not part.by_column(type_name)


def _uncounted(part: Predicate, type_name: str, statistics: Statistics) -> Iterator[tuple[str, Predicate]]:
    inner = _inner(part)
    if estimated(part, type_name, statistics, {}) is not None and _is_reference(part, type_name):
        yield type_name, part
    elif inner:
        yield from _uncounted(inner[1], inner[0], statistics)
    elif isinstance(part, And | Or):
        for one in part.parts:
            yield from _uncounted(one, type_name, statistics)
    elif estimated(part, type_name, statistics, {}) is None:
        yield type_name, part


def plan(query: Query, statistics: Statistics, counts: Counts) -> Plan:
    """Seek where a criterion is known to be rare, walk where none is and the order has an index."""
    keys = sort_of(query)
    rows, driver = _rarest(query, statistics, counts)
    prefix = _prefix(query)
    if rows is not None and rows <= seek_rows_max(query, statistics):
        walks = rows > SEEK_ROWS_MAX and _ends_itself(query, driver)
        return Plan(query, keys, driver, walks=walks, prefix=prefix if walks else (), rows=rows)
    if keys and _ordered(query) is None:
        return Plan(query, keys, driver, rows=rows)
    if _of_one_patient(prefix) or len(prefix) == len(query.where) or driver is None:
        return Plan(query, keys, driver, walks=True, prefix=prefix, rows=rows)
    return Plan(query, keys, driver, walks=True, prefix=prefix, cap=_cap(query, statistics, rows), rows=rows)


def _ends_itself(query: Query, driver: Predicate | None) -> bool:
    """The rarest criterion is a span of time in the order of the page: a walk meets no more rows than it has."""
    key = _ordered(query)
    if key is None or not isinstance(driver, Window | Within | UpdatedWithin):
        return False
    parts = parts_on(query.type_name, key.name, query.where)
    if not parts or not set(driver.parts if isinstance(driver, Window) else (driver,)) <= set(parts):
        return False
    bounds = bounds_of(parts)
    return bounds.short_low is not None and bounds.high is not None


def _of_one_patient(prefix: tuple[Predicate, ...]) -> bool:
    return any(isinstance(part, RefersTo) for part in prefix)


def _rarest(query: Query, statistics: Statistics, counts: Counts) -> tuple[int | None, Predicate | None]:
    """Its rows too, where they are known: those of a chain nobody has counted are a guess, taken where nothing is."""
    type_name = query.type_name
    estimates = [(estimated(p, type_name, statistics, counts), p) for p in merged(type_name, query.where)]
    found = [(rows, part) for rows, part in estimates if rows is not None]
    sure = [pair for pair in found if (type_name, pair[1]) in counts or not _is_reference(pair[1], type_name)]
    if sure:
        return min(sure, key=lambda pair: pair[0])
    return None, min(found, key=lambda pair: pair[0])[1] if found else None


def _cap(query: Query, statistics: Statistics, rows: int | None) -> int:
    """Several times what the rarest criterion lets expect."""
    expected = query.count * statistics.rows_of(query.type_name) // max(rows or 1, 1)
    return max(WALK_ROWS_MIN, 4 * expected)


def _ordered(query: Query) -> SortKey | None:
    """The one key of an order that an index has; a search across types goes by resource id without any."""
    keys = sort_of(query)
    if not query.type_name or len(keys) != 1:
        return None
    held = column(query.type_name, keys[0])
    if held is not None:
        return keys[0] if held[0] != "status" else None
    return keys[0] if keys[0].kind in SIDE_TABLES else None


def _prefix(query: Query) -> tuple[Predicate, ...]:
    """What the indexes (patient, type, date) and (type, status, date) answer of a query ordered by date."""
    key = _ordered(query)
    if key is None or key.name != DATE.get(query.type_name):
        return ()
    for part in query.where:
        if isinstance(part, RefersTo) and len(part.patients(query.type_name)) == 1:
            return (part,)
    for part in query.where:
        if isinstance(part, HasKey) and part.name == STATUS.get(query.type_name):
            return (part,) if len(part.keys) <= PREFIX_STATUSES_MAX else ()
    return ()
