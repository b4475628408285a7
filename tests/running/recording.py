"""A process that records reads and then releases them, as an API process does: `python -m tests.running.recording URL`.

A release is a line on stdout; it is written after the record is committed, and never without one.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fhir_server.audit.recorder import Recorder
from fhir_server.storage.database import Database, DatabaseOptions
from tests.builders.audit import a_record

ROOT = Path(__file__).parents[2]
REQUESTS_IN_FLIGHT = 20
FOREVER = 2**62


@contextmanager
def recording(url: str, releases: int = FOREVER) -> Iterator[subprocess.Popen[bytes]]:
    """The process, whose stdout is read by the caller; it ends after so many releases."""
    command = [sys.executable, "-m", "tests.running.recording", url, str(releases)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def run(url: str, releases: int) -> None:
    database = Database(DatabaseOptions(url, connections=4, statement_timeout_ms=10_000))
    await database.open()
    recorder, numbers = Recorder(database), iter(range(releases))

    async def answer() -> None:
        for number in numbers:
            key = f"{os.getpid()}-{number}"
            await recorder.record(a_record(id=key, patients=("p",)))
            os.write(sys.stdout.fileno(), f"{key}\n".encode())

    await asyncio.gather(*(answer() for _ in range(REQUESTS_IN_FLIGHT)))
    await database.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], int(sys.argv[2])))
