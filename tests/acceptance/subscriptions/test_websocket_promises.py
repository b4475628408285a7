"""What a socket is promised, whatever dies: no number is left out, and none is another event's."""

import asyncio
import signal
import time

import httpx
import psycopg
import pytest

from fhir_server.cli.api import DRAIN_SECONDS_MAX
from tests.acceptance.subscriptions.listener import Listener, a_pass, connected, listened
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.conftest import PROVE
from tests.running.galenic import Galenic
from tests.running.waiting import allowed

KILLS = 20 if PROVE else 1
WRITES = 12
"""Between two kills (prescriptions)."""

DROP_CONNECTIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


@pytest.fixture
def first(pair):
    """The server that has the worker."""
    return pair.servers[0]


@pytest.fixture
def second(pair):
    return pair.servers[1]


@pytest.fixture
def client(first):
    with first.client() as connection:
        yield connection


def prescribing(client: httpx.Client, patient: str, count: int):
    def write() -> None:
        for _ in range(count):
            prescribe(client, patient)

    return asyncio.to_thread(write)


async def bound(listener: Listener, token: str) -> None:
    await listener.say(f"bind-with-token {token}")
    await listener.until(lambda: listener.of("handshake"))


def stopped(galenic: Galenic, number: signal.Signals) -> float:
    """How long the API process took to end (seconds)."""
    began, process = time.monotonic(), galenic.apis.pop()
    process.send_signal(number)
    process.wait()
    return time.monotonic() - began


def started(galenic: Galenic) -> None:
    galenic.start_api()
    galenic.wait_ready()


async def test_sockets_of_two_processes_are_told_every_event_by_a_token_of_either(first, second, client):
    patient = a_patients_id(client)
    id_ = await listened(client, patient)
    token = a_pass(client, id_)["token"]
    async with connected(first.base_url) as here, connected(second.base_url) as there:
        for listener in (here, there):
            await bound(listener, token)
        with second.client() as other:
            await asyncio.gather(prescribing(client, patient, 15), prescribing(other, patient, 15))
        for listener in (here, there):
            await listener.until(lambda listener=listener: len(listener.numbers) >= 30)
            assert listener.numbers == list(range(1, 31))


async def test_who_comes_back_after_the_process_was_killed_has_missed_nothing(second, client):
    patient, numbers = a_patients_id(client), []
    id_ = await listened(client, patient)
    for _ in range(KILLS):
        async with connected(second.base_url) as listener:
            await bound(listener, a_pass(client, id_)["token"])
            writing = asyncio.create_task(prescribing(client, patient, WRITES))
            await listener.until(lambda listener=listener: len(listener.numbers) >= WRITES // 3)
            await asyncio.to_thread(stopped, second, signal.SIGKILL)
            await listener.until(lambda listener=listener: listener.closed)
            numbers += listener.numbers
            await writing
        await asyncio.to_thread(started, second)
    async with connected(second.base_url) as listener:
        await bound(listener, a_pass(client, id_)["token"])
        await listener.until(lambda: KILLS * WRITES in [*numbers, *listener.numbers])
        numbers += listener.numbers
    assert list(dict.fromkeys(numbers)) == list(range(1, KILLS * WRITES + 1))


async def test_a_process_that_stops_closes_its_sockets_and_another_goes_on(first, second, client):
    patient = a_patients_id(client)
    id_ = await listened(client, patient)
    async with connected(second.base_url) as listener:
        await bound(listener, a_pass(client, id_)["token"])
        took = await asyncio.to_thread(stopped, second, signal.SIGTERM)
        await listener.until(lambda: listener.closed)
        assert listener.closed[0] == 1012
        assert took < allowed(DRAIN_SECONDS_MAX)
    prescribe(client, patient)
    async with connected(first.base_url) as listener:
        await bound(listener, a_pass(client, id_)["token"])
        await listener.until(lambda: listener.numbers == [1])
    await asyncio.to_thread(started, second)


async def test_a_database_that_is_away_closes_no_socket_and_loses_no_event(pair, first, client):
    patient = a_patients_id(client)
    id_ = await listened(client, patient)
    async with connected(first.base_url) as listener:
        await bound(listener, a_pass(client, id_)["token"])
        prescribe(client, patient)
        await listener.until(lambda: listener.numbers == [1])
        with psycopg.connect(pair.database.superuser_url, autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {connection.info.dbname} CONNECTION LIMIT 0")
            connection.execute(DROP_CONNECTIONS)
            await asyncio.sleep(1.5)
            connection.execute(f"ALTER DATABASE {connection.info.dbname} CONNECTION LIMIT -1")
        first.wait_ready()
        prescribe(client, patient)
        await listener.until(lambda: 2 in listener.numbers)
        assert list(dict.fromkeys(listener.numbers)) == [1, 2]
        assert listener.closed is None
