"""The pages as a browser meets them: a server with the demo set, people with passwords, an app that is sent back to."""

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import psycopg
import pyotp

from fhir_server.identity.people import NewPerson
from fhir_server.identity.sign_in import Entrance
from fhir_server.settings import Settings
from fhir_server.wiring import build_entrance
from tests.builders.people import PASSWORD, an_administration, code_of
from tests.conftest import Cluster, Database
from tests.running.galenic import Galenic, running
from tests.running.oauth import App, register, transactions

AMARA = NewPerson("amara", "Amara Fenwick", "patient", "Patient/demo-patient-1")
JO = NewPerson("jo", "Jo Carer", "caregiver", "Patient/demo-patient-3", ("demo-patient-1", "demo-patient-6"))
MARA = NewPerson("mara", "Mara Castellano", "pharmacist", "Practitioner/demo-practitioner-3")
INES = NewPerson("ines", "Ines Okonjo", "prescriber", "Practitioner/demo-practitioner-1")
ADA = NewPerson("ada", "Ada Min", "administrator", "Practitioner/demo-practitioner-2")
GONE = NewPerson("gone", "Gone Elsewhere", "technician", "Practitioner/demo-practitioner-4")
PEOPLE = (AMARA, JO, MARA, INES, ADA, GONE)

ENCOUNTER = {
    "resourceType": "Encounter",
    "id": "visit-1",
    "status": "finished",
    "class": {"code": "AMB", "display": "ambulatory"},
    "subject": {"reference": "Patient/demo-patient-1"},
    "period": {"start": "2026-03-14T09:00:00Z"},
    "type": [{"text": "Medication review"}],
}


@dataclass
class Callback:
    """Where an app's browser comes back to: what it was asked with, newest last."""

    server: ThreadingHTTPServer
    visits: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/callback"


@contextmanager
def callback() -> Iterator[Callback]:
    visits: list[dict[str, str]] = []
    headers: list[dict[str, str]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.startswith("/callback"):
                visits.append(dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True)))
                headers.append({name.lower(): value for name, value in self.headers.items()})
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><html lang=en><title>The app</title><h1>Back in the app</h1></html>")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield Callback(server, visits, headers)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def entrance(galenic: Galenic) -> Iterator[Entrance]:
    """Where a running server lets people in, as its operator's command line reaches it."""
    environment = galenic.environment
    settings = Settings(index_key=environment["GALENIC_INDEX_KEY"], database_url=environment["GALENIC_DATABASE_URL"])
    with transactions(galenic) as made:
        yield build_entrance(settings, made)


@dataclass
class Site:
    """One server for many tests; each begins with nobody logged in and nothing locked."""

    galenic: Galenic
    database: Database
    callback: Callback

    @cached_property
    def app(self) -> App:
        return self.an_app("Refill Reminder")

    def an_app(self, name: str, **values: Any) -> App:
        client = register(self.galenic, name=name, redirect_uris=(self.callback.url,), **values)
        return App(self.galenic, client.id, self.callback.url)

    def entrance(self) -> AbstractContextManager[Entrance]:
        return entrance(self.galenic)

    def add(self, *people: NewPerson) -> None:
        with self.entrance() as entrance:
            for person in people:
                an_administration(entrance).add(person, PASSWORD)

    def enrol(self, login: str) -> str:
        """The secret of a second factor, of which the codes from now on are still to be used."""
        with self.entrance() as entrance, entrance.transactions.begin() as transaction:
            row = transaction.execute("SELECT id::text FROM person WHERE login = %s", (login,)).fetchone()
            assert row is not None
            entrance.second_factors.reset(transaction, row["id"])
            secret = entrance.second_factors.begin(transaction, row["id"])
            assert secret is not None
            assert entrance.second_factors.confirm(transaction, row["id"], code_of(secret, -1))
        return secret

    def forget(self) -> None:
        with psycopg.connect(self.database.app_url) as connection:
            connection.execute("DELETE FROM login_session")
            connection.execute("DELETE FROM login_failure")
            connection.execute("DELETE FROM second_factor")

    def page(self, name: str) -> str:
        return f"{self.galenic.root_url}/auth/{name}"

    def granted(self, app: App) -> dict[str, Any]:
        """The token response for the code that came back last."""
        answer = app.exchange(self.callback.visits[-1]["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def start(self, app: App, scopes: str, **more: str | None) -> str:
        """The URL with which an app sends a browser to us."""
        request = app.request(scopes, **more)
        return str(httpx.URL(self.page("authorize"), params=request))


@contextmanager
def site(cluster: Cluster, **settings: str) -> Iterator[Site]:
    cluster.execute("CREATE DATABASE pages TEMPLATE galenic")
    database = cluster.database("pages")
    with running(database.app_url, worker=False, **settings) as galenic, callback() as app:
        bundle = json.loads(files("fhir_server").joinpath("demo/pharmacy.json").read_bytes())
        bundle["entry"].append({"resource": ENCOUNTER, "request": {"method": "PUT", "url": "Encounter/visit-1"}})
        assert httpx.post(
            galenic.base_url, json=bundle, headers={"Content-Type": "application/fhir+json"}, timeout=30
        ).is_success
        made = Site(galenic, database, app)
        made.add(*PEOPLE)
        yield made
    cluster.execute("DROP DATABASE pages WITH (FORCE)")


def totp(secret: str) -> str:
    return pyotp.TOTP(secret).now()
