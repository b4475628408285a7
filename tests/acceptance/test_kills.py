"""kill -9 of the API and of PostgreSQL with requests in flight: what was acknowledged is there, nothing is half."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg
import pytest

from tests.running.mixed_load import MixedLoad, Sent, tally, transactions_recorded
from tests.running.served import Served, served
from tests.running.store import an_indexer, assert_consistent
from tests.running.waiting import PATIENCE_SECONDS, allowed

API_PROCESSES = 2
CLIENTS = 10
IN_FLIGHT_MIN = 4
ANSWER_SECONDS_MAX = 10.0
"""Longest until a write is acknowledged again, after a kill (seconds)."""

WRITES_BETWEEN = 100
"""Acknowledged writes between two kills (requests)."""


@pytest.fixture
def server(data_dir) -> Iterator[Served]:
    with served(data_dir, api_processes=str(API_PROCESSES)) as running:
        yield running


@dataclass
class Kills:
    """Each is made while requests are in flight, and counts where it cost at least one of them its answer."""

    server: Served
    load: MixedLoad
    in_flight: list[int] = field(default_factory=list)
    answered_after_seconds: list[float] = field(default_factory=list)

    async def make(self, wanted: int, victims: Callable[[], list[int]]) -> None:
        for _ in range(3 * wanted):
            if len(self.in_flight) < wanted:
                await self._make_one(victims)
        assert len(self.in_flight) == wanted, "too few kills hit a request in flight"

    async def _make_one(self, victims: Callable[[], list[int]]) -> None:
        acknowledged = self.load.count(is_acknowledged)
        await until(lambda: self.load.count(is_acknowledged) > acknowledged + WRITES_BETWEEN)
        await until(lambda: bool(victims()) and self.load.in_flight >= IN_FLIGHT_MIN)
        chosen = victims()
        in_flight, unknown = self.load.in_flight, self.load.count(is_unknown)
        for pid in chosen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await until(self.load.probe)
        self.answered_after_seconds.append(time.monotonic() - killed)
        if self.load.count(is_unknown) > unknown:
            self.in_flight.append(in_flight)


def is_acknowledged(sent: Sent) -> bool:
    return sent.acknowledged


def is_unknown(sent: Sent) -> bool:
    return sent.unknown


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await asyncio.sleep(0.001)


async def under_load(server: Served, wanted: int, victims: Callable[[], list[int]]) -> str:
    """Kills under load; checks everything; returns what there is to print."""
    load = MixedLoad(server.base_url, CLIENTS)
    kills = Kills(server, load)
    running = asyncio.create_task(load.run())
    try:
        await kills.make(wanted, victims)
    finally:
        load.stop()
        await running
    indexer = an_indexer(server.index_key, server.base_url)
    contents = await asyncio.to_thread(assert_consistent, server.superuser_url, indexer)
    told = tally(load.ledger, contents)
    slowest = max(kills.answered_after_seconds)
    said = f"{wanted} kills with {sum(kills.in_flight)} in flight: {told}; answers after {slowest:.1f} s at the latest"
    assert told.is_clean, (said, told)
    assert transactions_recorded(load.ledger, contents)
    assert {sent.answer.status for sent in load.ledger if sent.answer} <= {200, 201, 204, 409, 412, 503}
    assert slowest <= allowed(ANSWER_SECONDS_MAX), said
    return said


async def test_nothing_is_lost_or_half_when_api_processes_are_killed(server, at_full_counts, capsys):
    """One of them, or all of them at once."""
    draw = random.Random(1)

    def victims() -> list[int]:
        running = server.api_processes()
        return running if draw.random() < 0.5 else running[:1]

    said = await under_load(server, 50 if at_full_counts else 5, victims)
    with capsys.disabled():
        print(f"\nkill -9 of API processes: {said}")


async def test_nothing_is_lost_or_half_when_postgresql_is_killed(server, at_full_counts, capsys):
    assert_durable(server)

    def victims() -> list[int]:
        postmaster = server.postmaster()
        return [postmaster] if postmaster else []

    said = await under_load(server, 10 if at_full_counts else 2, victims)
    assert_durable(server)
    with capsys.disabled():
        print(f"\nkill -9 of the postmaster: {said}")


def assert_durable(server: Served) -> None:
    with psycopg.connect(server.superuser_url) as connection:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"SHOW {name}").fetchone() == ("on",)
