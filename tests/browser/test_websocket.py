"""A page of another origin listens: in a real browser, with what fetch and WebSocket give every page.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

from collections.abc import Iterator

import pytest

from subscriptions.topics import BASE
from tests.builders.resources import PLACED, a_patient
from tests.builders.subscriptions import extension
from tests.conftest import Cluster
from tests.running.galenic import Galenic, running
from tests.running.oauth import a_backend, backend_token
from tests.running.pages import callback

LISTEN = """
async ({base, token, subscription}) => {
  const headers = {"Authorization": `Bearer ${token}`, "Content-Type": "application/fhir+json"};
  const get = async (path) => (await fetch(`${base}/${path}`, {headers})).json();
  const made = await fetch(`${base}/Subscription`, {method: "POST", headers, body: JSON.stringify(subscription)});
  const {id} = await made.json();
  while ((await get(`Subscription/${id}`)).status !== "active") await new Promise((done) => setTimeout(done, 50));
  const binding = (await get(`Subscription/${id}/$get-ws-binding-token`)).parameter;
  const find = (name) => binding.find((one) => one.name === name);
  window.told = [];
  window.listening = new WebSocket(find("websocket-url").valueUrl);
  await new Promise((greeted) => {
    listening.onopen = () => listening.send(`bind-with-token ${find("token").valueString}`);
    listening.onmessage = (message) => { told.push(JSON.parse(message.data)); greeted(); };
  });
  return id;
}
"""


@pytest.fixture
def guarded(cluster: Cluster) -> Iterator[Galenic]:
    cluster.execute("CREATE DATABASE listening TEMPLATE galenic")
    with running(cluster.database("listening").app_url, auth="on") as server:
        yield server
    cluster.execute("DROP DATABASE listening WITH (FORCE)")


def to_prescriptions() -> dict:
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to show what is prescribed",
        "criteria": f"{BASE}prescription-received",
        "channel": {
            "type": "websocket",
            "payload": "application/fhir+json",
            "_payload": {"extension": [extension("backport-payload-content", valueCode="full-resource")]},
        },
    }


def kinds(page) -> list[str]:
    """Of the notifications that came in."""
    return page.evaluate("told.map((one) => one.entry[0].resource.parameter.find((p) => p.name === 'type').valueCode)")


def test_a_page_sees_a_prescription_when_it_is_written(guarded, page):
    """With an access token of the system that the page belongs to."""
    with callback() as app:
        origin = app.url.removesuffix("/callback")
        system = a_backend(guarded, origins=(origin,))
        token = system.ask("system/Subscription.cruds system/MedicationRequest.rs").json()["access_token"]
        page.goto(app.url)
        page.evaluate(LISTEN, {"base": guarded.base_url, "token": token, "subscription": to_prescriptions()})
        assert kinds(page) == ["handshake"]
        with guarded.client() as clinic:
            clinic.headers["Authorization"] = f"Bearer {backend_token(guarded)}"
            patient = clinic.post("/Patient", json=a_patient()).json()["id"]
            order = {"resourceType": "MedicationRequest", **PLACED, "subject": {"reference": f"Patient/{patient}"}}
            written = clinic.post("/MedicationRequest", json=order).json()
        page.wait_for_function("told.length === 2")
        assert kinds(page) == ["handshake", "event-notification"]
        assert page.evaluate("told[1].entry[1].resource") == written
        page.evaluate("listening.close()")
