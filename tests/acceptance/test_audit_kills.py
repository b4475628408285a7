"""kill -9 of the API under readers and writers: no answer without its record, no write without its record."""

import asyncio
import signal
import ssl
import time
from collections.abc import Iterator
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.builders.resources import a_patient
from tests.conftest import Database
from tests.running.galenic import Galenic, running
from tests.running.recording import FOREVER
from tests.running.store import drain, read_contents

READERS = 8
ANSWERS_BETWEEN = 150
WAIT_SECONDS_MAX = 30.0
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
RECORDED = "SELECT interaction, request_id FROM audit WHERE patients = ARRAY[%s] AND outcome < 300"


@pytest.fixture
def server(database: Database) -> Iterator[Galenic]:
    with running(database.app_url) as made:
        yield made


class Readers:
    """Clients that read one patient and search for it, and know the request ids of what they were answered."""

    def __init__(self, base_url: str, patient: str) -> None:
        self._base_url = base_url
        self._paths = {"read": f"/Patient/{patient}", "search-type": f"/Patient?_id={patient}"}
        self.answered: set[tuple[str, str]] = set()
        self.lost = 0

    async def run(self) -> None:
        await asyncio.gather(*(self._read() for _ in range(READERS)))

    async def _read(self) -> None:
        async with httpx.AsyncClient(base_url=self._base_url, timeout=10, verify=NO_TLS) as client:
            for number in range(FOREVER):
                interaction = ("read", "search-type")[number % 2]
                key = str(uuid4())
                try:
                    response = await client.get(self._paths[interaction], headers={"X-Request-Id": key})
                except httpx.HTTPError:
                    self.lost += 1
                    await asyncio.sleep(0.05)
                    continue
                if response.status_code == 200:
                    self.answered.add((interaction, key))


async def test_no_answer_is_without_its_record_when_the_server_is_killed(server, database, at_full_counts):
    with server.client(verify=NO_TLS) as client:
        patient = client.post("/Patient", json=a_patient()).json()["id"]
    readers = Readers(server.base_url, patient)
    load = asyncio.create_task(readers.run())
    for _ in range(50 if at_full_counts else 2):
        await more_answers(readers)
        server.apis[-1].send_signal(signal.SIGKILL)
        await asyncio.to_thread(server.apis[-1].wait)
        server.start_api()
    await more_answers(readers)
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    with psycopg.connect(database.superuser_url) as connection:
        recorded = set(connection.execute(RECORDED, [patient]).fetchall())
    assert readers.lost > 0, "no kill hit a request in flight"
    assert readers.answered <= recorded
    print(f"{len(recorded - readers.answered)} answers were released and did not arrive")


async def more_answers(readers: Readers) -> None:
    wanted, deadline = len(readers.answered) + ANSWERS_BETWEEN, time.monotonic() + WAIT_SECONDS_MAX
    while len(readers.answered) < wanted:
        assert time.monotonic() < deadline, "the server does not answer in time"
        await asyncio.sleep(0.01)


def test_without_the_audit_table_nothing_is_answered(server, database):
    with server.client(verify=NO_TLS) as client:
        patient = client.post("/Patient", json=a_patient(family="Canary")).json()["id"]
        with psycopg.connect(database.superuser_url, autocommit=True) as connection:
            connection.execute("ALTER TABLE audit ADD CONSTRAINT full_up CHECK (false) NOT VALID")
        for path in (
            f"/Patient/{patient}",
            "/Patient",
            "/Patient/_history",
            f"/Patient/{patient}/_history/1",
            "/Patient/no",
        ):
            answer = client.get(path)
            assert answer.status_code == 503, path
            assert "Canary" not in answer.text
        assert client.post("/Patient", json=a_patient()).status_code >= 500
    drain(database.superuser_url)
    assert len(read_contents(database.superuser_url).versions) == 1
