"""What every test may ask for: a real PostgreSQL, migrated, and a fresh database in it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
import pytest
import pytest_socket
from hypothesis import settings

from fhir_server.embedded.postgres import DATABASE, TUNABLE, EmbeddedPostgres

settings.register_profile("galenic", deadline=None)  # a shared machine says nothing about one example's time
settings.load_profile("galenic")

BREAK_OFF = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'galenic'
"""
"""Ends all connections of Galenic to this database; other databases may have servers that other tests share."""

CONNECTIONS = "300"
"""Of one PostgreSQL: all servers that a test process has running share it."""

UNIT = Path(__file__).parent / "unit"
CORPUS = Path(os.environ.get("GALENIC_CORPUS") or Path(__file__).parents[2] / "shared" / "data")
PROVE = bool(os.environ.get("GALENIC_PROVE"))
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """One database, by the URLs of the three roles that reach it."""

    app_url: str
    owner_url: str
    superuser_url: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """The PostgreSQL of the test run; its database `galenic` is migrated and stays empty: clone it."""

    postgres: EmbeddedPostgres

    @property
    def app_url(self) -> str:
        return self.postgres.app_url

    @property
    def owner_url(self) -> str:
        return self.postgres.owner_url

    @property
    def superuser_url(self) -> str:
        return self.postgres.superuser_url

    def database(self, name: str) -> Database:
        of = self.postgres.url_of
        return Database(of(name, "galenic_app"), of(name, "galenic_owner"), of(name))

    def execute(self, statement: str) -> None:
        """One statement outside every transaction and outside the databases of the tests."""
        with psycopg.connect(self.postgres.url_of("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("corpus") and not CORPUS.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"no reference data in {CORPUS}; set GALENIC_CORPUS"))
        if item.get_closest_marker("prove") and not PROVE:
            item.add_marker(pytest.mark.skip(reason="runs at full counts only: make prove"))


@pytest.fixture(autouse=True)
def _no_network_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    if not request.path.is_relative_to(UNIT):
        yield
        return
    pytest_socket.disable_socket(allow_unix_socket=True)  # an event loop needs a socket pair
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def at_full_counts() -> bool:
    """True under `make prove`."""
    return PROVE


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the reference data; only for tests marked `corpus`."""
    return CORPUS


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder with a short path that the servers' own user can reach; pytest's tmp_path is not."""
    folder = Path(tempfile.mkdtemp(prefix="galenic-test-"))
    folder.chmod(0o711)
    yield folder / "data"
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    from fhir_server.storage.migrations import upgrade

    folder = Path(tempfile.mkdtemp(prefix="galenic-test-"))
    folder.chmod(0o711)
    postgres = EmbeddedPostgres(folder / "data")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(TUNABLE, "max_connections", CONNECTIONS)
            postgres.start()
        upgrade(postgres.superuser_url)
        postgres.set_role_passwords()
        yield Cluster(postgres)
    finally:
        postgres.stop()
        shutil.rmtree(folder)


@pytest.fixture
def database(cluster: Cluster) -> Iterator[Database]:
    """A fresh, migrated, empty database; dropped afterwards with whatever is still connected to it."""
    name = f"test_{next(_numbers)}"
    cluster.execute(
        f"CREATE DATABASE {name} TEMPLATE {DATABASE} STRATEGY FILE_COPY"
    )  # quicker where all is in one place
    yield cluster.database(name)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")
