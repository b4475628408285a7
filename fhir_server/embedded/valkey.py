"""Valkey as our child process: socket only, password, append-only file."""

import os
import signal
import socket
import subprocess
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fhir_server.embedded import process
from fhir_server.embedded.binaries import valkey_server
from fhir_server.embedded.place import EmbeddedError, place_of
from fhir_server.embedded.secrets import secrets_of

START_SECONDS_MAX = 30.0
PROBE_SECONDS_MAX = 1.0


class EmbeddedValkey:
    """One Valkey in `<data_dir>/valkey`. Start it from the main thread: it stops when that thread ends."""

    name = "valkey"

    def __init__(self, data_dir: Path) -> None:
        self._place = place_of(data_dir)
        self._password = secrets_of(self._place.data_dir).valkey
        self._socket = self._place.socket_dir() / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def url(self) -> str:
        return f"unix://:{self._password}@{quote(str(self._socket))}?db=0"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def lock_path(self) -> Path:
        return self._place.data_dir / "valkey.lock"

    def start(self) -> None:
        """Starts the server; returns when it answers."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Starts the server without waiting for it, after ending what a killed predecessor left running."""
        if self._lock is None:
            self._lock = process.lock(self.lock_path)
        try:
            self._process = None
            process.end(self._left_over, (signal.SIGTERM, 10.0), (signal.SIGKILL, 5.0))
            self._launch(valkey_server(self._place))
        except BaseException:
            self._release()
            raise

    def wait_ready(self) -> None:
        """Waits until the server answers PING (after a crash: until the append-only file is read)."""
        if not process.wait_until(lambda: self.answers() or not self.is_running(), START_SECONDS_MAX):
            raise EmbeddedError(f"Valkey is not ready after {START_SECONDS_MAX:.0f} s; see {self._log}")
        if not self.is_running():
            raise EmbeddedError(f"Valkey ended while starting; see {self._log}")

    def stop(self) -> None:
        """Orderly shutdown (SIGTERM is Valkey's SHUTDOWN); by force after 10 s."""
        try:
            if self._process is not None:
                process.finish(self._process, signal.SIGTERM)
        finally:
            self._process = None
            self._release()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_held(self) -> bool:
        """True if some Galenic (this one or another process) runs the server of this data folder."""
        return self._lock is not None or process.is_locked(self.lock_path)

    def answers(self) -> bool:
        """True if the server answers PING with our password; without the client library: a slow import."""
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PROBE_SECONDS_MAX)
                connection.connect(str(self._socket))
                connection.sendall(f"AUTH {self._password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := connection.recv(256)):  # noqa: PLR2004 - two commands
                    answer += part
        except OSError:
            return False
        return answer == b"+OK\r\n+PONG\r\n"

    @property
    def _log(self) -> Path:
        return self._place.data_dir / "valkey.log"

    def _release(self) -> None:
        if self._lock is not None and self._process is None:
            self._lock.close()
            self._lock = None

    def _left_over(self) -> list[int]:
        return process.processes_marked(f"unixsocket:{self._socket}", self._place.account)

    def _launch(self, program: Path) -> None:
        self._process = process.spawn(
            [str(program), str(self._write_configuration())],
            account=self._place.account,
            log=self._log,
            cwd=self._place.home,
            death_signal=signal.SIGTERM,
        )

    def _write_configuration(self) -> Path:
        """In a file of 0600, because every user may read a command line."""
        settings = {
            "port": "0",
            "unixsocket": _quoted(self._socket),
            "unixsocketperm": "700",
            "protected-mode": "yes",
            "requirepass": self._password,
            "dir": _quoted(self._place.valkey),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "proc-title-template": '"{title} {listen-addr} {server-mode}"',
        }
        path = self._place.valkey / "valkey.conf"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.writelines(f"{name} {value}\n" for name, value in settings.items())
        self._place.account.own(path, 0o600)
        return path


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
