"""Starting, watching and stopping the servers' processes, also those a killed parent left behind."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

from fhir_server.embedded.place import Account, EmbeddedError

STOP_SECONDS_MAX = 10.0
LOG_BYTES_MAX = 20 * 2**20
POLL_SECONDS = 0.01
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None  # loaded before any fork, not after


def spawn(
    command: list[str], *, account: Account, log: Path, cwd: Path, death_signal: signal.Signals
) -> subprocess.Popen[bytes]:
    """Starts `command` as `account`, in its own session (the terminal's Ctrl-C is ours to pass on)."""
    switch = {"user": account.uid, "group": account.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    with _open_log(log) as output:
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return] # noqa: S603 - our own command
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=cwd,
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            start_new_session=True,
            preexec_fn=die_with_parent(death_signal),  # noqa: PLW1509 - it only makes two system calls
            **switch,
        )


def die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    """What a child runs before its program: it gets `death_signal` when the thread that started it ends.

    So children are started from the main thread only. Nothing here takes a lock: after a fork that would
    not be safe.
    """
    parent = os.getpid()
    number = int(death_signal)

    def arrange() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
            if os.getppid() != parent:  # it died before we asked
                os._exit(1)

    return arrange


def run(command: list[str], *, account: Account, cwd: Path) -> None:
    """Runs a program of the servers' to its end as `account`; its output is the error's text if it fails."""
    switch = {"user": account.uid, "group": account.gid, "extra_groups": []} if os.geteuid() == 0 else {}
    done = subprocess.run(  # type: ignore[call-overload] # noqa: S603 - our own command
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=cwd,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"},
        check=False,
        **switch,
    )
    if done.returncode != 0:
        raise EmbeddedError(f"{Path(command[0]).name} failed: {done.stderr.strip() or done.stdout.strip()}")


def lock(path: Path) -> IO[str]:
    """Takes the lock file for as long as the returned file is open; a second taker gets a sentence."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise EmbeddedError(
            f"The data folder {path.parent} is in use by a running Galenic. "
            "Stop that one, or choose another GALENIC_DATA_DIR (and GALENIC_PORT)"
        ) from None
    return file


def is_locked(path: Path) -> bool:
    """True while another holder has the lock file."""
    if not path.exists():
        return False
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Polls `condition`; False when `seconds` passed without it."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def processes_marked(mark: str, account: Account) -> list[int]:
    """Process ids of `account` whose title or command line holds `mark`; empty where there is no /proc.

    The mark, not the working folder: root in a container may not read another user's /proc/…/cwd.
    """
    proc = Path("/proc")
    if not (proc / "self" / "cmdline").exists():
        return []
    wanted = mark.encode()
    return [
        int(entry.name)
        for entry in proc.iterdir()
        if entry.name.isdecimal() and int(entry.name) != os.getpid() and _is_marked(entry, wanted, account)
    ]


def _is_marked(entry: Path, mark: bytes, account: Account) -> bool:
    try:
        return entry.stat().st_uid == account.uid and mark in (entry / "cmdline").read_bytes()
    except OSError:  # it ended while we looked
        return False


def end(find: Callable[[], Iterable[int]], *signals: tuple[signal.Signals, float]) -> None:
    """Sends the signals in turn, each with its seconds to work, until `find` finds no process any more."""
    for number, seconds in signals:
        for pid in find():
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue
        if wait_until(lambda: not list(find()), seconds):
            return
    raise EmbeddedError(f"Processes {sorted(find())} of this data folder do not end; end them by hand")


def finish(process: subprocess.Popen[bytes], polite: signal.Signals, seconds: float = STOP_SECONDS_MAX) -> bool:
    """Ends a child politely, else by force; True if politeness was enough."""
    if process.poll() is None:
        process.send_signal(polite)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False
    return True


def _open_log(path: Path) -> IO[bytes]:
    if path.exists() and path.stat().st_size > LOG_BYTES_MAX:
        path.rename(path.with_suffix(".old.log"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
