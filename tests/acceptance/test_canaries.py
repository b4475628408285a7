"""Canaries planted in requests are in no line of the log, whatever fails."""

import ssl
from collections.abc import Iterator
from itertools import count

import httpx
import psycopg
import pytest

from tests.builders.resources import a_patient
from tests.conftest import BREAK_OFF, Cluster, Database
from tests.running.galenic import Galenic, running
from tests.running.waiting import PATIENCE_SECONDS, wait_until

CANARY = "Zebulon1960Canary"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
ROUNDS = 5
_databases = count(1)


@pytest.fixture
def own(cluster: Cluster) -> Iterator[Database]:
    name = f"canaries_{next(_databases)}"
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
    yield cluster.database(name)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


def plant(client: httpx.Client) -> list[int]:
    """A canary in every part of a request; the statuses."""
    json = {"Content-Type": "application/fhir+json"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    kept = client.post("/Patient", json=a_patient(family=CANARY), headers={"If-None-Exist": f"family={CANARY}"})
    answers = [
        kept,
        client.post("/Patient", content=f'{{"resourceType":"Patient","{CANARY}":1}}', headers=json),
        client.post("/Patient", content=f'{{"resourceType":"Patient","birthDate":"{CANARY}"', headers=json),
        client.put(f"/Patient/{CANARY}", json=a_patient(id=CANARY, family=CANARY)),
        client.get(f"/Patient/{CANARY}"),
        client.get(f"/Patient/{CANARY}/_history/{CANARY}"),
        client.get("/Patient", params={"family": CANARY, CANARY: CANARY}),
        client.get("/Patient", params={"birthdate": CANARY}),
        client.get("/Patient", params={"_cursor": CANARY}),
        client.post("/Patient/_search", content=f"family={CANARY}", headers=form),
        client.get(f"/{CANARY}/{CANARY}"),
        client.get("/Patient", headers={"Authorization": f"Bearer {CANARY}", "Cookie": f"session={CANARY}"}),
        client.get("/Patient", headers={"Accept": CANARY, "If-None-Match": CANARY, "Prefer": CANARY}),
        client.patch(
            f"/Patient/{CANARY}", content=f'[{{"op":"add","path":"/{CANARY}","value":"{CANARY}"}}]', headers=json
        ),
        client.post("/", content=f'{{"resourceType":"Bundle","type":"batch","entry":[{{"fullUrl":"{CANARY}"}}]}}'),
        client.delete(f"/Patient/{CANARY}"),
    ]
    return [answer.status_code for answer in answers]


@pytest.mark.parametrize("env", ["development", "production"])
def test_a_canary_is_in_no_line_of_the_log(own: Database, capfd: pytest.CaptureFixture[str], env: str) -> None:
    """At the level debug, with connections to the database that break off in between."""
    authorization = {"development": "off", "production": "on"}[env]
    with running(own.app_url, log_level="debug", env=env, auth=authorization) as galenic, client_of(galenic) as client:
        statuses = plant(client)
        for _ in range(ROUNDS):
            with psycopg.connect(own.superuser_url, autocommit=True) as connection:
                connection.execute(BREAK_OFF)
            statuses += plant(client)
        recovered(galenic)
    said = "".join(capfd.readouterr())
    assert set(statuses) & ({401} if env == "production" else {200, 201})
    assert "psycopg.pool" in said, "no connection was lost"
    assert CANARY not in said


def client_of(galenic: Galenic) -> httpx.Client:
    return galenic.client(verify=NO_TLS)


def recovered(galenic: Galenic) -> None:
    ready = f"{galenic.root_url}/health/ready"
    wait_until(lambda: httpx.get(ready, timeout=PATIENCE_SECONDS, verify=NO_TLS).status_code == 200)
