"""Pages of search results: what `search` planned is run, and the stored bytes are fetched in the same statement.

The first page takes a snapshot that the others keep: a row written since is not on them, so paging under writers meets
no resource twice and misses none that stayed as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from fhir_server.search.plan import SEEK_ROWS_MAX, Plan, plan, seek_rows_max, to_count
from fhir_server.search.predicate import Predicate
from fhir_server.search.query import Query
from fhir_server.search.sql import Page, Position, Statement, capped_counts, count, seek, walk
from fhir_server.storage.database import Connection
from fhir_server.storage.find import Finder
from fhir_server.storage.read import VERSION_COLUMN_NAMES, to_version
from fhir_server.storage.version import Version

_COLUMNS: Final = ", ".join(f"r.{name}" for name in VERSION_COLUMN_NAMES)


@dataclass(frozen=True, slots=True)
class Step:
    """A statement that was run for a page: for `_explain`."""

    name: str
    statement: Statement
    rows: int


@dataclass(slots=True)
class Found:
    """A page; `end` is where the next one goes on, None where this is the last."""

    versions: list[Version]
    end: Position | None
    snapshot: str
    plan: Plan
    steps: list[Step] = field(default_factory=list)


@dataclass(slots=True)
class Searcher:
    """One search over one connection."""

    connection: Connection
    finder: Finder
    steps: list[Step] = field(default_factory=list)

    async def plan(self, query: Query) -> Plan:
        """Counts what has to be known first: few rows of the rarest criteria, never all."""
        statistics = await self.finder.statistics.current(self.connection)
        parts = to_count(query, statistics)
        counts: dict[tuple[str, Predicate], int] = {}
        if parts:
            most = seek_rows_max(query, statistics) + 1
            statement = capped_counts(parts, query, self.finder.indexer.hasher, most)
            rows = (await self._rows(statement))[0][0]
            counts = {part: found for part, found in zip(parts, rows, strict=True) if found >= 0}
            self.steps.append(Step("count", statement, sum(counts.values())))
        return plan(query, statistics, counts)

    async def page(self, query: Query, after: Position | None, snapshot: str | None) -> Found:
        """`query.count` matches past `after`, as they were in `snapshot` (None: take one now)."""
        planned = await self.plan(query)
        page = Page(query.count + 1, after, snapshot)
        rows = await self._walked(planned, page) if planned.walks else None
        if rows is None:
            rows = await self._fetched("seek", seek(planned, page, self.finder.indexer.hasher))
        versions = [to_version(row[: len(VERSION_COLUMN_NAMES)]) for row in rows[: query.count]]
        end = _position(rows[query.count - 1]) if len(rows) > query.count > 0 else None
        taken = snapshot or (rows[0][len(VERSION_COLUMN_NAMES)] if rows else "")
        return Found(versions, end, taken, planned, self.steps)

    async def total(self, query: Query, planned: Plan) -> int:
        """How many match, counted."""
        statement = count(query, planned.driver, self.finder.indexer.hasher)
        total = int((await self._rows(statement))[0][0])
        self.steps.append(Step("total", statement, total))
        return total

    async def estimate(self, query: Query, planned: Plan) -> int:
        """About how many match: exact where few do, else what the planner of the database expects."""
        if planned.rows is not None and planned.rows <= SEEK_ROWS_MAX:
            return await self.total(query, planned)
        statement = count(query, planned.driver, self.finder.indexer.hasher)
        explained = await self.explained(statement, run=False)
        return max(int(explained[0]["Plan"]["Plans"][0]["Plan Rows"]), planned.rows or 0)

    async def explained(self, statement: Statement, *, run: bool) -> Any:
        """PostgreSQL's own plan, with the actual rows where it is run."""
        how = "ANALYZE, FORMAT JSON" if run else "FORMAT JSON"
        explain = Statement(f"EXPLAIN ({how}) {statement.sql}", statement.values)
        found = (await self._rows(explain))[0][0]
        return msgspec.json.decode(found) if isinstance(found, str) else found

    async def _walked(self, planned: Plan, page: Page) -> list[Sequence[Any]] | None:
        """None: the walk gave up. A walk without a cap that found too few goes on with the rows without a value."""
        hasher = self.finder.indexer.hasher
        in_missing = page.after is not None and bool(page.after.values) and page.after.values[0] is None
        rows: list[Sequence[Any]] = []
        if not in_missing:
            rows = await self._fetched("walk", walk(planned, page, hasher))
        if len(rows) >= page.limit:
            return rows
        if planned.cap or not planned.ends_in_columns:
            return None
        return [*rows, *await self._without_value(planned, page, rows)] if planned.keys_may_miss else rows

    async def _without_value(self, planned: Plan, page: Page, found: list[Sequence[Any]]) -> list[Sequence[Any]]:
        """Of the same snapshot: a row that has lost its value in between is not met twice."""
        taken = page.snapshot or (found[0][len(VERSION_COLUMN_NAMES)] if found else None)
        rest = Page(page.limit - len(found), page.after, taken)
        return await self._fetched("walk", walk(planned, rest, self.finder.indexer.hasher, missing=True))

    async def _fetched(self, name: str, found: Statement) -> list[Sequence[Any]]:
        """Rows of VERSION_COLUMN_NAMES, the snapshot, the resource id, and the values of the order's keys."""
        keys = "".join(f", p.k{n}::text" for n in range(found.keys))
        sql = (
            f"WITH page AS MATERIALIZED (SELECT q.*, row_number() OVER () AS place FROM ({found.sql}) q)"
            f" SELECT {_COLUMNS}, pg_current_snapshot()::text, p.rid{keys}"
            f" FROM page p JOIN resource r ON r.rid = p.rid ORDER BY p.place"
        )
        rows = await self._rows(Statement(sql, found.values))
        self.steps.append(Step(name, found, len(rows)))
        return rows

    async def _rows(self, statement: Statement) -> list[Any]:
        """Never prepared: a plan for these values is worth more than one kept for any values."""
        cursor = self.connection.cursor(binary=True)
        await cursor.execute(statement.sql, statement.values, prepare=False)
        return await cursor.fetchall()


def _position(row: Sequence[Any]) -> Position:
    snapshot = len(VERSION_COLUMN_NAMES)
    return Position(tuple(row[snapshot + 2 :]), row[snapshot + 1])
