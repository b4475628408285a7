"""Generations of search parameters: what is searched, what is being built, and how a process learns of them.

A generation is a set of parameters beyond R4's own. While one is being built resources are indexed by it and by the
active one, and searched by the active one alone; so a search never meets half an index.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fhir_server.model.definitions import SearchParameterDefinition
from fhir_server.search.indexer import Indexer
from fhir_server.storage.database import Connection, Database

GENERATION_SECONDS: Final = 1.0
"""How long a process believes what it knows of the generations (seconds)."""

NUMBERS: Final = "SELECT generation, state FROM search_generation WHERE state <> 'superseded' ORDER BY generation"
READ: Final = """
SELECT generation, state, definitions FROM search_generation WHERE state <> 'superseded' ORDER BY generation
"""

Added = tuple[SearchParameterDefinition, ...]


@dataclass(frozen=True, slots=True)
class Generation:
    number: int = 0
    definitions: Added = ()


@dataclass(frozen=True, slots=True)
class Generations:
    """`active` is searched; resources are indexed by it and by what is being built."""

    active: Generation = Generation()
    building: Generation | None = None

    @property
    def newest(self) -> Generation:
        return self.building or self.active

    @property
    def numbers(self) -> list[tuple[int, str]]:
        building = [(self.building.number, "building")] if self.building else []
        return [(self.active.number, "active"), *building]


async def read_generations(connection: Connection) -> Generations:
    rows = await (await connection.execute(READ)).fetchall()
    found = {state: Generation(number, _decoded(definitions)) for number, state, definitions in rows}
    return Generations(found["active"], found.get("building"))


def encoded(definitions: Added) -> str:
    """As JSON, in an order of their own: equal sets are equal texts."""
    return msgspec.json.encode(sorted(definitions, key=lambda d: d.url)).decode()


def _decoded(definitions: Sequence[Any]) -> Added:
    return msgspec.convert(definitions, Added)


class IndexerSource:
    """The indexer of the current generations; the database is asked at most once in GENERATION_SECONDS."""

    def __init__(self, make: Callable[[Generations], Indexer]) -> None:
        self._make = make
        self._asked_at = -GENERATION_SECONDS
        self._asking = asyncio.Lock()
        self.generations = Generations()
        self.indexer = make(self.generations)

    @property
    def is_fresh(self) -> bool:
        return time.monotonic() - self._asked_at < GENERATION_SECONDS

    async def refresh(self, database: Database) -> None:
        """What is known is no older than GENERATION_SECONDS; raises `Unavailable`."""
        if self.is_fresh:
            return
        async with self._asking:
            if not self.is_fresh:
                async with database.read_connection() as connection:
                    await self.ask(connection)

    async def ask(self, connection: Connection) -> None:
        """The same over a connection of the caller's, without waiting for others who ask."""
        asked_at = time.monotonic()
        numbers = await (await connection.execute(NUMBERS)).fetchall()
        if numbers != self.generations.numbers:
            self.generations = await read_generations(connection)
            self.indexer = self._make(self.generations)
        self._asked_at = max(self._asked_at, asked_at)
