"""The clients, and a server for them as a pharmacy would run it: with HTTPS, and closed."""

import os
import ssl
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
import trustme

from tests.clients.installation import Installation, install
from tests.clients.pharmacy import Pharmacy
from tests.conftest import Cluster
from tests.running.galenic import running


@pytest.fixture(scope="session")
def clients() -> Installation:
    """Continuous integration has to have them; a developer without npm or a registry may go without."""
    try:
        return install()
    except (OSError, subprocess.SubprocessError) as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(f"the clients are not installed: {error}")


@pytest.fixture(scope="package")
def pharmacy(cluster: Cluster, clients: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pharmacy]:
    folder: Path = tmp_path_factory.mktemp("tls")
    authority, chain, key = folder / "authority.pem", folder / "chain.pem", folder / "key.pem"
    ca = trustme.CA()
    ca.cert_pem.write_to_path(authority)
    issued = ca.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(key)
    for number, pem in enumerate(issued.cert_chain_pems):
        pem.write_to_path(chain, append=number > 0)
    settings = {"auth": "on", "tls_cert": str(chain), "tls_key": str(key)}
    trust = ssl.create_default_context(cafile=authority)
    cluster.execute("CREATE DATABASE clients TEMPLATE galenic")
    with running(cluster.database("clients").app_url, worker=False, trust=trust, **settings) as galenic:
        made = Pharmacy(galenic, clients, authority)
        fill(made)
        yield made
    cluster.execute("DROP DATABASE clients WITH (FORCE)")


def fill(pharmacy: Pharmacy) -> None:
    bundle = files("fhir_server").joinpath("demo/pharmacy.json").read_bytes()
    with pharmacy.system() as client:
        assert client.post("", content=bundle).status_code == 200
