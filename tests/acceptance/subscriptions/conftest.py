"""A server that anybody may use, and one that asks who one is, with workers; subscribers listen on this machine."""

from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.subscriptions.subscriber import bearing
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.oauth import Backend, a_backend, backend_token

SCOPES = "system/Subscription.cruds system/MedicationRequest.rs"


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


@pytest.fixture(scope="package")
def guarded(cluster: Cluster) -> Iterator[Galenic]:
    cluster.execute("CREATE DATABASE subscribers TEMPLATE galenic")
    with running(cluster.database("subscribers").app_url, auth="on", outbound_allow_private="1") as server:
        yield server
    cluster.execute("DROP DATABASE subscribers WITH (FORCE)")


@pytest.fixture(scope="module")
def clinic(guarded: Galenic) -> Iterator[httpx.Client]:
    """Writes everything; its token does not live for as long as the server."""
    with bearing(guarded, backend_token(guarded)) as client:
        yield client


@pytest.fixture
def backend(guarded: Galenic) -> Backend:
    return a_backend(guarded)


@pytest.fixture
def subscriber(guarded: Galenic, backend: Backend) -> Iterator[httpx.Client]:
    """May subscribe, and see prescriptions."""
    with bearing(guarded, backend.ask(SCOPES).json()["access_token"]) as client:
        yield client
