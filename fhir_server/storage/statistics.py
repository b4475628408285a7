"""What PostgreSQL knows of the search rows: which tokens are common, how many rows a type has.

Read from the planner's own statistics, which ANALYZE makes, at most once a minute and process.
https://www.postgresql.org/docs/18/view-pg-stats.html
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fhir_server.model.resource_types import type_number
from fhir_server.search.keys import KeyHasher
from fhir_server.search.plan import Tokens
from fhir_server.search.predicate import Scope
from fhir_server.search.types.string import Contains, grams
from fhir_server.storage.database import Connection

STATISTICS_SECONDS: Final = 60.0
"""How long what was read is believed (seconds)."""

RARE_ROWS: Final = 10
"""Rows a token is taken to have that ANALYZE has not found among the common ones (rows)."""

READ: Final = """
SELECT greatest(c.reltuples, 0)::bigint, s.attname,
       coalesce(s.most_common_elems, s.most_common_vals)::text::bigint[],
       coalesce(s.most_common_elem_freqs, s.most_common_freqs)
FROM pg_class c LEFT JOIN pg_stats s ON s.schemaname = c.relnamespace::regnamespace::text AND s.tablename = c.relname
                                    AND s.attname IN ('tokens', 'words', 'grams', 'type')
WHERE c.oid = 'search'::regclass
"""


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Implements `search.plan.Statistics`; shares of all rows by token, by trigram and by number of type."""

    hasher: KeyHasher
    rows: int
    tokens: Mapping[int, float] = field(default_factory=dict)
    grams: Mapping[int, float] = field(default_factory=dict)
    types: Mapping[int, float] = field(default_factory=dict)

    def rows_with(self, part: Tokens, type_name: str) -> int | None:
        """The sum over the predicate's tokens; None where it has none."""
        tokens = part.tokens(Scope(type_name, "", self.hasher))
        if not tokens:
            return None
        return sum(max(int(self.tokens.get(token, 0.0) * self.rows), RARE_ROWS) for token in tokens)

    def rows_containing(self, part: Contains) -> int | None:
        """The sum over the predicate's texts; None where one is too short to have a trigram."""
        rarest = [min((self.grams.get(gram, 0.0) for gram in grams(text)), default=None) for text in part.texts]
        if None in rarest:
            return None
        return sum(max(int(share * self.rows), RARE_ROWS) for share in rarest if share is not None)

    def rows_of(self, type_name: str) -> int:
        if not type_name:
            return self.rows
        return int(self.types.get(type_number(type_name), 0.0) * self.rows)


class StatisticsSource:
    """The frequencies of a process, read again where they are too old."""

    def __init__(self, hasher: KeyHasher) -> None:
        self._frequencies = Frequencies(hasher, 0)
        self._read_at = -STATISTICS_SECONDS

    async def current(self, connection: Connection) -> Frequencies:
        if time.monotonic() - self._read_at > STATISTICS_SECONDS:
            self._read_at = time.monotonic()
            self._frequencies = await _read(connection, self._frequencies.hasher)
        return self._frequencies


async def _read(connection: Connection, hasher: KeyHasher) -> Frequencies:
    rows, shares = 0, {}
    cursor = await connection.execute(READ)
    for total, name, values, frequencies in await cursor.fetchall():
        rows = total
        shares[name] = dict(zip(values or (), frequencies or (), strict=False))
    tokens = shares.get("tokens", {}) | shares.get("words", {})
    return Frequencies(hasher, rows, tokens, shares.get("grams", {}), shares.get("type", {}))
