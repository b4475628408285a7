"""`galenic serve`: the databases, the worker and the API processes, kept running from start to stop.

galenic serve ── postgres, valkey            (unless their URLs are set)
              ├─ worker
              ├─ listen              (unless GALENIC_MLLP_PORT is 0)
              └─ api-1 … api-n               (all accept on the one socket bound here)
"""

import logging
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from fhir_server.cli import database, demo, demo_people, listen, probe
from fhir_server.cli.database import CommandFailed
from fhir_server.cli.supervisor import PythonProcess, StopSignals, Supervisor
from fhir_server.cli.terminal import complain, say
from fhir_server.embedded.place import EmbeddedError
from fhir_server.embedded.postgres import EmbeddedPostgres
from fhir_server.embedded.valkey import EmbeddedValkey
from fhir_server.errors import GalenicError
from fhir_server.exchange.schemas import schemas_in
from fhir_server.logs import configure
from fhir_server.settings import Settings
from fhir_server.telemetry import ensure_installed

BACKLOG = 2_048
READY_SECONDS_MAX = 60.0
PROBE_SECONDS = 0.5
DEMO = Path(__file__).parents[1] / "demo" / "pharmacy.json"


@dataclass(frozen=True, slots=True)
class Programs:
    """What the children run, after `python -m`; tests put stubs here."""

    api: tuple[str, ...] = ("fhir_server.cli.api",)
    worker: tuple[str, ...] = ("fhir_server.worker.main",)
    listen: tuple[str, ...] = ("fhir_server.cli.listen",)


class Listeners(NamedTuple):
    """Bound sockets; `mllp` is None where HL7 v2 is not listened for."""

    http: socket.socket
    mllp: socket.socket | None


def _check_schemas(settings: Settings) -> None:
    """Before anything waits to be judged by them."""
    try:
        if schemas := schemas_in(settings.script_xsd_dir):
            schemas.check()
    except GalenicError as error:
        raise CommandFailed(error.message) from error


def run(settings: Settings, programs: Programs | None = None) -> int:
    """Serves until SIGINT or SIGTERM; returns the exit code."""
    configure(settings.log_level, production=settings.env == "production", process="serve")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    if settings.otlp_endpoint:
        ensure_installed()  # said here: in each API process it would be said again and again
    _check_schemas(settings)
    supervisor = Supervisor()
    with StopSignals() as signals, _bound(settings) as listener, ExitStack() as more:
        try:
            mllp = more.enter_context(listen.bound(settings)) if settings.mllp_port else None
            environment = _start_databases(settings, supervisor)
            demo.refuse_in_production(settings, environment["GALENIC_DATABASE_URL"])
            environment["GALENIC_PORT"] = str(listener.getsockname()[1])
            _start_processes(settings, supervisor, Listeners(listener, mllp), environment, programs or Programs())
            if _is_up(settings, listener, supervisor, signals):
                _show_demo(settings, listener.getsockname()[1], environment["GALENIC_DATABASE_URL"])
                _greet(settings, listener.getsockname()[1])
                _attend(supervisor, signals)
            return 0 if signals.arrived else 1
        finally:
            if signals.arrived:
                say("Stopping ...")
            supervisor.stop()


def _bound(settings: Settings) -> socket.socket:
    """Bound before anything is started, to fail early; it listens only when there is somebody to accept."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise EmbeddedError(
            f"Cannot listen on {settings.host} port {settings.port}: {error.strerror or error}. "
            "Choose another GALENIC_PORT (and GALENIC_DATA_DIR)"
        ) from error
    return listener


def _start_databases(settings: Settings, supervisor: Supervisor) -> dict[str, str]:
    """Starts what is embedded, migrates, and returns the environment of the children."""
    environment = dict(os.environ)
    environment.pop("GALENIC_DATABASE_OWNER_URL", None)  # the server never connects as its owner
    if settings.database_url is None:
        environment["GALENIC_DATABASE_URL"] = _start_postgres(settings, supervisor)
    else:
        _migrate_external(settings)
    if settings.redis_url is None:
        valkey = EmbeddedValkey(settings.data_dir)
        valkey.start()
        supervisor.add(valkey)
        environment["GALENIC_REDIS_URL"] = valkey.url
    keys = database.keys(settings)
    return environment | {"GALENIC_INDEX_KEY": keys.index_key, "GALENIC_CURSOR_KEY": keys.cursor_key}


def _start_postgres(settings: Settings, supervisor: Supervisor) -> str:
    postgres = EmbeddedPostgres(settings.data_dir)
    postgres.start()
    supervisor.add(postgres)
    database.migrate(postgres)
    return postgres.app_url


def _migrate_external(settings: Settings) -> None:
    """Only with an owner's URL; else the operator is told to do it."""
    from fhir_server.storage.migrations import pending, upgrade

    with database.plainly():
        if settings.database_owner_url is not None:
            upgrade(settings.database_owner_url.get_secret_value())
        elif settings.database_url is not None and pending(settings.database_url.get_secret_value()):
            raise database.CommandFailed(
                "The database is not migrated. Run `galenic db upgrade` with GALENIC_DATABASE_OWNER_URL set"
            )


def _start_processes(
    settings: Settings,
    supervisor: Supervisor,
    listeners: Listeners,
    environment: dict[str, str],
    programs: Programs,
) -> None:
    listeners.http.listen(BACKLOG)
    descriptor = listeners.http.fileno()
    command = [sys.executable, "-m"]
    processes = [PythonProcess("worker", [*command, *programs.worker], environment)]
    if listeners.mllp:
        mllp = listeners.mllp.fileno()
        listening = [*command, *programs.listen, "--fd", str(mllp)]
        processes.append(PythonProcess("listen", listening, environment, [mllp]))
    for number in range(1, settings.api_processes + 1):
        api = [*command, *programs.api, "--fd", str(descriptor)]
        processes.append(PythonProcess(f"api-{number}", api, environment, [descriptor]))
    for process in processes:
        process.launch()
        supervisor.add(process)


def _is_up(settings: Settings, listener: socket.socket, supervisor: Supervisor, signals: StopSignals) -> bool:
    """Waits until the server is ready."""
    port = listener.getsockname()[1]
    if not _wait_ready(lambda: probe.is_ready(settings, port, PROBE_SECONDS), supervisor, signals):
        if not signals.arrived:
            complain(f"the server is not ready after {READY_SECONDS_MAX:.0f} s; `galenic doctor` may know why")
        return False
    return True


def _wait_ready(is_ready: Callable[[], bool], supervisor: Supervisor, signals: StopSignals) -> bool:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while not signals.arrived and time.monotonic() < deadline:
        if is_ready():
            return True
        supervisor.check()
        signals.wait(0.05)
    return False


def _attend(supervisor: Supervisor, signals: StopSignals) -> None:
    while not signals.wait():
        supervisor.check()


def _show_demo(settings: Settings, port: int, app_url: str) -> None:
    """Makes the demo's clients where they are not there, loads its resources the first time, and says who they are."""
    if not demo.is_wanted(settings):
        return
    demo.prepare(settings, app_url)
    done = settings.data_dir / "demo-loaded"
    if not done.exists():
        if refused := probe.load_demo(settings, port, DEMO, demo.loading_token(settings, app_url)):
            complain(f"the demo set was not loaded: {refused}")
        else:
            done.touch()
    if done.exists():
        demo_people.prepare(settings, app_url)
    demo.greet(settings)


def _greet(settings: Settings, port: int) -> None:
    local = probe.origin(settings, port)
    curl = "curl -k" if settings.tls_cert else "curl"
    say(f"Galenic is ready: {settings.base_url or local + '/fhir'}")
    if settings.mllp_port:
        say(f"HL7 v2 by MLLP: {settings.host} port {settings.mllp_port}")
    say("Try:")
    say(f"  {curl} {local}/fhir/metadata")
    if demo.is_wanted(settings):
        say(f"  TOKEN=$(galenic client token {demo.BACKEND})")
        say(f'  {curl} -H "Authorization: Bearer $TOKEN" {local}/fhir/Patient/demo-patient-1')
        say(f"  {curl} -H \"Authorization: Bearer $TOKEN\" '{local}/fhir/MedicationRequest/_history?_count=5'")
    say("Ctrl-C stops it; the data stays.")
