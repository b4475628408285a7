"""Runs what `search` compiled: internal ids of matching resources, in their order."""

from typing import Any, Final

from fhir_server.model.parser import parse_object
from fhir_server.search.matches import matches
from fhir_server.search.plan import plan
from fhir_server.search.query import Query
from fhir_server.search.sql import matching
from fhir_server.storage.database import Connection
from fhir_server.storage.generations import IndexerSource
from fhir_server.storage.read import versions_of
from fhir_server.storage.statistics import StatisticsSource
from fhir_server.storage.version import Version

CANDIDATES: Final = 10
"""Rows looked at to decide whether a conditional interaction matches none, one or several (rows)."""

STORED_DEPTH: Final = 1_000
"""What is stored was parsed under its limit once; the setting may have shrunk since (levels)."""


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

    async def candidates(self, connection: Connection, query: Query, limit: int, after_rid: int = 0) -> list[Version]:
        """The first `limit` rows past `after_rid` that match by their hashes, in the order of creation."""
        statistics = await self.statistics.current(connection)
        driver = plan(query, statistics, {}).driver
        statement = matching(query, driver, self.indexer.hasher, limit, after_rid)
        return await versions_of(connection, statement.sql, statement.values)

    async def identity(self, connection: Connection, query: Query, limit: int) -> list[Version]:
        """Current versions that match by value, `limit` at most; hashes only narrow the search."""
        found: list[Version] = []
        after_rid = 0
        while len(found) < limit:
            candidates = await self.candidates(connection, query, CANDIDATES, after_rid)
            found += [c for c in candidates if c.body and matches(self.indexer, query, load(c))]
            if len(candidates) < CANDIDATES:
                break
            after_rid = candidates[-1].rid
        return found[:limit]


def load(version: Version) -> dict[str, Any]:
    """The resource of a version that is not a deletion."""
    return parse_object(version.body or b"{}", STORED_DEPTH)
