"""A server with a listener, a worker and partners, shared by the tests of this folder."""

from collections.abc import Iterator

import httpx
import pytest
import trustme

from fhir_server.identity.clients import hashed_secret
from fhir_server.identity.opaque import fresh
from tests.acceptance.exchange.office import PARTNER, Office
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.mllp import Wire, a_partner, wire

SECRET = fresh()
OTHER = "WARD|OTHER"
"""Another hospital, which may send everything."""

AUTHORITY = trustme.CA()
"""Whose signatures hold."""


@pytest.fixture(scope="package")
def galenic(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Galenic]:
    cluster.execute("CREATE DATABASE exchange TEMPLATE galenic")
    anchors = tmp_path_factory.mktemp("anchors") / "authority.pem"
    AUTHORITY.cert_pem.write_to_path(anchors)
    with running(cluster.database("exchange").app_url, script_trust_anchors=str(anchors)) as server:
        a_partner(server)
        a_partner(server, id="nurse", senders=["NURSE|HOSPITAL"], kinds=["RAS^O17"])
        a_partner(server, id="distant", senders=["DISTANT|HOSPITAL"], networks=["10.0.0.0/8"])
        a_partner(server, id="clinic", senders=["D:clinic"], secret_hash=hashed_secret(SECRET))
        a_partner(server, id="other", senders=[OTHER], authorities={"OWN": "http://other.example/mrn"})
        a_partner(server, id=PARTNER, senders=["D:practice"], secret_hash=hashed_secret(SECRET))
        server.start_listener()
        yield server
    cluster.execute("DROP DATABASE exchange WITH (FORCE)")


@pytest.fixture
def hospital(galenic: Galenic) -> Iterator[Wire]:
    with wire(galenic) as made:
        yield made


@pytest.fixture
def clinic(galenic: Galenic) -> Iterator[httpx.Client]:
    """A prescriber's system that sends SCRIPT."""
    with httpx.Client(base_url=galenic.root_url, auth=("clinic", SECRET), timeout=60) as client:
        yield client


@pytest.fixture
def office(galenic: Galenic) -> Iterator[Office]:
    """Its mailbox is empty afterwards."""
    with httpx.Client(base_url=galenic.root_url, auth=(PARTNER, SECRET), timeout=60) as client:
        made = Office(galenic, client)
        yield made
        list(made.mailbox())
