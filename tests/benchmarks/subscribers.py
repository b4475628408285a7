"""What listens to a server that is measured: a subscriber's sink, and a bare consumer of the `event` table."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import Final

import psycopg
import uvloop

from fhir_server.model.resource_types import type_number
from fhir_server.storage.events import SEQUENCED, wait_for_notification
from integrations.channel import Hook, Outgoing
from integrations.guarded.outbound import Outbound
from integrations.webhooks.rest_hook import RestHook
from tests.benchmarks.prescribing import PRESCRIPTION
from tests.running.sink import Heard, answering, listening

SITES: Final = 8
"""Ports that the sinks listen on: what is told to one host and port at the same time is bounded."""

POLL_SECONDS: Final = 1.0
BATCH: Final = 5_000
"""Events read at once (events)."""

SECRET: Final = bytes(32)
TIMEOUT_SECONDS: Final = 10.0
HEAD: Final = "SELECT seq FROM event_head"
EVENTS: Final = "SELECT seq, type, id FROM event WHERE seq > %s ORDER BY seq LIMIT %s"

Arrivals = dict[str, float]
"""When something first told of a prescription, by its id (seconds of `time.perf_counter`)."""


@dataclass
class Hooked:
    """Sinks that answer at once; `body` is that of the last event notification."""

    endpoints: list[str] = field(default_factory=list)
    body: bytes = b""
    arrivals: Arrivals = field(default_factory=dict)

    def heard(self, moment: float, body: bytes) -> None:
        """What comes again has come before; a handshake tells of nothing."""
        for entry in json.loads(body)["entry"][1:]:
            self.arrivals.setdefault(entry["fullUrl"].rpartition("/")[2], moment)
            self.body = body


def delays(answered: Mapping[str, float], arrived: Mapping[str, float]) -> list[float]:
    """From the answer to each write until it was told (seconds); at the earliest at once. `KeyError`: one never was."""
    return [max(0.0, arrived[one] - moment) for one, moment in answered.items()]


@asynccontextmanager
async def hooked() -> AsyncIterator[Hooked]:
    found, answer = Hooked(), answering("204 No Content")

    async def behave(heard: Heard, writer: asyncio.StreamWriter) -> None:
        moment = time.perf_counter()
        await answer(heard, writer)
        found.heard(moment, heard.body)

    async with AsyncExitStack() as open_:
        for _ in range(SITES):
            sink = await open_.enter_async_context(listening(behave))
            found.endpoints.append(f"http://127.0.0.1:{sink.port}/notify")
        yield found


@asynccontextmanager
async def consuming(url: str) -> AsyncIterator[Arrivals]:
    """Reads the events from now on by a cursor of its own, whenever it is told that there are some."""
    found: Arrivals = {}
    async with await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=0) as connection:
        await connection.execute(f"LISTEN {SEQUENCED}")
        reading = asyncio.create_task(_consume(connection, found))
        try:
            yield found
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading


async def _consume(connection: psycopg.AsyncConnection[tuple[int, ...]], found: Arrivals) -> None:
    (seq,) = await (await connection.execute(HEAD)).fetchone() or (0,)
    wanted = type_number(PRESCRIPTION)
    while True:
        events = await (await connection.execute(EVENTS, (seq, BATCH))).fetchall()
        moment = time.perf_counter()
        found |= {str(id_): moment for _, number, id_ in events if number == wanted}
        seq = events[-1][0] if events else seq
        if len(events) < BATCH:
            await wait_for_notification(connection, POLL_SECONDS)


async def driven(endpoints: Sequence[str], body: bytes, at_once: int, seconds: float) -> float:
    """Requests a second by our rest-hook client alone, in a process of its own, so many under way at the same time."""
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return await loop.run_in_executor(pool, _drive, endpoints, body, at_once, seconds)


def _drive(endpoints: Sequence[str], body: bytes, at_once: int, seconds: float) -> float:
    return uvloop.run(_deliver(endpoints, body, at_once, seconds))


async def _deliver(endpoints: Sequence[str], body: bytes, at_once: int, seconds: float) -> float:
    outbound = Outbound(allow_private=True)
    rest_hook = RestHook(outbound, lambda: datetime.now(UTC))
    hooks = [Hook(endpoint, (), TIMEOUT_SECONDS, (SECRET,), "1") for endpoint in endpoints]
    started = time.perf_counter()

    async def lane(number: int) -> int:
        done = 0
        while time.perf_counter() - started < seconds:
            await rest_hook.deliver(
                hooks[number % len(hooks)], Outgoing(f"{number}-{done}", body, "application/fhir+json")
            )
            done += 1
        return done

    done = sum(await asyncio.gather(*map(lane, range(at_once))))
    rate = done / (time.perf_counter() - started)
    await outbound.close()
    return rate
