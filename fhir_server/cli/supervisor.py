"""Keeps processes running: what dies is started again, at once the first time, then ever later up to 2 s."""

import contextlib
import logging
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from types import FrameType, TracebackType
from typing import Protocol, Self

from fhir_server.embedded.place import EmbeddedError
from fhir_server.embedded.process import die_with_parent, finish

DELAYS_SECONDS = (0.0, 0.25, 0.5, 1.0, 2.0)
STEADY_SECONDS = 30.0  # up that long, and the next death counts as a first one
CHECK_SECONDS = 0.2
STOP_SECONDS_MAX = 12.0  # an API process drains for up to 10 s
_log = logging.getLogger("galenic.serve")


class Service(Protocol):
    """What can be kept running: PostgreSQL, Valkey, an API process, the worker."""

    name: str

    @property
    def pid(self) -> int | None: ...
    def launch(self) -> None: ...
    def is_running(self) -> bool: ...
    def stop(self) -> None: ...


class PythonProcess:
    """A process of our own code; settings reach it by its environment, the listening socket by its number."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self._command = list(command)
        self._environment = dict(environment)
        self._descriptors = tuple(descriptors)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def launch(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            self._command,
            env=self._environment,
            pass_fds=self._descriptors,
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # the terminal's Ctrl-C is ours to pass on, in the right order
            preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - it only makes two system calls
        )

    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ask_to_stop(self) -> None:
        if self.is_running() and self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def stop(self) -> None:
        if self._process is not None:
            finish(self._process, signal.SIGTERM, STOP_SECONDS_MAX)


class Watch:
    """One service and its record of deaths."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._deaths = 0
        self._started = time.monotonic()
        self._due: float | None = None

    def check(self) -> None:
        """Notes a death, and starts the service again when its time has come."""
        now = time.monotonic()
        if self._due is None and not self.service.is_running():
            self._note_death(now)
        if self._due is not None and now >= self._due:
            self._start_again()

    def _note_death(self, now: float) -> None:
        if now - self._started > STEADY_SECONDS:
            self._deaths = 0
        delay = DELAYS_SECONDS[min(self._deaths, len(DELAYS_SECONDS) - 1)]
        self._deaths += 1
        self._due = now + delay
        _log.warning("%s (process %s) ended; starting it again in %.2g s", self.service.name, self.service.pid, delay)

    def _start_again(self) -> None:
        self._due = None
        self._started = time.monotonic()
        try:
            self.service.launch()
        except (EmbeddedError, OSError) as error:
            _log.error("%s does not start: %s", self.service.name, error)


class Supervisor:
    """Services in the order they were started; stopped in the reverse order."""

    def __init__(self) -> None:
        self._watches: list[Watch] = []

    def add(self, service: Service) -> None:
        """From now on `service`, which runs, is kept running."""
        self._watches.append(Watch(service))

    def check(self) -> None:
        for watch in self._watches:
            watch.check()

    def stop(self) -> None:
        """Stops everything, last started first; the API processes drain side by side."""
        services = [watch.service for watch in reversed(self._watches)]
        self._watches.clear()
        _ask_together(services)
        for service in services:
            service.stop()


class StopSignals:
    """SIGINT and SIGTERM, asked for instead of interrupting; a child's death ends the wait early."""

    def __init__(self) -> None:
        self.arrived = False
        self._before: dict[int, object] = {}

    def __enter__(self) -> Self:
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self._write, False)
        self._wakeup_before = signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD):
            self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.set_wakeup_fd(self._wakeup_before)
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type] # as signal.signal gave it
        os.close(self._read)
        os.close(self._write)

    def wait(self, seconds: float = CHECK_SECONDS) -> bool:
        """Waits for a signal, at most `seconds`; True once it is time to stop."""
        if not self.arrived:
            select.select([self._read], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            os.read(self._read, 4096)
        return self.arrived

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self.arrived = True


def _ask_together(services: Iterable[Service]) -> None:
    """Only the API processes: the worker may still be needed by a request that drains, the databases are."""
    for service in services:
        if isinstance(service, PythonProcess) and service.name.startswith(("api", "listen")):
            service.ask_to_stop()
