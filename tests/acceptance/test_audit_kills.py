"""kill -9 of the API under clients and writers: no answer without its record, no write without its record."""

import asyncio
import signal
import ssl
from collections.abc import Iterator
from uuid import uuid4

import httpx
import psycopg
import pytest

from fhir_server.audit.verify import Verified, verify
from tests.builders.resources import a_patient
from tests.conftest import Database
from tests.running.galenic import Galenic, running
from tests.running.recording import FOREVER
from tests.running.store import assert_each_version_has_one_audit_record, drain, read_contents
from tests.running.waiting import eventually

CLIENTS = 8
ANSWERS_BETWEEN = 150
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
RECORDED = "SELECT interaction, request_id FROM audit WHERE outcome < 300"


@pytest.fixture
def server(database: Database) -> Iterator[Galenic]:
    with running(database.app_url) as made:
        yield made


class Clients:
    """They read a patient, search for it and create others, and know the request ids of what they were answered."""

    def __init__(self, base_url: str, patient: str) -> None:
        self._base_url = base_url
        self._asked = (
            ("read", "GET", f"/Patient/{patient}"),
            ("search-type", "GET", f"/Patient?_id={patient}"),
            ("create", "POST", "/Patient"),
        )
        self.answered: set[tuple[str, str]] = set()
        self.lost = 0

    async def run(self) -> None:
        await asyncio.gather(*(self._ask() for _ in range(CLIENTS)))

    async def _ask(self) -> None:
        async with httpx.AsyncClient(base_url=self._base_url, timeout=10, verify=NO_TLS) as client:
            for number in range(FOREVER):
                interaction, method, path = self._asked[number % 3]
                key = str(uuid4())
                headers = {"X-Request-Id": key, "Content-Type": "application/fhir+json"}
                body = a_patient() if method == "POST" else None
                try:
                    response = await client.request(method, path, headers=headers, json=body)
                except httpx.HTTPError:
                    self.lost += 1
                    await asyncio.sleep(0.05)
                    continue
                if response.status_code in (200, 201):
                    self.answered.add((interaction, key))


async def test_no_answer_is_without_its_record_when_the_server_is_killed(server, database, at_full_counts):
    with server.client(verify=NO_TLS) as client:
        patient = client.post("/Patient", json=a_patient()).json()["id"]
    clients = Clients(server.base_url, patient)
    load = asyncio.create_task(clients.run())
    for _ in range(50 if at_full_counts else 2):
        await more_answers(clients)
        server.apis[-1].send_signal(signal.SIGKILL)
        await asyncio.to_thread(server.apis[-1].wait)
        server.start_api()
    await more_answers(clients)
    load.cancel()
    await asyncio.gather(load, return_exceptions=True)
    with psycopg.connect(database.superuser_url) as connection:
        recorded = set(connection.execute(RECORDED).fetchall())
    assert clients.lost > 0, "no kill hit a request in flight"
    assert clients.answered <= recorded
    drain(database.superuser_url)
    assert_each_version_has_one_audit_record(read_contents(database.superuser_url))
    assert (await verified(database.app_url)).problems == []
    print(f"{len(recorded - clients.answered)} answers were released and did not arrive")


async def verified(url: str) -> Verified:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        found = await verify(connection)
        assert found.records > 0
        return found


async def more_answers(clients: Clients) -> None:
    wanted = len(clients.answered) + ANSWERS_BETWEEN
    await eventually(lambda: len(clients.answered) >= wanted)


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
