"""The dispatcher: tells workers, by Celery, of each job that is due. One process at a time holds the lock."""

import asyncio
import logging
from typing import Final

from fhir_server.storage.alone import alone
from fhir_server.storage.database import Connection
from fhir_server.storage.events import wait_for_notification
from fhir_server.storage.jobs import CHANNEL, Turn, due
from fhir_server.worker.broker import Broker, BrokerAway

LOG = logging.getLogger(__name__)

DISPATCHER_LOCK: Final = 9

LOOK_SECONDS: Final = 0.5
"""Longest a job that is due waits where no notification wakes the dispatcher (seconds)."""


class Dispatcher:
    """Runs until cancelled. What it told is not written down: whoever takes over tells it again."""

    def __init__(self, url: str, broker: Broker) -> None:
        self._url = url
        self._broker = broker
        self._told: set[Turn] = set()
        self._is_away = False

    async def run(self) -> None:
        await alone(self._url, DISPATCHER_LOCK, "the dispatcher", self._serve)

    async def _serve(self, connection: Connection) -> None:
        await connection.execute(f"LISTEN {CHANNEL}")
        while True:
            await self._tell(connection)
            await wait_for_notification(connection, LOOK_SECONDS)

    async def _tell(self, connection: Connection) -> None:
        """Each turn of a job once; without Redis workers find them by looking.

        Of many of one kind a few are told of: whoever has done one takes the next without being told.
        """
        turns = await due(connection)
        self._told.intersection_update(turns)
        fresh = [turn for turn in turns if turn not in self._told]
        if not fresh:
            return
        try:
            await asyncio.to_thread(self._broker.tell, [turn.kind for turn in fresh])
        except BrokerAway as error:
            self._note(is_away=True, reason=str(error))
        else:
            self._note(is_away=False)
            self._told.update(fresh)

    def _note(self, *, is_away: bool, reason: str = "") -> None:
        if is_away != self._is_away:
            LOG.warning("Redis is away, workers look for jobs themselves: %s" if is_away else "Redis is back%s", reason)
        self._is_away = is_away
