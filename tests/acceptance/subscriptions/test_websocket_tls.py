"""The websocket of a server with a certificate: wss, with the same waiting for who reads."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from tests.acceptance.subscriptions.listener import a_pass, connected, listened
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running

BIG_CHARACTERS = 300_000
"""More than any buffer on the way holds."""


@pytest.fixture
def encrypted(cluster: Cluster, tmp_path: Path) -> Iterator[Galenic]:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key, trust = tmp_path / "chain.pem", tmp_path / "key.pem", ssl.create_default_context()
    chain.write_bytes(b"".join(blob.bytes() for blob in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    authority.configure_trust(trust)
    cluster.execute("CREATE DATABASE encrypted TEMPLATE galenic")
    with running(cluster.database("encrypted").app_url, trust=trust, tls_cert=str(chain), tls_key=str(key)) as server:
        yield server
    cluster.execute("DROP DATABASE encrypted WITH (FORCE)")


async def test_a_socket_is_told_all_by_wss_also_what_is_big(encrypted):
    with encrypted.client(verify=encrypted.trust) as client:
        patient = a_patients_id(client)
        id_ = await listened(client, patient, content="full-resource")
        found = a_pass(client, id_)
        assert found["websocket-url"] == f"{encrypted.base_url.replace('https', 'wss')}/websocket"
        for _ in range(8):
            prescribe(client, patient, note=[{"text": "x" * BIG_CHARACTERS}])
        async with connected(encrypted.base_url, ssl=encrypted.trust) as listener:
            await listener.say(f"bind-with-token {found['token']}")
            await listener.until(lambda: listener.numbers == list(range(1, 9)))
    assert min(map(len, listener.said[1:])) > BIG_CHARACTERS
