"""Finds out that something has happened to a Subscription: one connection a process, while anybody wants to know.

One statement looks at all that are watched, however many Subscriptions there are: when work was told of, at the latest
after POLL_SECONDS.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import psycopg

from fhir_server.storage.events import wait_for_notification
from fhir_server.storage.jobs import CHANNEL
from fhir_server.storage.subscriptions import Glance, glances

LOG = logging.getLogger(__name__)

POLL_SECONDS: Final = 1.0
"""Longest something goes unnoticed where no notification tells of it (seconds)."""

PAUSE_SECONDS: Final = 0.02
"""Least time between two looks, however much is told (seconds)."""

LOOK_SECONDS_MAX: Final = 10.0
"""A look that takes longer has lost its connection (seconds)."""

RECONNECT_SECONDS: Final = 1.0
"""Time between two attempts to make a connection (seconds)."""

Wake = Callable[[int], None]
"""Told the internal id of a Subscription."""


class Watcher:
    """Of one event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._watched: dict[int, set[Wake]] = {}
        self._seen: dict[int, Glance | None] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, rid: int, wake: Wake) -> None:
        """`wake` is called at the next look, and whenever something has changed."""
        self._watched.setdefault(rid, set()).add(wake)
        self._seen.pop(rid, None)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self, rid: int, wake: Wake) -> None:
        """Who leaves twice has left."""
        others = self._watched.get(rid, set())
        others.discard(wake)
        if not others:
            self._watched.pop(rid, None)
            self._seen.pop(rid, None)
        if not self._watched and self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._look_on_one_connection()
            except Exception as error:  # noqa: BLE001 - without it all sockets would be told nothing any more
                LOG.warning("the watcher of subscriptions begins again after %s", type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _look_on_one_connection(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                async with asyncio.timeout(LOOK_SECONDS_MAX):
                    self._tell(await glances(connection, tuple(self._watched)))
                await asyncio.sleep(PAUSE_SECONDS)
                await wait_for_notification(connection, POLL_SECONDS)

    def _tell(self, found: dict[int, Glance]) -> None:
        for rid, wakes in self._watched.items():
            before, now = self._seen.get(rid), found.get(rid)
            self._seen[rid] = now
            if _is_news(before, now):
                for wake in wakes:
                    wake(rid)


def _is_news(before: Glance | None, now: Glance | None) -> bool:
    """Those that tell move `delivered` on themselves; whoever moves it back wants it told again."""
    if before is None or now is None:
        return True
    return replace(before, delivered=0) != replace(now, delivered=0) or now.delivered < before.delivered
