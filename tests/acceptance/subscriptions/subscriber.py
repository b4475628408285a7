"""A subscriber: what it was sent, taken apart."""

import json
from typing import Any

import httpx

from subscriptions.topics import BASE
from tests.builders.subscriptions import a_subscription
from tests.running.galenic import Galenic
from tests.running.sink import Heard, Sink
from tests.running.waiting import eventually

Resource = dict[str, Any]
RECEIVED = f"{BASE}prescription-received"


def bearing(galenic: Galenic, token: str) -> httpx.Client:
    """A client with an access token."""
    client = galenic.client()
    client.headers["Authorization"] = f"Bearer {token}"
    return client


def subscribe(client: httpx.Client, subscription: Resource) -> str:
    """Its id."""
    answer = client.post("/Subscription", json=subscription)
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "requested"
    return answer.json()["id"]


async def subscribed(client: httpx.Client, sink: Sink, patient: str, **asked: Any) -> str:
    """To the prescriptions a patient receives, and active; its id."""
    narrowed = f"MedicationRequest?patient=Patient/{patient}"
    id_ = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed, **asked))
    await becomes(client, id_, "active")
    return id_


async def becomes(client: httpx.Client, id_: str, status: str) -> Resource:
    await eventually(lambda: client.get(f"/Subscription/{id_}").json()["status"] == status)
    return client.get(f"/Subscription/{id_}").json()


def bundles(heard: list[Heard], kind: str) -> list[Resource]:
    """The notifications of a kind, in the order they came in."""
    found = [json.loads(one.body) for one in heard if one.body]
    return [one for one in found if parameter(one, "type") == kind]


def parameter(bundle: Resource, name: str) -> Any:
    """A value of the status of a notification."""
    parameters = bundle["entry"][0]["resource"]["parameter"]
    return next((v for p in parameters if p["name"] == name for k, v in p.items() if k.startswith("value")), None)


def events(bundle: Resource) -> list[Resource]:
    """The events of a notification, each by the names of its parts."""
    parameters = bundle["entry"][0]["resource"]["parameter"]
    found = [p["part"] for p in parameters if p["name"] == "notification-event"]
    return [{part["name"]: next(v for k, v in part.items() if k != "name") for part in parts} for parts in found]


def numbers(heard: list[Heard]) -> list[int]:
    """Of all events that came in, in their order."""
    return [int(one["event-number"]) for bundle in bundles(heard, "event-notification") for one in events(bundle)]
