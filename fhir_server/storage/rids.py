"""Internal resource ids, dealt from blocks a process takes from a sequence."""

import asyncio
from itertools import islice
from typing import Final

from fhir_server.storage.database import Database

BLOCK: Final = 1024
"""Ids of one block (ids); a process that dies leaves the rest of its block unused."""

TAKE_BLOCKS = "SELECT nextval('rid_block') FROM generate_series(1, %(blocks)s)"


class RidSource:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._free: list[int] = []
        self._lock = asyncio.Lock()

    async def take(self, count: int) -> list[int]:
        async with self._lock:
            if len(self._free) < count:
                await self._refill(count)
            taken = list(islice(self._free, count))
            del self._free[:count]
            return taken

    async def _refill(self, count: int) -> None:
        async with self._database.connection() as connection:
            cursor = await connection.execute(TAKE_BLOCKS, {"blocks": count // BLOCK + 1})
            for (block,) in await cursor.fetchall():
                self._free += range(block * BLOCK, (block + 1) * BLOCK)
