"""Messages that wait for partners: in their order, until acknowledged, whatever the partner does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import psycopg
import pytest

from fhir_server.exchange import ledger
from fhir_server.exchange.delivering import ATTEMPTS_MAX, Deliveries
from fhir_server.exchange.ledger import Arrived
from fhir_server.storage.database import Database as Opened
from fhir_server.storage.database import DatabaseOptions
from fhir_server.worker.meters import Meters
from fhir_server.worker.runner import Runner
from integrations.mllp.framing import FS, framed
from tests.conftest import Database
from tests.running.waiting import PATIENCE_SECONDS

Behave = Callable[[int, str], str | None]
"""How the n-th message to arrive is acknowledged, by its control id; None: the connection is closed."""


class Partner:
    """Somebody who listens."""

    def __init__(self, behave: Behave) -> None:
        self._behave = behave
        self.seen: list[str] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = (await reader.readuntil(FS + b"\r")).decode()
                control_id = message.split("|")[9]
                self.seen.append(control_id)
                code = self._behave(len(self.seen), control_id)
                if code is None:
                    break
                writer.write(framed(f"MSH|^~\\&|||||||ACK|9|P|2.5\rMSA|{code}|{control_id}\r".encode()))
        writer.close()


@contextlib.asynccontextmanager
async def delivering(database: Database, behave: Behave, partner: str = "robot") -> AsyncIterator[Partner]:
    """A worker that sends to a partner, who behaves."""
    listening = Partner(behave)
    server = await asyncio.start_server(listening.accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with psycopg.connect(database.app_url) as connection:
        connection.execute(
            "INSERT INTO partner (id, name, senders, kinds, address) VALUES (%s, 'A robot', '{}', '{}', %s)",
            (partner, f"mllp://127.0.0.1:{port}"),
        )
    async with working(database):
        yield listening
    server.close()


@contextlib.asynccontextmanager
async def working(database: Database) -> AsyncIterator[None]:
    """A worker that is told of jobs all the time."""
    opened = Opened(DatabaseOptions(database.app_url, 4, 30_000))
    await opened.open()
    runner = Runner(opened, [Deliveries(opened, first_delay_seconds=0.1)], Meters())
    telling = asyncio.create_task(told(runner))
    try:
        yield
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        await opened.close()


async def told(runner: Runner) -> None:
    running = asyncio.create_task(runner.run())
    try:
        while True:
            runner.wake(ledger.KIND)
            await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def wait_for(database: Database, *control_ids: str, partner: str = "robot", attempts: int = 1) -> None:
    connection = await psycopg.AsyncConnection.connect(database.app_url)
    async with connection:
        for control_id in control_ids:
            raw = f"MSH|^~\\&|GALENIC|PHARMACY|||20260101||RDS^O13|{control_id}|P|2.5\r".encode()
            await ledger.send(
                connection, Arrived(uuid4(), "mllp", raw, "RDS^O13", "GALENIC|PHARMACY", control_id, partner)
            )
        await connection.execute("UPDATE message SET attempts = %s", (attempts,))


@pytest.mark.parametrize("state", ["done", "failed"])
async def test_a_message_opens_the_job_that_had_ended(database: Database, state: str) -> None:
    async with delivering(database, lambda *_: "AA") as robot:
        await wait_for(database, "1")
        await states(database, "answered")
        async with await psycopg.AsyncConnection.connect(database.app_url) as connection:
            await connection.execute("UPDATE job SET state = %s, fence = fence + 1", (state,))
        await wait_for(database, "2")
        await states(database, "answered", "answered")
    assert robot.seen == ["1", "2"]


async def test_messages_of_an_older_release_have_no_job_and_are_sent(database: Database) -> None:
    await wait_for(database, "1", "2")
    with psycopg.connect(database.app_url) as connection:
        connection.execute("DELETE FROM job")
    async with delivering(database, lambda *_: "AA") as robot:
        await states(database, "answered", "answered")
    assert robot.seen == ["1", "2"]


async def test_a_partner_without_an_address_is_looked_at_again(database: Database) -> None:
    later = "SELECT state FROM job WHERE kind = 'send' AND due > now() + interval '30 seconds'"
    connection = await psycopg.AsyncConnection.connect(database.app_url, autocommit=True)
    async with connection, delivering(database, lambda *_: "AA"), asyncio.timeout(PATIENCE_SECONDS):
        await connection.execute("UPDATE partner SET disabled = now()")
        await wait_for(database, "1")
        while await (await connection.execute(later)).fetchone() != ("waiting",):
            await asyncio.sleep(0.05)
        await states(database, "mapped")


async def states(database: Database, *expected: str) -> None:
    """Waits until the messages are in these states, in their order."""
    connection = await psycopg.AsyncConnection.connect(database.app_url, autocommit=True)
    async with connection, asyncio.timeout(PATIENCE_SECONDS):
        while True:
            cursor = await connection.execute("SELECT state FROM message ORDER BY number")
            found = [state for (state,) in await cursor.fetchall()]
            if found == list(expected):
                return
            await asyncio.sleep(0.05)


async def test_messages_go_in_their_order_and_are_answered(database: Database) -> None:
    async with delivering(database, lambda *_: "AA") as robot:
        await wait_for(database, "1", "2", "3")
        await states(database, "answered", "answered", "answered")
    assert robot.seen == ["1", "2", "3"]


async def test_the_next_one_waits_until_the_one_before_is_acknowledged(database: Database) -> None:
    async with delivering(database, lambda number, _: "AA" if number > 3 else None) as robot:
        await wait_for(database, "1", "2")
        await states(database, "answered", "answered")
    assert robot.seen == ["1", "1", "1", "1", "2"]


@pytest.mark.parametrize("code", ["AE", "AR", "CE", "CR"])
async def test_what_is_refused_has_failed_and_holds_up_nothing(database: Database, code: str) -> None:
    async with delivering(database, lambda _, control_id: code if control_id == "1" else "AA") as robot:
        await wait_for(database, "1", "2")
        await states(database, "failed", "answered")
    assert robot.seen == ["1", "2"]


async def test_what_is_never_acknowledged_is_dead_in_the_end_and_holds_up_nothing_more(database: Database) -> None:
    async with delivering(database, lambda _, control_id: None if control_id == "1" else "AA"):
        await wait_for(database, "1", "2", attempts=ATTEMPTS_MAX)
        await states(database, "dead", "answered")


async def test_one_partner_that_is_away_keeps_no_other_waiting(database: Database) -> None:
    with psycopg.connect(database.app_url) as connection:
        connection.execute(
            "INSERT INTO partner (id, name, senders, kinds, address)"
            " VALUES ('away', 'Away', '{}', '{}', 'mllp://127.0.0.1:1')"
        )
    async with delivering(database, lambda *_: "AA"):
        await wait_for(database, "1", partner="away")
        await wait_for(database, "2")
        await states(database, "mapped", "answered")


async def test_two_workers_send_to_a_partner_one_after_the_other(database: Database) -> None:
    async with delivering(database, lambda *_: "AA") as robot, working(database):
        await wait_for(database, *map(str, range(40)))
        await states(database, *["answered"] * 40)
    assert robot.seen == [str(number) for number in range(40)]
