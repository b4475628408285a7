"""A server in a process of its own, over HTTP, as clients meet it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.pair import Pair, running_pair
from tests.running.requirements import copied


@pytest.fixture(scope="module")
def galenic(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Galenic]:
    """One API process, on a database of the test module's own."""
    name = "module_" + request.module.__name__.rpartition(".")[2].removeprefix("test_")
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE galenic")
    with running(cluster.database(name).app_url, worker=False) as server:
        yield server
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def client(galenic: Galenic) -> Iterator[httpx.Client]:
    with galenic.client() as connection:
        yield connection


@pytest.fixture(scope="module")
def pair(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Pair]:
    """Two API processes, each on its own port, and a worker, on one database of the test module's own."""
    with running_pair(cluster, "pair_" + request.module.__name__.rpartition(".")[2].removeprefix("test_")) as both:
        yield both


@pytest.fixture(scope="session")
def breakable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of our own, for what is seen to fail in it."""
    return copied(tmp_path_factory.mktemp("broken"))
