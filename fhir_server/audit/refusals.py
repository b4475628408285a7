"""Refused credentials: recorded one by one while they are few, then as one record a minute with a count.

Whoever tries a million passwords shall be on record, and shall not fill the record.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from fhir_server.audit.record import Record
from fhir_server.audit.recorder import Recording
from fhir_server.errors import Unavailable

LOG = logging.getLogger(__name__)

PERIOD_SECONDS: Final = 60.0
SINGLY: Final = 10
"""Refusals of one source that are recorded by themselves in each period (refusals)."""

SINGLY_IN_ALL: Final = 1_000
"""The same for all sources of a process together (refusals)."""

SOURCES_MAX: Final = 10_000
"""Sources that are told apart in one period; what comes from more is counted together (sources)."""

OTHERS: Final = "many addresses"
IPV6_PREFIX: Final = 64
"""What one customer is given at least: within it addresses are as free as ports (bits)."""


@dataclass(slots=True)
class _Counted:
    first: Record
    count: int = 1


def source_of(address: str) -> str:
    """What is counted as one: an IPv4 address, or the network an IPv6 address is one of many in."""
    with suppress(ValueError):
        parsed = ip_address(address)
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
            return str(ip_network((parsed, IPV6_PREFIX), strict=False))
    return address


class Refusals:
    """Of one process; `clock` gives seconds that never go back."""

    def __init__(self, recorder: Recording, clock: Callable[[], float] = time.monotonic) -> None:
        self._recorder = recorder
        self._clock = clock
        self._period = 0
        self._seen: dict[str, int] = {}
        self._singly = 0
        self._counted: dict[tuple[str, str, int], _Counted] = {}
        self._task: asyncio.Task[None] | None = None

    async def refuse(self, record: Record) -> None:
        """Returns when the refusal is recorded, or counted. Raises `Unavailable` as the recorder does."""
        self._turn()
        source = source_of(record.context.address)
        if source not in self._seen and len(self._seen) >= SOURCES_MAX:
            source = OTHERS
        seen = self._seen[source] = self._seen.get(source, 0) + 1
        if seen <= SINGLY and self._singly < SINGLY_IN_ALL:
            self._singly += 1
            await self._recorder.record(record)
        else:
            self._count(source, record)

    async def flush(self) -> None:
        """Records what was counted; what cannot be recorded now stays counted."""
        counted, self._counted = self._counted, {}
        records = [_summary(source, counts) for (source, _, _), counts in counted.items()]
        try:
            await self._recorder.record(*records)
        except Unavailable:
            LOG.warning("refused credentials cannot be recorded now; they stay counted")
            for key, counts in counted.items():
                if key in self._counted:
                    self._counted[key].count += counts.count
                else:
                    self._counted[key] = counts

    def start(self) -> None:
        """From now on what is counted is recorded at the end of each period."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Records what is counted still, before the process ends."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(PERIOD_SECONDS)
            await self.flush()

    def _turn(self) -> None:
        period = int(self._clock() // PERIOD_SECONDS)
        if period != self._period:
            self._period, self._singly = period, 0
            self._seen.clear()

    def _count(self, source: str, record: Record) -> None:
        key = (source, record.interaction, record.status)
        counted = self._counted.get(key)
        if counted is None and len(self._counted) >= SOURCES_MAX:
            key = (OTHERS, record.interaction, record.status)
            counted = self._counted.get(key)
        if counted is None:
            self._counted[key] = _Counted(record)
        else:
            counted.count += 1


def _summary(source: str, counted: _Counted) -> Record:
    """What differed from one to the next is left out: who was tried, and what was asked for."""
    context = replace(counted.first.context, address=source, actor="anonymous", client="anonymous", token_id="")
    return Record(context, counted.first.interaction, counted.first.status, count=counted.count)
