"""Launches, tokens and what is done with them are on record: who, through which client, with which token."""

import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from fhir_server.audit.interactions import INTERACTIONS
from tests.builders.resources import a_patient
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.oauth import App, a_person, backend_token, register

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
RECORDS = "SELECT interaction, outcome, actor, client, role, patients, token_id FROM audit ORDER BY number"


@pytest.fixture(scope="module")
def server(cluster: Cluster) -> Iterator[Galenic]:
    cluster.execute("CREATE DATABASE audit_grants TEMPLATE galenic")
    with running(cluster.database("audit_grants").app_url, auth="on") as made:
        yield made
    cluster.execute("DROP DATABASE audit_grants WITH (FORCE)")


def recorded(galenic: Galenic, **of: Any) -> list[dict[str, Any]]:
    names = ("interaction", "outcome", "actor", "client", "role", "patients", "token_id")
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        rows = [dict(zip(names, row, strict=True)) for row in connection.execute(RECORDS)]
    return [row for row in rows if all(row[name] == value for name, value in of.items())]


def test_a_launch_its_token_and_a_read_with_it_are_on_record(server: Galenic) -> None:
    with with_token(server, backend_token(server)) as system:
        patient = system.post("/Patient", json=a_patient()).json()["id"]
    app, person = App(server, register(server).id), a_person(server, "patient", patient)
    token = app.tokens("openid launch/patient patient/*.rs", person, patient)["access_token"]
    with with_token(server, token) as client:
        assert client.get(f"/Patient/{patient}").status_code == 200
    by_app = recorded(server, client=app.client_id)
    assert {"consent", "token", "read"} <= {row["interaction"] for row in by_app}
    (read,) = recorded(server, client=app.client_id, interaction="read")
    assert (read["actor"], read["role"], read["patients"]) == (f"Patient/{patient}", "patient", [patient])
    assert read["token_id"]
    assert token not in str(recorded(server)), "a token is on record"


def with_token(galenic: Galenic, token: str) -> httpx.Client:
    client = galenic.client(verify=NO_TLS)
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def test_a_code_nobody_gave_and_a_client_nobody_knows_are_on_record(server: Galenic) -> None:
    app = App(server, register(server).id)
    assert app.exchange("nonsense").status_code == 400
    (refused,) = recorded(server, client=app.client_id)
    assert (refused["interaction"], refused["outcome"]) == ("token", 400)
    assert App(server, "nobody", secret="wrong").exchange("nonsense").status_code == 401
    assert {row["interaction"] for row in recorded(server, client="nobody", outcome=401)} == {"refused"}


def test_many_bad_tokens_become_few_records(server: Galenic) -> None:
    before = len(recorded(server, interaction="refused"))
    with with_token(server, "nonsense") as client:
        assert {client.get("/Patient/1").status_code for _ in range(200)} == {401}
    assert len(recorded(server, interaction="refused")) - before <= 20


def test_whatever_was_recorded_has_a_name(server: Galenic) -> None:
    assert {row["interaction"] for row in recorded(server)} <= set(INTERACTIONS)
