"""A server that anybody may use, with a worker, whose subscribers listen on this machine."""

from collections.abc import Iterator

import httpx
import pytest

from tests.conftest import Cluster
from tests.running.galenic import Galenic, running


@pytest.fixture(scope="package")
def galenic(cluster: Cluster) -> Iterator[Galenic]:
    cluster.execute("CREATE DATABASE subscriptions TEMPLATE galenic")
    with running(cluster.database("subscriptions").app_url, outbound_allow_private="1") as server:
        yield server
    cluster.execute("DROP DATABASE subscriptions WITH (FORCE)")


@pytest.fixture(scope="package")
def client(galenic: Galenic) -> Iterator[httpx.Client]:
    with galenic.client() as connection:
        yield connection
