"""API processes and a worker on one database, as `galenic serve` starts them."""

import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.running.valkey import redis_url

ROOT = Path(__file__).parents[2]
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 40

INDEX_KEY = "1d" * 32
CURSOR_KEY = "c5" * 32


@dataclass
class Galenic:
    """`processes` API processes share the port of `base_url`; `start_api` adds another one."""

    base_url: str
    environment: dict[str, str]
    listener: socket.socket
    trust: ssl.SSLContext | bool = True
    """Whose certificates this process takes from the server."""
    apis: list[subprocess.Popen[bytes]] = field(default_factory=list)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    mllp: socket.socket | None = None
    """Where HL7 v2 is listened for, once `start_listener` was called."""

    @property
    def root_url(self) -> str:
        return self.base_url.removesuffix("/fhir")

    def start_api(self) -> subprocess.Popen[bytes]:
        fd = self.listener.fileno()
        command = [sys.executable, "-m", "fhir_server.cli.api", "--fd", str(fd)]
        process = subprocess.Popen(command, env=self.environment, cwd=ROOT, pass_fds=(fd,))
        self.apis.append(process)
        return process

    def start_worker(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fhir_server.worker.main"]
        process = subprocess.Popen(command, env=self.environment, cwd=ROOT)
        self.workers.append(process)
        return process

    def start_listener(self) -> subprocess.Popen[bytes]:
        """One more process that answers HL7 v2 on the port of `mllp`."""
        self.mllp = self.mllp or socket.create_server(("127.0.0.1", 0), backlog=1024)
        fd = self.mllp.fileno()
        command = [sys.executable, "-m", "fhir_server.cli.listen", "--fd", str(fd)]
        process = subprocess.Popen(command, env=self.environment, cwd=ROOT, pass_fds=(fd,))
        self.workers.append(process)
        return process

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < deadline:
            try:
                if httpx.get(f"{self.root_url}/health/ready", timeout=5, verify=self.trust).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        raise AssertionError("the server is not ready in time")

    def client(self, **options: object) -> httpx.Client:
        headers = {"Content-Type": "application/fhir+json"}
        return httpx.Client(base_url=self.base_url, headers=headers, timeout=60, **options)

    def stop(self) -> None:
        for process in [*self.apis, *self.workers]:
            process.send_signal(signal.SIGTERM)
        for process in [*self.apis, *self.workers]:
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.listener.close()
        if self.mllp:
            self.mllp.close()


@contextmanager
def running(
    app_url: str, *, processes: int = 1, worker: bool = True, trust: ssl.SSLContext | bool = True, **settings: str
) -> Iterator[Galenic]:
    """Galenic on the database of `app_url`; settings by their lower-case names; `tls_cert` makes it HTTPS."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listener.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GALENIC_")}
    environment |= {
        "GALENIC_DATABASE_URL": app_url,
        "GALENIC_REDIS_URL": redis_url(),
        "GALENIC_PORT": str(port),
        "GALENIC_INDEX_KEY": INDEX_KEY,
        "GALENIC_CURSOR_KEY": CURSOR_KEY,
        "GALENIC_LOG_LEVEL": "warning",
        "GALENIC_AUTH": "off",
        "GALENIC_CLIENT_REQUESTS_MAX": "0",
    }
    environment |= {f"GALENIC_{name.upper()}": value for name, value in settings.items()}
    scheme = "https" if "tls_cert" in settings else "http"
    galenic = Galenic(f"{scheme}://127.0.0.1:{port}/fhir", environment, listener, trust)
    try:
        for _ in range(processes):
            galenic.start_api()
        if worker:
            galenic.start_worker()
        galenic.wait_ready()
        yield galenic
    finally:
        galenic.stop()
