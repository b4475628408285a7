"""Reads share statements; whoever comes while the last statement ends is not forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from fhir_server.storage import read
from fhir_server.storage.read import READERS, Reader


class GatedDatabase:
    """Each connection comes when the test opens its gate."""

    def __init__(self) -> None:
        self.gates: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def read_connection(self) -> AsyncIterator[None]:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.gates.append(gate)
        await gate
        yield


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_read_that_arrives_while_the_last_statements_end_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(*_: object) -> dict[object, object]:
        return {}

    monkeypatch.setattr(read, "current_versions", nothing)
    database = GatedDatabase()
    reader = Reader(database)  # type: ignore[arg-type]
    for name in ("a", "b")[:READERS]:
        asyncio.create_task(reader.current("Patient", name))  # noqa: RUF006 - the reader answers it
        await settle()
    for gate in database.gates:
        gate.set_result(None)
    late = asyncio.create_task(reader.current("Patient", "late"))
    await settle()
    for gate in database.gates:
        if not gate.done():
            gate.set_result(None)
    assert await asyncio.wait_for(late, timeout=5) is None
