"""How long statements took, by PostgreSQL's own account (`log_duration`): no statement's text is logged."""

import re
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.benchmarks.installation import Installation
from tests.benchmarks.search.store import Store

DURATION = re.compile(rb"^(\S*) LOG:  duration: ([0-9.]+) ms$", re.MULTILINE)
RELOAD_SECONDS = 0.5


class DatabaseTime:
    """While it is entered, each statement's duration is logged under its connection's application_name."""

    def __init__(self, store: Store, application: str) -> None:
        self._store = store
        self._application = application.encode()
        self._file = log_of(store.galenic).open("rb")
        self._rest = b""

    def __enter__(self) -> Self:
        self._configure("ALTER SYSTEM SET log_duration = on", "ALTER SYSTEM SET log_line_prefix = '%a '")
        self.taken_ms()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._configure("ALTER SYSTEM RESET log_duration", "ALTER SYSTEM RESET log_line_prefix")
        self._file.close()

    def taken_ms(self) -> float:
        """Parsing, planning and execution since the last call: a statement is logged before it is answered."""
        read = self._rest + self._file.read()
        end = read.rfind(b"\n") + 1
        self._rest = read[end:]
        return sum(float(ms) for name, ms in DURATION.findall(read[:end]) if name == self._application)

    def _configure(self, *statements: str) -> None:
        with self._store.connect() as connection:
            for statement in statements:
                connection.execute(statement.encode())
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(RELOAD_SECONDS)


def log_of(galenic: Installation) -> Path:
    return galenic.folder / "data" / "postgres.log"
