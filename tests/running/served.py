"""`galenic serve` as operators start it, with databases of its own; its parts can be killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fhir_server.embedded.postgres import EmbeddedPostgres
from fhir_server.embedded.secrets import secrets_of

ROOT = Path(__file__).parents[2]
READY = "Galenic is ready: "
READY_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 40.0


@dataclass(frozen=True, slots=True)
class Served:
    data_dir: Path
    base_url: str
    process: subprocess.Popen[bytes]

    @property
    def superuser_url(self) -> str:
        return EmbeddedPostgres(self.data_dir).superuser_url

    @property
    def index_key(self) -> str:
        return secrets_of(self.data_dir).index_key

    def api_processes(self) -> list[int]:
        return self._children(b"fhir_server.cli.api")

    def postmaster(self) -> int | None:
        """None while there is none."""
        return next(iter(self._children(b"bin/postgres")), None)

    def _children(self, mark: bytes) -> list[int]:
        pids = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in pids if mark in _command(pid)]


def _command(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


@contextmanager
def served(data_dir: Path, **settings: str) -> Iterator[Served]:
    """Ready; stopped in order afterwards. Settings by their lower-case names."""
    log = data_dir.with_name("serve.log")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GALENIC_")}
    usual = {
        "port": "0",
        "mllp_port": "0",
        "demo": "false",
        "log_level": "error",
        "auth": "off",
        "client_requests_max": "0",
    }
    chosen = {"data_dir": str(data_dir), **usual, **settings}
    environment |= {f"GALENIC_{name.upper()}": value for name, value in chosen.items()}
    command = [sys.executable, "-m", "fhir_server.cli.main", "serve"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    try:
        yield Served(data_dir, _wait_ready(process, log), process)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    """The base URL."""
    deadline = time.monotonic() + READY_SECONDS_MAX
    while process.poll() is None and time.monotonic() < deadline:
        said = [line for line in log.read_text().splitlines() if line.startswith(READY)]
        if said:
            return said[0].removeprefix(READY).strip()
        time.sleep(0.05)
    raise AssertionError(log.read_text())
