"""Two servers on one database, each on a port of its own: which process gets a request is the test's choice."""

import secrets
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from fhir_server.search.indexer import Indexer
from tests.conftest import Cluster, Database
from tests.running.galenic import Galenic, running
from tests.running.load import connections
from tests.running.store import Contents, an_indexer, assert_consistent

BASE_URL = "http://galenic.example/fhir"


@dataclass(frozen=True, slots=True)
class Pair:
    servers: tuple[Galenic, Galenic]
    database: Database
    indexer: Indexer

    @asynccontextmanager
    async def connections(self, count: int) -> Any:
        """`count` connections, half of them to each process."""
        async with connections([server.base_url for server in self.servers], count) as opened:
            yield opened

    def assert_consistent(self) -> Contents:
        return assert_consistent(self.database.superuser_url, self.indexer)


@contextmanager
def running_pair(cluster: Cluster, name: str, **settings: str) -> Iterator[Pair]:
    """On a database called `name`; dropped afterwards."""
    index_key = secrets.token_hex(32)
    shared = {"index_key": index_key, "cursor_key": secrets.token_hex(32), "base_url": BASE_URL, **settings}
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
    database = cluster.database(name)
    try:
        with (
            running(database.app_url, **shared) as first,
            running(database.app_url, worker=False, **shared) as second,
        ):
            yield Pair((first, second), database, an_indexer(index_key, BASE_URL))
    finally:
        cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")
