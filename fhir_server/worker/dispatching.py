"""The dispatcher: tells workers, by Celery, of each job that is due. One process at a time holds the lock."""

import asyncio
import logging
from typing import Final

import psycopg

from fhir_server.storage.database import Connection
from fhir_server.storage.events import wait_for_notification
from fhir_server.storage.jobs import CHANNEL, Turn, due
from fhir_server.worker.broker import Broker, BrokerAway

LOG = logging.getLogger(__name__)

DISPATCHER_LOCK: Final = 9
BECOME_DISPATCHER: Final = "SELECT pg_try_advisory_lock(%s, 0)"

TAKEOVER_SECONDS: Final = 0.5
"""Time between two attempts of a stand-by to become the dispatcher (seconds)."""

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
        while True:
            try:
                await self._serve_one_connection()
            except psycopg.Error as error:
                LOG.warning("the dispatcher lost its connection: %s", type(error).__name__)
                await asyncio.sleep(TAKEOVER_SECONDS)

    async def _serve_one_connection(self) -> None:
        connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True)
        async with connection:
            await self._wait_for_turn(connection)
            await connection.execute(f"LISTEN {CHANNEL}")
            while True:
                await self._tell(connection)
                await wait_for_notification(connection, LOOK_SECONDS)

    async def _wait_for_turn(self, connection: Connection) -> None:
        while True:
            if await (await connection.execute(BECOME_DISPATCHER, (DISPATCHER_LOCK,))).fetchone() == (True,):
                return
            await asyncio.sleep(TAKEOVER_SECONDS)

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
