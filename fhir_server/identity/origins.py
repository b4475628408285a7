"""Origins of the pages of registered clients, which browsers let call us."""

import time
from collections.abc import Callable
from typing import Final

from fhir_server.storage.database import Database

CACHE_SECONDS: Final = 10.0
"""How old the list may be (seconds)."""

REGISTERED: Final = "SELECT DISTINCT unnest(origins) FROM client WHERE disabled IS NULL"


class Origins:
    """One process's; belongs to its event loop."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: frozenset[str] = frozenset()
        self._until = float("-inf")

    async def has(self, origin: str) -> bool:
        """Whether some client has registered it, that is not disabled."""
        now = self._monotonic()
        if now >= self._until:
            async with self._database.connection() as connection:
                cursor = await connection.execute(REGISTERED)
                self._known = frozenset(row[0] for row in await cursor.fetchall())
            self._until = now + CACHE_SECONDS
        return origin in self._known
