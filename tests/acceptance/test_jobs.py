"""Jobs outlive the deaths of workers and of Redis (C2): each effect once in the database, and at least once outside.

Prescriptions come in over SCRIPT and FHIR, subscribers and a partner are told, a re-indexing runs; meanwhile workers
are killed, and Redis is emptied, restarted, and away.
"""

import asyncio
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest
import redis

from fhir_server.embedded.valkey import EmbeddedValkey
from fhir_server.exchange import ledger
from fhir_server.exchange.ledger import Arrived
from fhir_server.identity.clients import hashed_secret
from fhir_server.identity.opaque import fresh
from integrations.mllp.framing import FS, framed
from tests.acceptance.exchange.office import PARTNER, PRESCRIBED, a_number, a_script
from tests.acceptance.exchange.test_script_gateway import orders, post
from tests.acceptance.subscriptions.subscriber import becomes, numbers, subscribe
from tests.acceptance.subscriptions.test_promises import kill_a_worker
from tests.acceptance.subscriptions.test_rest_hook import RECEIVED, a_patients_id, prescribe
from tests.builders.subscriptions import a_subscription
from tests.conftest import PROVE, Database
from tests.running.galenic import Galenic, running
from tests.running.mllp import a_partner
from tests.running.reindexing import await_done, begin
from tests.running.sink import Sink, listening
from tests.running.waiting import eventually

ABSENT_SECONDS = 300.0 if PROVE else 8.0
ROUNDS = 4 if PROVE else 1
STARTED_SECONDS_MAX = 30.0
"""Longest until a job begins once Redis is back (seconds)."""

SECRET = fresh()
STARTED = "SELECT count(*) FROM job WHERE state = 'waiting' AND due < clock_timestamp() - interval '1 second'"
SETTLED = "SELECT state, count(*) FROM message WHERE wire = 'mllp' GROUP BY state"


@dataclass
class Robot:
    """A partner that takes HL7 v2."""

    seen: list[str] = field(default_factory=list)
    port: int = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                control_id = (await reader.readuntil(FS + b"\r")).decode().split("|")[9]
                self.seen.append(control_id)
                writer.write(framed(f"MSH|^~\\&|||||||ACK|9|P|2.5\rMSA|AA|{control_id}\r".encode()))
        writer.close()


@dataclass
class Pharmacy:
    """A server, whom it tells, and what was asked of it."""

    server: Galenic
    valkey: EmbeddedValkey
    client: httpx.Client
    practice: httpx.Client
    sink: Sink
    robot: Robot
    patient: str
    prescribed: list[str] = field(default_factory=list)
    scripted: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    async def work(self, until: asyncio.Event) -> None:
        """Something of each kind, again and again; each is acknowledged."""
        while not until.is_set():
            await asyncio.to_thread(self.ask)
            await asyncio.sleep(0.1)

    def ask(self) -> None:
        self.prescribed.append(prescribe(self.client, self.patient))
        number = a_number()
        assert post(self.practice, a_script("NewRx", PRESCRIBED, number, order=number)).status_code == 200
        self.scripted.append(number)
        self.sent.append(self.send())

    def send(self) -> str:
        number = uuid4().hex[:12]
        raw = f"MSH|^~\\&|GALENIC|PHARMACY|||20260101||RDS^O13|{number}|P|2.5\r".encode()
        leaving = Arrived(uuid4(), "mllp", raw, "RDS^O13", "GALENIC|PHARMACY", number, "robot")
        with psycopg.connect(self.server.environment["GALENIC_DATABASE_URL"]) as connection:
            connection.execute(ledger.SEND, ledger.leaving_values(leaving))
            connection.execute(ledger.WAKE, ledger.job_values("robot"))
        return number

    def asked(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.server.environment["GALENIC_DATABASE_URL"]) as connection:
            return connection.execute(statement).fetchall()


@pytest.fixture
def valkey(data_dir: Path) -> Iterator[EmbeddedValkey]:
    started = EmbeddedValkey(data_dir)
    started.start()
    yield started
    started.stop()


@pytest.fixture
async def robot() -> AsyncIterator[Robot]:
    made = Robot()
    listening_robot = await asyncio.start_server(made.accept, "127.0.0.1", 0)
    made.port = listening_robot.sockets[0].getsockname()[1]
    yield made
    listening_robot.close()


@pytest.fixture
async def pharmacy(database: Database, valkey: EmbeddedValkey, robot: Robot) -> AsyncIterator[Pharmacy]:
    with running(database.app_url, outbound_allow_private="1", redis_url=valkey.url) as server:
        server.start_worker()
        a_partner(server, id="robot", senders=["ROBOT|PHARMACY"], address=f"mllp://127.0.0.1:{robot.port}")
        a_partner(server, id=PARTNER, senders=["D:practice"], secret_hash=hashed_secret(SECRET))
        practice = httpx.Client(base_url=server.root_url, auth=(PARTNER, SECRET), timeout=60)
        async with listening() as sink:
            with server.client() as client, practice:
                patient = a_patients_id(client)
                narrowed = f"MedicationRequest?patient=Patient/{patient}"
                hook = a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed)
                await becomes(client, subscribe(client, hook), "active")
                yield Pharmacy(server, valkey, client, practice, sink, robot, patient)


@asynccontextmanager
async def working(pharmacy: Pharmacy) -> AsyncIterator[None]:
    """While others ask for things; at the end all of it has been done."""
    until = asyncio.Event()
    asking = asyncio.create_task(pharmacy.work(until))
    yield
    until.set()
    await asking
    await all_is_done(pharmacy)


async def all_is_done(pharmacy: Pharmacy) -> None:
    count = len(pharmacy.prescribed)
    await eventually(lambda: count in numbers(pharmacy.sink.heard))
    await eventually(lambda: dict(pharmacy.asked(SETTLED)) == {"answered": len(pharmacy.sent)})
    told = numbers(pharmacy.sink.heard)
    assert told == sorted(told)
    assert set(told) == set(range(1, count + 1))
    assert list(dict.fromkeys(pharmacy.robot.seen)) == pharmacy.sent
    for number in pharmacy.scripted:
        await eventually(lambda number=number: len(orders(pharmacy.server, number)) == 1)
    ids = [heard.header("webhook-id") for heard in pharmacy.sink.heard]
    bodies = {
        name: {numbers([one])[-1] for one in pharmacy.sink.heard if one.header("webhook-id") == name}
        for name in ids[1:]
    }
    assert all(len(found) == 1 for found in bodies.values())


async def began_within(pharmacy: Pharmacy) -> None:
    """Nothing that is due waits any more."""
    began = time.monotonic()
    await eventually(lambda: pharmacy.asked(STARTED) == [(0,)], STARTED_SECONDS_MAX)
    print("jobs began", round(time.monotonic() - began, 1), "s after Redis was back")


async def flushed(pharmacy: Pharmacy) -> None:
    for _ in range(10 * ROUNDS):
        with redis.Redis.from_url(pharmacy.valkey.url) as one:
            one.flushall()
        await asyncio.sleep(0.3)


async def restarted(pharmacy: Pharmacy) -> None:
    for _ in range(2 * ROUNDS):
        await asyncio.to_thread(pharmacy.valkey.stop)
        pharmacy.valkey.start()
        await asyncio.sleep(1)


async def absent(pharmacy: Pharmacy) -> None:
    await asyncio.to_thread(pharmacy.valkey.stop)
    await asyncio.sleep(ABSENT_SECONDS)
    pharmacy.valkey.start()


async def redis_fails(pharmacy: Pharmacy) -> None:
    """In each way, one after the other."""
    await flushed(pharmacy)
    await restarted(pharmacy)
    await absent(pharmacy)


async def workers_die(pharmacy: Pharmacy) -> None:
    draw = random.Random(11)
    for _ in range(4 * ROUNDS):
        await asyncio.sleep(draw.uniform(0.2, 1.5))
        await asyncio.to_thread(kill_a_worker, pharmacy.server, draw.choice([signal.SIGKILL, signal.SIGTERM]))


@pytest.mark.parametrize("disaster", [redis_fails, workers_die], ids=lambda one: one.__name__)
async def test_jobs_outlive_it(pharmacy: Pharmacy, disaster: Callable[[Pharmacy], Awaitable[None]]) -> None:
    async with asyncio.timeout(3_600), working(pharmacy):
        status = await asyncio.to_thread(begin, pharmacy.client)
        await disaster(pharmacy)
        await began_within(pharmacy)
        done = await asyncio.to_thread(await_done, pharmacy.client, status)
        assert done["state"] == "done"
