"""Servers that ask for access tokens, shared by the tests of this folder: starting one takes longer than they do."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.brands import BRANDS
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


@pytest.fixture(scope="package")
def open_galenic(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Galenic]:
    """Lets apps register themselves, fetches keys from anywhere, and publishes its brands."""
    brands: Path = tmp_path_factory.mktemp("brands") / "brands.json"
    brands.write_text(json.dumps(BRANDS))
    settings = {"auth": "on", "dynamic_registration": "on", "outbound_allow_private": "1", "brands": str(brands)}
    cluster.execute("CREATE DATABASE oauth_open TEMPLATE galenic")
    with running(cluster.database("oauth_open").app_url, worker=False, **settings) as server:
        yield server
    cluster.execute("DROP DATABASE oauth_open WITH (FORCE)")
