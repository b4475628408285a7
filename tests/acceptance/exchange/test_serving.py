"""`galenic serve` and `galenic listen` listen for HL7 v2, and say where."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.conftest import Database
from tests.running.galenic import CURSOR_KEY, INDEX_KEY, ROOT
from tests.running.mllp import Wire, an_order, verdict
from tests.running.served import served


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def ask(port: int) -> tuple[str, str]:
    wire = Wire(port)
    try:
        return verdict(wire.ask(an_order("1", "N1")))
    finally:
        wire.connection.close()


def test_the_server_listens_beside_its_other_work(data_dir: Path) -> None:
    port = a_free_port()
    with served(data_dir, mllp_port=str(port)):
        assert ask(port) == ("AR", "204")


def test_a_listener_by_itself_says_where_it_listens_and_ends_when_it_is_told_to(database: Database) -> None:
    port = a_free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GALENIC_")}
    environment |= {"GALENIC_DATABASE_URL": database.app_url, "GALENIC_MLLP_PORT": str(port)}
    environment |= {"GALENIC_INDEX_KEY": INDEX_KEY, "GALENIC_CURSOR_KEY": CURSOR_KEY, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "fhir_server.cli.main", "listen"]
    with subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert str(port) in process.stdout.readline()
        assert ask(port) == ("AR", "204")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_a_port_that_is_taken_is_told_before_anything_starts(database: Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        environment = os.environ | {
            "GALENIC_DATABASE_URL": database.app_url,
            "GALENIC_INDEX_KEY": INDEX_KEY,
            "GALENIC_MLLP_PORT": str(taken.getsockname()[1]),
        }
        command = [sys.executable, "-m", "fhir_server.cli.main", "listen"]
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
        )
    assert done.returncode == 1
    assert "Choose another GALENIC_MLLP_PORT" in done.stderr
