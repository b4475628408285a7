"""Runs what `search` compiled: internal ids of matching resources, in their order."""

from collections.abc import Sequence
from typing import Any, Final

from psycopg import AsyncCursor

from fhir_server.model.parser import parse_object
from fhir_server.search.matches import matches
from fhir_server.search.plan import plan
from fhir_server.search.query import Query
from fhir_server.search.sql import matching
from fhir_server.storage.database import Connection
from fhir_server.storage.generations import IndexerSource
from fhir_server.storage.read import ask_versions_of, to_versions
from fhir_server.storage.statistics import Frequencies, StatisticsSource
from fhir_server.storage.version import Version

CANDIDATES: Final = 10
"""Rows looked at to decide whether a conditional interaction matches none, one or several (rows)."""

TOGETHER: Final = 8
"""Searches that are asked before the first is judged: all they find is in memory at once (searches)."""

STORED_DEPTH: Final = 1_000
"""What is stored was parsed under its limit once; the setting may have shrunk since (levels)."""


Rows = AsyncCursor[tuple[Any, ...]]


class Outdated(Exception):
    """Other generations of search parameters are current than those a request began with."""


class Finder:
    """Finds resources by what `search` compiled; keeps to the indexer that was current when it was made."""

    def __init__(self, source: IndexerSource, statistics: StatisticsSource | None = None) -> None:
        self.source = source
        self.indexer = source.indexer
        self.statistics = statistics or StatisticsSource(source.indexer.hasher)

    def renewed(self) -> "Finder":
        """The finder by the indexer that is current now."""
        if self.source.indexer is self.indexer:
            return self
        return Finder(self.source, self.statistics)

    async def verify(self, connection: Connection) -> None:
        """Raises `Outdated` where the indexer is not the current one; asked right before rows are written."""
        if not self.source.is_fresh:
            await self.source.ask(connection)
        if self.source.indexer is not self.indexer:
            raise Outdated

    async def identity(self, connection: Connection, query: Query, limit: int) -> list[Version]:
        """Current versions that match by value, `limit` at most; hashes only narrow the search."""
        return (await self.identities(connection, [(query, limit)]))[0]

    async def identities(self, connection: Connection, wanted: Sequence[tuple[Query, int]]) -> list[list[Version]]:
        """The same for several queries, each with its limit; TOGETHER of them travel at once."""
        groups = (wanted[start : start + TOGETHER] for start in range(0, len(wanted), TOGETHER))
        return [versions for group in groups for versions in await self._found(connection, group)]

    async def _found(self, connection: Connection, wanted: Sequence[tuple[Query, int]]) -> list[list[Version]]:
        statistics = await self.statistics.current(connection)
        async with connection.pipeline():
            asked = [await self._ask(connection, query, statistics, _rows(limit)) for query, limit in wanted]
            pages = [to_versions(await cursor.fetchall()) for cursor in asked]
        together = zip(wanted, pages, strict=True)
        return [await self._matching(connection, query, limit, page) for (query, limit), page in together]

    async def _matching(self, connection: Connection, query: Query, limit: int, page: list[Version]) -> list[Version]:
        """`page`: the first candidates; more are asked for where these do not decide."""
        found: list[Version] = []
        rows = _rows(limit)
        while True:
            found += [c for c in page if c.body and matches(self.indexer, query, load(c))]
            if len(page) < rows or len(found) >= limit:
                return found[:limit]
            page, rows = await self.candidates(connection, query, page[-1].rid), CANDIDATES

    async def candidates(self, connection: Connection, query: Query, after_rid: int = 0) -> list[Version]:
        """The first CANDIDATES rows past `after_rid` that match by their hashes, in the order of creation."""
        statistics = await self.statistics.current(connection)
        asked = await self._ask(connection, query, statistics, CANDIDATES, after_rid)
        return to_versions(await asked.fetchall())

    async def _ask(
        self, connection: Connection, query: Query, statistics: Frequencies, rows: int, after_rid: int = 0
    ) -> Rows:
        statement = matching(query, plan(query, statistics, {}).driver, self.indexer.hasher, rows, after_rid)
        return await ask_versions_of(connection, statement.sql, statement.values)


def _rows(limit: int) -> int:
    """Of the first page: mostly all candidates match, and whole resources come with them."""
    return min(limit, CANDIDATES)


def load(version: Version) -> dict[str, Any]:
    """The resource of a version that is not a deletion."""
    return parse_object(version.body or b"{}", STORED_DEPTH)
