"""Short transactions of threads: authlib, and whatever else of identity waits for the database, is synchronous."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from fhir_server.errors import Unavailable

STATEMENT_TIMEOUT_MS: Final = 5_000
"""Longest a statement may run, and the longest it waits for a lock (milliseconds)."""

CONNECTION_WAIT_SECONDS: Final = 5.0
"""Longest wait for a free connection (seconds)."""

RECONNECT_SECONDS: Final = 1.0
"""Time between two attempts to make a connection, while the database is away (seconds)."""

Transaction = Connection[DictRow]


class Transactions:
    """A few connections of their own, so that logins and reads do not wait for each other."""

    def __init__(self, url: str, connections: int = 4) -> None:
        self._pool: ConnectionPool[Transaction] = ConnectionPool(
            url,
            connection_class=Connection[DictRow],
            min_size=0,
            max_size=connections,
            timeout=CONNECTION_WAIT_SECONDS,
            reconnect_timeout=RECONNECT_SECONDS,
            open=False,
            kwargs=self._options(),
        )

    @staticmethod
    def _options() -> dict[str, Any]:
        limits = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
        return {"row_factory": dict_row, "application_name": "galenic identity", "options": limits}

    def open(self) -> None:
        self._pool.open()

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """A READ COMMITTED transaction, committed when the block ends well; raises `Unavailable` without a database."""
        try:
            with self._pool.connection() as connection:
                yield connection
        except PoolTimeout as error:
            raise Unavailable("all connections to the database are busy or the database is away") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise Unavailable("the database is away, or did not answer in time") from error
