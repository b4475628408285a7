"""Two servers on one database, each on a port of its own: which process gets a request is the test's choice."""

import secrets
from collections.abc import Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import psycopg

from fhir_server.clock import truncate
from fhir_server.model.parser import parse_object
from fhir_server.search.indexer import Indexer
from fhir_server.storage.stamp import stamped
from fhir_server.storage.version import NewVersion, Version
from tests.conftest import Cluster, Database
from tests.running.galenic import Galenic, running
from tests.running.load import connections
from tests.running.store import DEPTH_MAX, Contents, an_indexer, assert_consistent

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

    def a_new_version(self, resource: dict[str, Any]) -> NewVersion:
        """As the server itself would write it, under an internal id of a block that is taken for it."""
        resource_id = resource.get("id") or str(uuid4())
        with psycopg.connect(self.database.superuser_url) as connection:
            row = connection.execute("SELECT 1024 * nextval('rid_block'), clock_timestamp()").fetchone()
        assert row is not None
        rid, now = row[0], truncate(row[1])
        body = stamped(resource, resource_id, 1, now)
        index = self.indexer.index(parse_object(body, DEPTH_MAX))
        what = (rid, resource["resourceType"], resource_id, 1, now, "create", body)
        return NewVersion(Version(*what, index.compartments, index.labels), None, index, 201)

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
