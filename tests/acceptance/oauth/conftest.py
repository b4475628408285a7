"""Servers that ask for access tokens, shared by the tests of this folder: starting one takes longer than they do."""

from collections.abc import Iterator

import pytest

from tests.conftest import Cluster
from tests.running.galenic import Galenic, running


@pytest.fixture(scope="package")
def galenic(cluster: Cluster) -> Iterator[Galenic]:
    """One API process."""
    cluster.execute("CREATE DATABASE oauth_one TEMPLATE galenic")
    with running(cluster.database("oauth_one").app_url, worker=False, auth="on") as server:
        yield server
    cluster.execute("DROP DATABASE oauth_one WITH (FORCE)")


@pytest.fixture(scope="package")
def two_processes(cluster: Cluster) -> Iterator[Galenic]:
    """Two API processes that share a port."""
    cluster.execute("CREATE DATABASE oauth_two TEMPLATE galenic")
    with running(cluster.database("oauth_two").app_url, processes=2, worker=False, auth="on") as server:
        yield server
    cluster.execute("DROP DATABASE oauth_two WITH (FORCE)")
