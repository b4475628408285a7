"""`galenic serve` as a process: it starts, mends itself, and stops in order."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest

from tests.running.waiting import wait_until

HERE = Path(__file__).parent
SERVE = """
import sys
from fhir_server.cli.serve import Programs, run
from fhir_server.settings import Settings
programs = Programs(("fhir_server.cli.api", "--app", "stub_application:create_app"), ("stub_worker",))
sys.exit(run(Settings(), programs))
"""


class Served:
    """A running `galenic serve` with a stub application, on a port the system chose."""

    def __init__(self, data_dir, **settings):
        self.data_dir = data_dir
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("GALENIC_")}
        chosen = {
            "GALENIC_PORT": "0",
            "GALENIC_MLLP_PORT": "0",
            "GALENIC_DATA_DIR": str(data_dir),
            "PYTHONPATH": str(HERE),
        } | settings
        self.process = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            env=inherited | chosen,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.said = []
        self.url = self._url()

    def _url(self):
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Galenic is ready: "):
                self._reader = threading.Thread(target=lambda: self.said.extend(self.process.stdout))
                self._reader.start()
                return line.removeprefix("Galenic is ready: ").strip().removesuffix("/fhir")
        raise AssertionError("".join(self.said))

    def get(self, path):
        return httpx.get(self.url + path, timeout=20)

    def is_ready(self):
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready", timeout=2).status_code == 200
        return False

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(40)
        self._reader.join()
        self.process.stdout.close()
        return code

    def processes(self):
        """Everything that belongs to this data folder, by its command line or environment."""
        return [int(p.name) for p in Path("/proc").iterdir() if p.name.isdecimal() and self._is_ours(p)]

    def _is_ours(self, process):
        marks = (str(self.data_dir) + "/", f"GALENIC_DATA_DIR={self.data_dir}\0")
        with suppress(OSError):
            return any(m.encode() in (process / f).read_bytes() for f in ("cmdline", "environ") for m in marks)
        return False


@contextmanager
def serve(data_dir, **settings):
    served = Served(data_dir, **settings)
    try:
        yield served
    finally:
        if served.process.poll() is None:
            served.stop()


@pytest.fixture
def served(data_dir):
    with serve(data_dir) as served:
        yield served


def test_it_says_where_it_is_and_what_to_try(served):
    assert served.is_ready()
    wait_until(lambda: sum(line.lstrip().startswith("curl ") for line in served.said) == 3, 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_everything_and_the_exit_code_is_zero(served, number):
    assert len(served.processes()) >= 5
    assert served.stop(number) == 0
    assert served.processes() == []
    assert "database system is shut down" in (served.data_dir / "postgres.log").read_text()


def test_a_request_in_flight_is_answered_before_the_server_stops(served):
    answers = []
    client = threading.Thread(target=lambda: answers.append(served.get("/slow")))
    client.start()
    time.sleep(0.5)
    assert served.stop() == 0
    client.join()
    assert answers[0].text == "slow"


def test_a_killed_api_process_is_replaced(served):
    killed = int(served.get("/pid").text)
    os.kill(killed, signal.SIGKILL)
    wait_until(served.is_ready, 10)
    assert int(served.get("/pid").text) != killed


def first_line(file):
    """ "" while it is not there or empty."""
    try:
        return next(iter(file.read_text().splitlines()), "")
    except FileNotFoundError:
        return ""


def test_a_killed_postmaster_is_replaced(served):
    pid_file = served.data_dir / "postgres/data/postmaster.pid"
    killed = int(pid_file.read_text().splitlines()[0])
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: first_line(pid_file) not in ("", str(killed)), 10)
    wait_until(served.is_ready, 10)


def test_several_api_processes_share_the_port(data_dir):
    with serve(data_dir, GALENIC_API_PROCESSES="3") as served:
        wait_until(lambda: served.get("/pid").text != served.get("/pid").text, 10)


def test_when_the_parent_is_killed_nothing_is_left_and_the_next_start_has_the_data(data_dir):
    with serve(data_dir) as served:
        served.stop(signal.SIGKILL)
        wait_until(lambda: served.processes() == [], 15)
    with serve(data_dir) as again:
        assert again.is_ready()


def test_a_data_folder_in_use_and_a_port_in_use_are_told(served):
    port = served.url.rsplit(":", 1)[1]
    for settings, said in (
        ({"GALENIC_DATA_DIR": str(served.data_dir), "GALENIC_PORT": "0"}, "in use by a running Galenic"),
        ({"GALENIC_DATA_DIR": str(served.data_dir) + "-2", "GALENIC_PORT": port}, "Choose another GALENIC_PORT"),
    ):
        command = [sys.executable, "-m", "fhir_server.cli.main", "serve"]
        done = subprocess.run(command, env=os.environ | settings, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
    assert served.is_ready()


def test_two_servers_run_at_once(served, data_dir):
    with serve(data_dir.with_name("second")) as second:
        assert second.is_ready()
        assert served.is_ready()
        assert second.url != served.url


def test_the_demo_set_is_sent_once(data_dir):
    with serve(data_dir):
        assert (data_dir / "demo-loaded").exists()


def test_without_the_demo_setting_nothing_is_sent(data_dir):
    with serve(data_dir, GALENIC_DEMO="false"):
        assert not (data_dir / "demo-loaded").exists()


def test_an_external_database_is_used_and_the_server_never_sees_its_owner(cluster, database, data_dir):
    external = {
        "GALENIC_DATABASE_URL": database.app_url,
        "GALENIC_DATABASE_OWNER_URL": database.superuser_url,
        "GALENIC_INDEX_KEY": "0" * 64,
    }
    with serve(data_dir, **external) as served:
        assert served.is_ready()
        assert served.get("/owner").text == ""
        assert not (data_dir / "postgres.log").exists()
