"""What one process of the cluster does at a time: others stand by, and take over within a second when it goes.

The lock belongs to a connection and ends with it, however its process does.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

import psycopg

from fhir_server.storage.database import Connection

LOG = logging.getLogger(__name__)

TAKEOVER_SECONDS: Final = 0.5
"""Time between two attempts of a stand-by to take over (seconds)."""

BECOME: Final = "SELECT pg_try_advisory_lock(%s, 0)"


async def alone(url: str, lock: int, name: str, serve: Callable[[Connection], Awaitable[None]]) -> None:
    """Until cancelled: `serve`, which does not return, has a connection in autocommit for as long as it is its turn."""
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(url, autocommit=True, options="-c timezone=UTC")
            async with connection:
                await _wait_for_turn(connection, lock)
                await serve(connection)
        except psycopg.Error as error:
            LOG.warning("%s lost its connection: %s", name, type(error).__name__)
            await asyncio.sleep(TAKEOVER_SECONDS)


async def _wait_for_turn(connection: Connection, lock: int) -> None:
    while True:
        if await (await connection.execute(BECOME, (lock,))).fetchone() == (True,):
            return
        await asyncio.sleep(TAKEOVER_SECONDS)
