"""A server in production takes no endpoint that could lead into its own network, and no header that is ours (U6).

docs/subscriptions/rest-hook.md#where-nothing-is-sent
"""

from collections.abc import Iterator

import httpx
import pytest

from tests.acceptance.outcomes import refused
from tests.acceptance.subscriptions.subscriber import RECEIVED
from tests.builders.subscriptions import a_plain_subscription, a_subscription
from tests.conftest import Cluster
from tests.running.galenic import running

HOOK = "https://sink.example/notify"

ENDPOINTS = [
    "http://sink.example/notify",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_FLUSHALL",
    "ftp://sink.example/",
    "unix:///run/postgresql",
    "//sink.example/notify",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://10.0.0.7/",
    "https://169.254.169.254/latest/meta-data/",
    "https://8.8.8.8/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[fe80::1%25eth0]/",
    "https://[2606:4700::1111]/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost:8443/",
    "https://user:secret@sink.example/",
    "https://sink.example@127.0.0.1/",
    "https://sink.example\\@127.0.0.1/",
    "https://sink.example:22/",
    "https://sink.example:80/",
    "https://sink.example/#fragment",
    "https://sink.example/%0d%0a\r\nHost: inside",
    "https://127。0。0。1/",
]
HEADERS = [
    "X-Ward: 3\r\nHost: inside",
    "X-Ward: 3\nHost: inside",
    "X-Ward: 3\rHost: inside",
    "Host: inside",
    "host : inside",
    "Content-Length: 0",
    "Transfer-Encoding: chunked",
    "Content-Type: text/html",
    "Connection: close",
    "Upgrade: h2c",
    "Proxy-Authorization: Basic x",
    "X-Forwarded-For: 127.0.0.1",
    "Cookie: a=b",
    "webhook-signature: v1,x",
]


@pytest.fixture(scope="module")
def production(cluster: Cluster) -> Iterator[httpx.Client]:
    """A server to which nothing private is open, and which nobody tells anything: it has no worker."""
    cluster.execute("CREATE DATABASE endpoints TEMPLATE galenic")
    with running(cluster.database("endpoints").app_url, worker=False) as server, server.client() as client:
        yield client
    cluster.execute("DROP DATABASE endpoints WITH (FORCE)")


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_an_endpoint_that_could_be_turned_against_us_is_refused(production, endpoint):
    for asked in (a_subscription(endpoint, RECEIVED), a_plain_subscription(endpoint, "MedicationRequest")):
        outcome = refused(production.post("/Subscription", json=asked), 400, 422)
        assert {place for issue in outcome["issue"] for place in issue["expression"]} == {
            "Subscription.channel.endpoint"
        }


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_that_could_be_turned_against_us_is_refused(production, header):
    asked = a_subscription(HOOK, RECEIVED)
    asked["channel"]["header"] = ["X-Ward: 2", header]
    outcome = refused(production.post("/Subscription", json=asked), 422)
    assert [issue["expression"] for issue in outcome["issue"]] == [["Subscription.channel.header[1]"]]


def test_an_update_is_judged_like_a_creation(production):
    asked = a_subscription(HOOK, RECEIVED)
    created = production.post("/Subscription", json=asked).json()
    url = f"/Subscription/{created['id']}"
    changed = created | {"channel": created["channel"] | {"endpoint": "https://127.0.0.1/"}}
    refused(production.put(url, json=changed), 422)
    patch = {"channel": {"endpoint": "https://127.0.0.1/"}}
    refused(production.patch(url, json=patch, headers={"Content-Type": "application/merge-patch+json"}), 422)
    for request in ({"method": "PUT", "url": url[1:]}, {"method": "POST", "url": "Subscription"}):
        entry = {"resource": changed, "request": request}
        refused(production.post("", json={"resourceType": "Bundle", "type": "transaction", "entry": [entry]}), 422)
    assert production.get(url).json()["channel"]["endpoint"] == HOOK


def test_a_public_endpoint_and_a_credential_of_its_own_are_taken(production):
    for endpoint in (HOOK, "https://sink.example:8443/?key=1", "https://xn--bcher-kva.example/"):
        asked = a_subscription(endpoint, RECEIVED)
        asked["channel"]["header"] = ["Authorization: Bearer of.the.sink"]
        assert production.post("/Subscription", json=asked).status_code == 201
