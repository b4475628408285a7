"""Reads with authorization and audit, each against the same by a process of the same database that has neither."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from fhir_server.cli.database import keys
from fhir_server.settings import Settings
from tests.benchmarks.http import Load, Target
from tests.benchmarks.installation import ROOT, Installation
from tests.benchmarks.rows import READERS, Bench, Row, encoded
from tests.running.galenic import Galenic
from tests.running.oauth import access_token, backend_token

WHOLE, BARE = "fhir_server.main:create_app", "tests.benchmarks.bare:create_app"
MUCH = "bench-much"
"""A patient whose record has a few pages."""

OBSERVATIONS = 200
PAGE = 50
STOP_SECONDS_MAX = 20
ROWS = {
    "read": [f"/Observation/{MUCH}-{number}" for number in range(OBSERVATIONS)],
    f"search of {PAGE}": [f"/Observation?patient={MUCH}&_count={PAGE}"],
}
"""What is asked for, by the row's name."""


async def guarded(bench: Bench) -> list[Row]:
    """A read by id and a page of 50, with a patient's token and with a system's; the limit has neither."""
    load_record(bench)
    with ExitStack() as running:
        whole, bare = (running.enter_context(serving(bench.installation, app)) for app in (WHOLE, BARE))
        asking = Asking(bench, whole, bare)
        return [row for what in ROWS for row in await asking.rows(what)]


def load_record(bench: Bench) -> None:
    patient = {"resourceType": "Patient", "id": MUCH} | bench.generator.patient(0)
    file = bench.installation.folder / "much.ndjson"
    subject: dict[str, Any] = {"subject": {"reference": f"Patient/{MUCH}"}}
    observations = (bench.generator.new("Observation", number) for number in range(OBSERVATIONS))
    named = (one | subject | {"id": f"{MUCH}-{number}"} for number, one in enumerate(observations))
    file.write_bytes(b"\n".join(map(encoded, [patient, *named])))
    bench.installation.galenic("load", str(file))


@contextmanager
def serving(installation: Installation, app: str) -> Iterator[Galenic]:
    """One more API process on the installation's database, with authorization, on a port of its own."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listener.getsockname()[1]
    made = keys(Settings(data_dir=installation.folder / "data"))
    environment = {
        **installation.environment,
        "GALENIC_DATABASE_URL": installation.postgres.app_url,
        "GALENIC_INDEX_KEY": made.index_key,
        "GALENIC_CURSOR_KEY": made.cursor_key,
        "GALENIC_PORT": str(port),
        "GALENIC_AUTH": "on",
    }
    galenic = Galenic(f"http://127.0.0.1:{port}/fhir", environment, listener)
    command = [sys.executable, "-m", "fhir_server.cli.api", "--fd", str(listener.fileno()), "--app", app]
    process = subprocess.Popen(command, env=os.environ | environment, cwd=ROOT, pass_fds=(listener.fileno(),))
    try:
        galenic.wait_ready()
        yield galenic
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(STOP_SECONDS_MAX)
        listener.close()


@dataclass
class Asking:
    """The same requests of the whole server and of the bare one, in turns."""

    bench: Bench
    whole: Galenic
    bare: Galenic

    async def rows(self, what: str) -> list[Row]:
        tokens = {
            "a patient's token": lambda: access_token(self.whole, "patient/*.rs", MUCH, "patient"),
            "a system's token": lambda: backend_token(self.whole, "system/*.rs"),
        }
        found = []
        for name, token in tokens.items():
            limit = await self._run(self.bare, what)
            load = await self._run(self.whole, what, f"Authorization: Bearer {token()}\r\n")
            found.append(Row(f"{what}, {name}", load.per_second, limit.per_second, load))
        return found

    async def _run(self, server: Galenic, what: str, header: str = "") -> Load:
        target = Target("127.0.0.1", server.listener.getsockname()[1])
        requests = [target.request("GET", path, headers=header) for path in ROWS[what]]

        def make(number: int) -> bytes:
            return requests[number % len(requests)]

        await target.run(make, 200, READERS, min(1.0, self.bench.seconds))
        return await target.run(make, 200, READERS, self.bench.seconds)
