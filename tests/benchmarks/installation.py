"""Galenic as `make serve` ships it, on a data folder and port of its own; and what its processes use."""

import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import psycopg
from pydantic import SecretStr

from fhir_server.cli.database import keys
from fhir_server.embedded.postgres import EmbeddedPostgres
from fhir_server.search.indexer import Indexer
from fhir_server.settings import Settings
from fhir_server.storage.migrations import upgrade
from fhir_server.wiring import build_indexer

ROOT = Path(__file__).parents[2]
READY_SECONDS_MAX = 90
LIMIT_DATABASE = "bench_limit"
TICKS = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Installation:
    folder: Path
    environment: dict[str, str]
    port: int
    serving: subprocess.Popen[bytes]

    @property
    def postgres(self) -> EmbeddedPostgres:
        return EmbeddedPostgres(self.folder / "data")

    def galenic(self, *arguments: str) -> None:
        subprocess.run(
            [sys.executable, "-m", "fhir_server.cli.main", *arguments], env=self.environment, cwd=ROOT, check=True
        )

    def make_limit_database(self) -> str:
        """The same tables for the bare inserts; returns its URL."""
        with psycopg.connect(self.postgres.superuser_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {LIMIT_DATABASE}")
        upgrade(self.postgres.url_of(LIMIT_DATABASE))
        return self.postgres.url_of(LIMIT_DATABASE, "galenic_app")

    def indexer(self) -> Indexer:
        settings = Settings(data_dir=self.folder / "data", port=self.port)
        return build_indexer(settings.model_copy(update={"index_key": SecretStr(keys(settings).index_key)}))

    def durability(self) -> dict[str, str]:
        names = ("fsync", "full_page_writes", "synchronous_commit")
        with psycopg.connect(self.postgres.app_url) as connection:
            return {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in names}  # type: ignore[index]

    @contextmanager
    def standing_still(self, module: str) -> Iterator[None]:
        """The processes of a module do nothing meanwhile."""
        pids = [pid for pid in _tree(self.serving.pid) if module.encode() in _read(pid, "cmdline")]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """Of the server's processes and PostgreSQL's, those that have ended included."""
        return sum(_cpu(pid) for pid in _tree(self.serving.pid))

    def api_rss_mb(self) -> float:
        pids = [pid for pid in _tree(self.serving.pid) if b"fhir_server.cli.api" in _read(pid, "cmdline")]
        return max(int(_read(pid, "statm").split()[1]) * PAGE_BYTES / 2**20 for pid in pids)


@contextmanager
def installation() -> Iterator[Installation]:
    folder = Path(tempfile.mkdtemp(prefix="galenic-bench-"))
    folder.chmod(0o711)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GALENIC_")}
    environment |= {"GALENIC_DATA_DIR": str(folder / "data"), "GALENIC_PORT": str(port), "GALENIC_DEMO": "false"}
    environment |= {"GALENIC_LOG_LEVEL": "warning", "GALENIC_AUTH": "off", "GALENIC_CLIENT_REQUESTS_MAX": "0"}
    environment |= {"GALENIC_MLLP_PORT": "0", "GALENIC_OUTBOUND_ALLOW_PRIVATE": "1"}
    serve = [sys.executable, "-m", "fhir_server.cli.main", "serve"]
    serving = subprocess.Popen(serve, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        _wait_ready(port)
        yield Installation(folder, environment, port, serving)
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.wait(30)
        shutil.rmtree(folder)


def _wait_ready(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline:
        try:
            with urlopen(f"http://127.0.0.1:{port}/health/ready", timeout=5) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server is not ready in time")


def _tree(root: int) -> set[int]:
    """The process and all below it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            parents[int(entry.name)] = int(stat[1])
    found, size = {root}, 0
    while len(found) > size:
        size = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return found


def ended_children_cpu() -> float:
    """Of the commands that were run to their end."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cpu(pid: int) -> float:
    """User and system time of a process, and of its children that have ended."""
    return sum(int(ticks) for ticks in _stat(pid)[11:15]) / TICKS


def _stat(pid: int) -> list[str]:
    """Fields of /proc/PID/stat from `state` on; zeros for a process that has ended."""
    text = _read(pid, "stat").decode()
    return text.rpartition(")")[2].split() if text else ["0"] * 50


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
