"""Runs what `search` compiled: internal ids of matching resources, in their order."""

from typing import Any, Final

from sqlalchemy import Select

from fhir_server.model.parser import parse_object
from fhir_server.search.indexer import Indexer
from fhir_server.search.matches import matches
from fhir_server.search.plan import plan
from fhir_server.search.query import Query
from fhir_server.search.sql import matching_rows
from fhir_server.storage.database import Connection
from fhir_server.storage.read import versions_by_rid
from fhir_server.storage.statements import compile_with_values
from fhir_server.storage.version import Version

CANDIDATES: Final = 10
"""Rows looked at to decide whether a conditional interaction matches none, one or several (rows)."""

STORED_DEPTH: Final = 1_000
"""What is stored was parsed under its limit once; the setting may have shrunk since (levels)."""


async def find_rids(
    connection: Connection, indexer: Indexer, query: Query, limit: int, after_rid: int = 0
) -> list[int]:
    """The first `limit` matches past `after_rid`."""
    return await _rids(connection, matching_rows(plan(query, indexer.token), limit, after_rid))


async def find_identity(
    connection: Connection, indexer: Indexer, query: Query, limit: int
) -> list[Version]:
    """Current versions that match by value, `limit` at most; hashes only narrow the search."""
    found: list[Version] = []
    after_rid = 0
    while len(found) < limit:
        rids = await find_rids(connection, indexer, query, CANDIDATES, after_rid)
        candidates = [version for version in await versions_by_rid(connection, rids) if version.body]
        found += [c for c in candidates if matches(indexer.registry, query, load(c), indexer.base_url)]
        if len(rids) < CANDIDATES:
            break
        after_rid = rids[-1]
    return found[:limit]


def load(version: Version) -> dict[str, Any]:
    """The resource of a version that is not a deletion."""
    return parse_object(version.body or b"{}", STORED_DEPTH)


async def _rids(connection: Connection, statement: Select[Any]) -> list[int]:
    """Never prepared: a plan for these values is worth more than one kept for any values."""
    sql, values = compile_with_values(statement)
    cursor = await connection.execute(sql, values, prepare=False)
    return [rid for (rid,) in await cursor.fetchall()]
