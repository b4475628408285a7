"""A client that listens by websocket: what it is told, taken apart."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.acceptance.subscriptions.subscriber import RECEIVED, Resource, becomes, events, parameter, subscribe
from tests.builders.subscriptions import JSON, extension
from tests.running.waiting import PATIENCE_SECONDS


def number_of(name: str, number: int) -> Resource:
    """An extension of the channel that is a number."""
    element = "valuePositiveInt" if name == "max-count" else "valueUnsignedInt"
    return extension(f"backport-{name}", **{element: number})


def by_websocket(*filters: str, content: str = "id-only", criteria: str = RECEIVED, **channel: Any) -> Resource:
    """To a topic, one event a message unless the channel has other extensions."""
    narrowed = [extension("backport-filter-criteria", valueString=one) for one in filters]
    one = [extension("backport-max-count", valuePositiveInt=1)]
    payload = {"extension": [extension("backport-payload-content", valueCode=content)]}
    return {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "to fill what is prescribed",
        "criteria": criteria,
        **({"_criteria": {"extension": narrowed}} if narrowed else {}),
        "channel": {"type": "websocket", "payload": JSON, "_payload": payload, "extension": one, **channel},
    }


async def listened(client: httpx.Client, patient: str, **asked: Any) -> str:
    """A Subscription to the prescriptions a patient receives, active; its id."""
    id_ = subscribe(client, by_websocket(f"MedicationRequest?patient=Patient/{patient}", **asked))
    await becomes(client, id_, "active")
    return id_


def a_pass(client: httpx.Client, *ids: str) -> dict[str, Any]:
    """What $get-ws-binding-token answers, by names; `subscription` is a list."""
    named = "&".join(f"id={one}" for one in ids)
    answer = client.get(f"/Subscription/$get-ws-binding-token?{named}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = {"subscription": []}
    for one in answer.json()["parameter"]:
        name, value = one["name"], next(v for k, v in one.items() if k != "name")
        if name == "subscription":
            found[name].append(value)
        else:
            found[name] = value
    return found


@dataclass
class Listener:
    """`said` is all that came in; `closed` is the code and the reason, once it is."""

    socket: ClientConnection
    said: list[str] = field(default_factory=list)
    closed: tuple[int, str] | None = None

    async def hear(self) -> None:
        try:
            async for one in self.socket:
                self.said.append(str(one))
        except ConnectionClosed:
            pass
        self.closed = (self.socket.close_code or 0, self.socket.close_reason or "")

    async def bind(self, client: httpx.Client, *ids: str) -> None:
        """Returns when each has been greeted."""
        before = len(self.of("handshake"))
        await self.say(f"bind-with-token {a_pass(client, *ids)['token']}")
        await self.until(lambda: len(self.of("handshake")) == before + len(ids))

    async def say(self, text: str | bytes) -> None:
        await self.socket.send(text)

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await asyncio.sleep(0.01)

    @property
    def bundles(self) -> list[Resource]:
        found = [json.loads(one) for one in self.said if one.startswith("{")]
        return [one for one in found if one["resourceType"] == "Bundle"]

    @property
    def complaints(self) -> list[str]:
        """What was wrong, by the codes of the OperationOutcomes."""
        found = [json.loads(one) for one in self.said if one.startswith("{")]
        return [one["issue"][0]["code"] for one in found if one["resourceType"] == "OperationOutcome"]

    def of(self, kind: str) -> list[Resource]:
        return [one for one in self.bundles if parameter(one, "type") == kind]

    @property
    def numbers(self) -> list[int]:
        """Of all events that came in, in their order."""
        return [int(one["event-number"]) for bundle in self.of("event-notification") for one in events(bundle)]


@asynccontextmanager
async def connected(base_url: str, **options: Any) -> AsyncIterator[Listener]:
    """An open socket, bound to nothing."""
    url = f"{base_url.rstrip('/').replace('http', 'ws', 1)}/websocket"
    async with connect(url, max_size=None, proxy=None, **options) as socket:
        listener = Listener(socket)
        hearing = asyncio.create_task(listener.hear())
        try:
            yield listener
        finally:
            hearing.cancel()


@asynccontextmanager
async def listening_to(client: httpx.Client, *ids: str) -> AsyncIterator[Listener]:
    """Bound to Subscriptions, and greeted by each."""
    async with connected(str(client.base_url)) as listener:
        await listener.bind(client, *ids)
        yield listener
