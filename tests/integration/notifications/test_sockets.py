"""The limits of websockets, in a server of this process whose limits are small.

https://www.rfc-editor.org/rfc/rfc6455
"""

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any
from unittest.mock import AsyncMock

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from fhir_server.cli import sockets as wire
from fhir_server.cli.api import configuration
from fhir_server.main import create_app
from fhir_server.notifications import sockets, watching
from fhir_server.notifications.passes import Holder, Pass
from fhir_server.web import websocket
from fhir_server.wiring import Parts, build
from tests.acceptance.subscriptions.listener import Listener, by_websocket, connected
from tests.builders.resources import PLACED
from tests.integration.notifications.notifying import Notifying
from tests.running.waiting import PATIENCE_SECONDS

BUFFER_BYTES = 8_192
"""Of the kernel, for what is not read."""

BIG_CHARACTERS = 60_000
HEADERS_MAX = 20
READ_BYTES_MAX = 262_144
"""What an event loop reads at once, and answers at once."""


@dataclass
class Served:
    base_url: str
    port: int
    parts: Parts
    server: uvicorn.Server
    notifying: Notifying

    async def subscribed(self, **asked: Any) -> tuple[int, int]:
        """An active Subscription."""
        await self.notifying.write(by_websocket(**asked))
        await self.notifying.all()
        found = await self.notifying.rows("SELECT rid, began, state FROM subscription ORDER BY rid DESC LIMIT 1")
        assert found[0][2] == "active"
        return found[0][:2]

    def token(self, *subscriptions: tuple[int, int]) -> str:
        return self.parts.server.passes.seal(Pass(Holder("", ""), "", subscriptions))[0]

    async def prescribe(self, count: int, characters: int = 1) -> None:
        order = {"resourceType": "MedicationRequest", **PLACED, "subject": {"display": "x"}}
        for _ in range(count):
            await self.notifying.write(order | {"note": [{"text": "x" * characters}]})
        await self.notifying.all()

    def unread(self) -> list[int]:
        """Bytes that wait in this process, by socket."""
        found = [one for one in self.server.server_state.connections if isinstance(one, wire.GuardedSocketProtocol)]
        return [one.transport.get_write_buffer_size() for one in found]


@pytest.fixture
async def served(notifying: Notifying) -> AsyncIterator[Served]:
    async with serving(notifying) as one:
        yield one


@asynccontextmanager
async def serving(notifying: Notifying) -> AsyncIterator[Served]:
    settings = notifying.settings.model_copy(update={"header_seconds_max": 0.3, "header_count_max": HEADERS_MAX})
    parts = build(settings)
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    server = uvicorn.Server(configuration(settings, lambda: create_app(parts)))  # type: ignore[arg-type]
    task = asyncio.create_task(server.serve(sockets=[listener]))
    port = listener.getsockname()[1]
    await until(lambda: server.started)
    yield Served(f"http://127.0.0.1:{port}/fhir", port, parts, server, notifying)
    server.should_exit = True
    await task


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


async def bound(listener: Listener, token: str) -> None:
    before = len(listener.of("handshake"))
    await listener.say(f"bind-with-token {token}")
    await listener.until(lambda: len(listener.of("handshake")) > before)


@asynccontextmanager
async def deaf(served: Served, *said: bytes) -> AsyncIterator[socket.socket]:
    """A client that writes frames after the handshake, and never reads again."""
    loop, raw = asyncio.get_running_loop(), socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
    raw.setblocking(False)
    await loop.sock_connect(raw, ("127.0.0.1", served.port))
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        "GET /fhir/websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    )
    await loop.sock_sendall(raw, head.encode())
    assert (await loop.sock_recv(raw, 12)) == b"HTTP/1.1 101"
    for frame in said:
        await loop.sock_sendall(raw, frame)
    try:
        yield raw
    finally:
        raw.close()


def frame(opcode: int, payload: bytes) -> bytes:
    """Of a client: masked, by zeros."""
    size = len(payload)
    length = bytes([0x80 | size]) if size < 126 else bytes([0xFE]) + size.to_bytes(2, "big")
    return bytes([0x80 | opcode]) + length + bytes(4) + payload


async def messages(raw: socket.socket) -> list[bytes]:
    """Those that came whole, until the server has closed."""
    data, found = b"", []
    with suppress(ConnectionResetError):
        while more := await asyncio.get_running_loop().sock_recv(raw, BUFFER_BYTES):
            data += more
    start = data.index(b"\r\n\r\n") + 4
    while start + 2 < len(data):
        size, start = data[start + 1], start + 2
        extended = {126: 2, 127: 8}.get(size, 0)
        size = int.from_bytes(data[start : start + extended], "big") if extended else size
        start += extended
        if start + size <= len(data):
            found.append(data[start : start + size])
        start += size
    return found


async def test_who_binds_nothing_is_closed_and_who_has_bound_stays(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once the time for a head is over, which is that of HTTP."""
    token = served.token(await served.subscribed())
    assert served.notifying.wire.tried == 1  # the handshake of another one, which is a rest-hook
    monkeypatch.setattr(websocket, "BIND_SECONDS", 1.0)
    async with connected(served.base_url) as idle, connected(served.base_url) as busy:
        await bound(busy, token)
        await idle.until(lambda: idle.closed)
        assert idle.closed == (1008, "nothing was bound within 1 s")
        await served.prescribe(1)
        await busy.until(lambda: busy.numbers == [1])


async def test_who_is_not_understood_is_answered_for_a_while_and_who_says_too_much_is_not(
    served: Served,
) -> None:
    async with connected(served.base_url) as listener:
        said = ["", "bind 1", "ping", "bind-with-token", "bind-with-token ../x", b"bind-with-token x", "x"]
        for one in said[: websocket.REFUSED_MAX]:
            await listener.say(one)
        await listener.until(lambda: listener.closed)
    assert listener.complaints == ["invalid"] * websocket.REFUSED_MAX
    assert listener.closed == (1008, "too many messages were refused")
    async with connected(served.base_url) as listener:
        await listener.say("x" * (websocket.MESSAGE_BYTES_MAX + 1))
        await listener.until(lambda: listener.closed and listener.closed[0] == 1009)


async def test_a_token_that_has_expired_binds_nothing(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    sealer = served.parts.server.passes._sealer
    monkeypatch.setattr(sealer, "_lifetime_seconds", -1)
    token = served.token(await served.subscribed())
    async with connected(served.base_url) as listener:
        await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: listener.complaints == ["login"])
        assert listener.bundles == []


async def test_no_more_sockets_and_bindings_are_open_than_may_be(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = served.token(await served.subscribed()), served.token(await served.subscribed())
    monkeypatch.setattr(sockets, "CLIENT_SOCKETS_MAX", 1)
    monkeypatch.setattr(sockets, "BINDINGS_MAX", 1)
    async with connected(served.base_url) as first:
        await bound(first, one)
        await first.say(f"bind-with-token {two}")
        await first.until(lambda: first.complaints == ["throttled"])
        async with connected(served.base_url) as second:
            await second.say(f"bind-with-token {one}")
            await second.until(lambda: second.complaints == ["throttled"])
            monkeypatch.setattr(sockets, "SOCKETS_MAX", 1)
            await second.say(f"bind-with-token {one}")
            await second.until(lambda: second.complaints == ["throttled"] * 2)
            await is_refused(served)
    await until(lambda: not served.unread())
    async with connected(served.base_url) as again:
        await bound(again, two)


@pytest.mark.parametrize("limit", ["WAITING_MAX", "ADDRESS_WAITING_MAX"])
async def test_who_binds_nothing_takes_no_place_of_who_does(
    served: Served, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    token = served.token(await served.subscribed())
    monkeypatch.setattr(sockets, limit, 2)
    async with connected(served.base_url) as first, connected(served.base_url) as stranger:
        await is_refused(served)
        await bound(first, token)
        async with connected(served.base_url):
            await is_refused(served)
            await served.prescribe(1)
            await first.until(lambda: first.numbers == [1])
        await until(lambda: len(served.unread()) == 2)
        async with connected(served.base_url) as second:
            await bound(second, token)
            assert stranger.closed is None


async def is_refused(served: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"ws://127.0.0.1:{served.port}/fhir/websocket", proxy=None)
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "5"


async def test_sockets_are_told_of_events_again_after_an_error_nobody_has_foreseen(
    served: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    token = served.token(await served.subscribed())
    failing = AsyncMock(side_effect=KeyError("a name of a patient"))
    monkeypatch.setattr(watching, "RECONNECT_SECONDS", 0.01)
    async with connected(served.base_url) as listener:
        await bound(listener, token)
        with monkeypatch.context() as patched:
            patched.setattr(watching, "glances", failing)
            await until(lambda: failing.call_count > 1)
        await served.prescribe(1)
        await listener.until(lambda: listener.numbers == [1])
    assert "the watcher of subscriptions begins again after KeyError" in caplog.text
    assert "a name of a patient" not in caplog.text


async def test_who_does_not_read_holds_one_message_and_is_closed(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscription = await served.subscribed(content="full-resource")
    monkeypatch.setattr(sockets, "SAY_SECONDS", 0.5)
    monkeypatch.setattr(wire, "CLOSE_SECONDS", 0.2)
    await served.prescribe(10, BIG_CHARACTERS)
    async with deaf(served, frame(1, f"bind-with-token {served.token(subscription)}".encode())) as raw:
        await until(lambda: any(served.unread()))
        most = 0
        while held := served.unread():
            most = max(most, *held)
            await asyncio.sleep(0.01)
        left_us = sum(b"event-notification" in one for one in await messages(raw))
    assert 0 < most < 2 * BIG_CHARACTERS
    left = "SELECT delivered, events FROM subscription ORDER BY rid DESC LIMIT 1"
    ((delivered, events),) = await served.notifying.rows(left)
    assert (delivered, events) == (left_us, 10)
    assert left_us < 10
    async with connected(served.base_url) as listener:
        await bound(listener, served.token(subscription))
        await listener.until(lambda: events in listener.numbers)
        assert listener.numbers == list(range(delivered + 1, events + 1))


async def test_who_asks_for_pongs_and_does_not_read_them_fills_no_memory(served: Served) -> None:
    pings = frame(9, b"x" * 125) * 100
    async with deaf(served) as raw:
        for _ in range(400):
            await asyncio.get_running_loop().sock_sendall(raw, pings)
        await until(lambda: any(served.unread()))
        assert max(served.unread()) < READ_BYTES_MAX < 400 * len(pings) / 10


async def test_who_does_not_answer_pings_is_gone(notifying: Notifying, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fhir_server.cli.api.PING_SECONDS", 0.2)
    monkeypatch.setattr(websocket, "BIND_SECONDS", 600.0)
    async with serving(notifying) as served, connected(served.base_url) as listener, deaf(served):
        await until(lambda: len(served.unread()) == 2)
        await until(lambda: len(served.unread()) == 1)
        assert listener.closed is None


NOT_UPGRADED = [
    ("/fhir/Patient", {}, 200),
    ("/fhir/websocket?x=1", {}, 404),
    ("/fhir/web%73ocket", {}, 404),
    ("/health/live", {}, 200),
    ("/fhir/websocket", {f"X-{number}": "1" for number in range(HEADERS_MAX)}, 431),
    ("/fhir/websocket", {"X-Long": "x" * 9_000}, 431),
]


async def test_nothing_else_is_upgraded(served: Served) -> None:
    for path, more, status in NOT_UPGRADED:
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{served.port}{path}", proxy=None, additional_headers=more)
        assert (path, refused.value.response.status_code) == (path, status)
