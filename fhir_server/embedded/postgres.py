"""PostgreSQL 18 as our child process: socket only, password only, durable always."""

import hashlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import IO
from urllib.parse import quote

from fhir_server.embedded import process
from fhir_server.embedded.binaries import postgres_bin
from fhir_server.embedded.place import EmbeddedError, place_of
from fhir_server.embedded.secrets import secrets_of

DATABASE = "galenic"
ROLES = ("galenic_owner", "galenic_app")
START_SECONDS_MAX = 60.0
PID_FILE_STATUS_LINE = 7  # postmaster.pid: pid, data folder, start, port, socket folder, address, shared memory, status

# What an operator may tune in <data_dir>/postgres/postgresql.conf; written once, by initdb.
TUNABLE = {
    "max_connections": "100",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "wal_compression": "pglz",  # the wheel has neither lz4 nor zstd
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",  # compiles longer than our statements run
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Patients' data stays out of the log: no statements, no parameters, no "Key (…)=(…)" details.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}
# What nobody may turn off: given on the command line, which wins over every file.
FIXED = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "logging_collector": "off",
}


class EmbeddedPostgres:
    """One PostgreSQL in `<data_dir>/postgres`, with the database `galenic`.

    The roles galenic_owner and galenic_app are made by the first migration; `set_role_passwords` then makes
    `owner_url` and `app_url` work. Start it from the main thread: it stops when its starting thread ends.
    """

    name = "postgres"

    def __init__(self, data_dir: Path) -> None:
        self._place = place_of(data_dir)
        self._secrets = secrets_of(self._place.data_dir)
        self._sockets = self._place.socket_dir()
        self._data = self._place.postgres / "data"
        # Shown in the title of every process of the cluster: how a later start knows its own orphans.
        self._mark = f"galenic-{hashlib.sha256(os.fsencode(self._data)).hexdigest()[:16]}"
        self._process: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None

    @property
    def superuser_url(self) -> str:
        return self._url("postgres", self._secrets.postgres, DATABASE)

    @property
    def owner_url(self) -> str:
        return self._url("galenic_owner", self._secrets.galenic_owner, DATABASE)

    @property
    def app_url(self) -> str:
        return self._url("galenic_app", self._secrets.galenic_app, DATABASE)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def lock_path(self) -> Path:
        return self._place.data_dir / "postgres.lock"

    def start(self) -> None:
        """Starts the server (the first time: makes the data folder); returns when it accepts connections."""
        self.launch()
        self.wait_ready()
        self._make_database()

    def launch(self) -> None:
        """Starts the server without waiting for it, after ending what a killed predecessor left running."""
        if self._lock is None:
            self._lock = process.lock(self.lock_path)
        try:
            self._end_left_over()
            programs = postgres_bin(self._place)
            if not (self._data / "PG_VERSION").exists():
                self._initialise(programs)
            self._launch(programs)
        except BaseException:
            self._release()
            raise

    def wait_ready(self) -> None:
        """Waits until connections are accepted (after a crash: until recovery is done)."""
        if not process.wait_until(lambda: self._status() == "ready" or not self.is_running(), START_SECONDS_MAX):
            raise EmbeddedError(f"PostgreSQL is not ready after {START_SECONDS_MAX:.0f} s; see {self._log}")
        if not self.is_running():
            raise EmbeddedError(f"PostgreSQL ended while starting: {self._last_log_line()} (see {self._log})")

    def stop(self) -> None:
        """Fast shutdown: sessions are ended, everything is on disk; by force after 10 s."""
        try:
            if self._process is not None and not process.finish(self._process, signal.SIGINT):
                self._end_left_over()
        finally:
            self._process = None
            self._release()

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def is_held(self) -> bool:
        """True if some Galenic (this one or another process) runs the server of this data folder."""
        return self._lock is not None or process.is_locked(self.lock_path)

    def set_role_passwords(self) -> None:
        """Gives the roles that exist their password and LOGIN; the server sees only the SCRAM verifier."""
        import psycopg
        from psycopg import sql

        with psycopg.connect(self.superuser_url) as connection:
            present = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)])
            for (role,) in present.fetchall():
                password = getattr(self._secrets, role).encode()
                verifier = connection.pgconn.encrypt_password(password, role.encode(), b"scram-sha-256").decode()
                connection.execute(
                    sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(role), sql.Literal(verifier))
                )

    def url_of(self, database: str, role: str = "postgres") -> str:
        """The URL of another database of this server."""
        return self._url(role, getattr(self._secrets, role), database)

    @property
    def _log(self) -> Path:
        return self._place.data_dir / "postgres.log"

    def _url(self, role: str, password: str, database: str) -> str:
        return f"postgresql://{role}:{password}@/{quote(database)}?host={quote(str(self._sockets), safe='')}"

    def _release(self) -> None:
        if self._lock is not None and self._process is None:
            self._lock.close()
            self._lock = None

    def _initialise(self, programs: Path) -> None:
        """Into a folder of another name, renamed when complete: a killed initdb leaves nothing half-made."""
        fresh = self._place.postgres / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        password = self._place.postgres / ".password"
        password.touch(mode=0o600)
        self._place.account.own(password, 0o600)
        password.write_text(self._secrets.postgres)
        command = [str(programs / "initdb"), "-D", str(fresh), "--username=postgres", f"--pwfile={password}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--no-instructions"]
        command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        try:
            process.run(
                command + [f"--set={name}={value}" for name, value in TUNABLE.items()],
                account=self._place.account,
                cwd=self._place.home,
            )
        finally:
            password.unlink()
        (fresh / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        fresh.rename(self._data)

    def _launch(self, programs: Path) -> None:
        settings = FIXED | {"unix_socket_directories": str(self._sockets), "cluster_name": self._mark}
        command = [str(programs / "postgres"), "-D", str(self._data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        self._process = process.spawn(
            command,
            account=self._place.account,
            log=self._log,
            cwd=self._place.home,
            death_signal=signal.SIGINT,
        )

    def _make_database(self) -> None:
        import psycopg

        url = self._url("postgres", self._secrets.postgres, "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE}")

    def _status(self) -> str:
        """Ours only: the file of a killed predecessor stays until the new postmaster writes its own."""
        try:
            lines = (self._data / "postmaster.pid").read_text().splitlines()
        except (FileNotFoundError, UnicodeDecodeError):
            return ""
        ours = lines[:1] == [str(self.pid)] and len(lines) > PID_FILE_STATUS_LINE
        return lines[PID_FILE_STATUS_LINE].strip() if ours else ""

    def _end_left_over(self) -> None:
        """Ends the processes of this data folder that outlived their parent.

        First the postmaster, cleanly; then backends without one: they hold shared memory it needs.
        """
        self._process = None
        process.end(self._postmaster_left_over, (signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0))
        process.end(
            lambda: process.processes_marked(self._mark, self._place.account),
            (signal.SIGQUIT, 1.0),
            (signal.SIGKILL, 5.0),
        )

    def _postmaster_left_over(self) -> list[int]:
        try:
            pid = int((self._data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return []
        return [pid] if pid in process.processes_marked(self._mark, self._place.account) else []

    def _last_log_line(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return next((line for line in reversed(lines) if "FATAL" in line), lines[-1] if lines else "no word of why")
