"""The listener and the sender over real sockets of this machine."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest
import trustme

from integrations.mllp.framing import FS, VT, framed
from integrations.mllp.listener import Answer, Limits, Listener, Peer
from integrations.mllp.sender import NotDelivered, Sender, Target
from tests.running.waiting import PATIENCE_SECONDS

QUICK = Limits(message_bytes_max=10_000, message_seconds_max=0.3, idle_seconds_max=5.0, write_seconds_max=0.5)


async def echo(message: bytes, _: Peer) -> Sequence[bytes]:
    return [b"got " + message]


@contextlib.asynccontextmanager
async def listening(
    answer: Answer, limits: Limits = QUICK, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[Listener, int]]:
    bound = socket.create_server(("127.0.0.1", 0))
    listener = Listener(answer, limits, tls)
    await listener.start(bound)
    try:
        yield listener, bound.getsockname()[1]
    finally:
        await listener.stop()


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


async def ask(port: int, wire: bytes) -> bytes:
    """What comes until the listener closes, or until the first answer."""
    async with connected(port) as (reader, writer):
        writer.write(wire)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            return await reader.readuntil(FS + b"\r")
    return b""


async def test_messages_of_a_connection_are_answered_one_after_the_other() -> None:
    async with listening(echo) as (_, port), connected(port) as (reader, writer):
        writer.write(framed(b"1") + framed(b"2"))
        writer.write(framed(b"3"))
        answers = [await reader.readuntil(FS + b"\r") for _ in range(3)]
    assert answers == [framed(b"got 1"), framed(b"got 2"), framed(b"got 3")]


@pytest.mark.parametrize(
    "wire",
    [b"GET / HTTP/1.1\r\n\r\n", VT + b"x" * 10_001, VT + b"never ends", VT + b"a" + VT + b"b" + FS],
    ids=["HTTP", "too long", "no FS", "a message within a message"],
)
async def test_what_cannot_be_read_closes_the_connection_and_no_other(wire: bytes) -> None:
    async with listening(echo) as (_, port):
        assert await ask(port, wire) == b""
        assert await ask(port, framed(b"1")) == framed(b"got 1")


async def test_bytes_that_trickle_in_do_not_prolong_a_messages_time() -> None:
    async with listening(echo) as (_, port), connected(port) as (reader, writer):
        writer.write(VT)
        while not reader.at_eof():
            with contextlib.suppress(ConnectionError):
                writer.write(b"x")
                await writer.drain()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)


async def test_unfinished_messages_of_all_connections_have_a_limit_together() -> None:
    limits = replace(QUICK, buffered_bytes_max=12_000, message_seconds_max=5.0)
    async with listening(echo, limits) as (_, port):
        async with connected(port) as (_, first):
            first.write(VT + b"x" * 9_000)
            await first.drain()
            await asyncio.sleep(0.1)
            assert await ask(port, VT + b"x" * 9_000) == b""
        await asyncio.sleep(0.1)
        assert await ask(port, framed(b"x" * 9_000)) == framed(b"got " + b"x" * 9_000)


async def test_a_thousand_idle_connections_keep_nobody_waiting() -> None:
    limits = replace(QUICK, connections_of_address_max=2_000)
    async with listening(echo, limits) as (_, port), contextlib.AsyncExitStack() as idle:
        for _ in range(1_000):
            await idle.enter_async_context(connected(port))
        assert await ask(port, framed(b"1")) == framed(b"got 1")


async def test_connections_beyond_the_limit_are_closed() -> None:
    async with listening(echo, replace(QUICK, connections_max=1)) as (_, port):
        async with connected(port):
            await asyncio.sleep(0.1)
            assert await ask(port, framed(b"1")) == b""
        await asyncio.sleep(0.1)
        assert await ask(port, framed(b"1")) == framed(b"got 1")


async def test_without_an_answer_the_connection_is_closed() -> None:
    async def fail(_message: bytes, _peer: Peer) -> Sequence[bytes]:
        raise LookupError

    async with listening(fail) as (_, port):
        assert await ask(port, framed(b"1")) == b""


async def test_who_is_being_answered_when_it_stops_gets_the_answer() -> None:
    begun = asyncio.Event()

    async def slow(message: bytes, _: Peer) -> Sequence[bytes]:
        begun.set()
        await asyncio.sleep(0.3)
        return [message]

    async with listening(slow) as (listener, port):
        asked = asyncio.create_task(ask(port, framed(b"1")))
        await begun.wait()
        await listener.stop()
        assert await asked == framed(b"1")
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", port)


async def test_a_peer_is_known_by_its_address_and_its_certificate() -> None:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    for context, name in ((server, "127.0.0.1"), (client, "partner.example")):
        authority.issue_cert(name).configure_cert(context)
        authority.configure_trust(context)
    server.verify_mode = ssl.CERT_REQUIRED
    peers = []

    async def remember(message: bytes, peer: Peer) -> Sequence[bytes]:
        peers.append(peer)
        return [message]

    acknowledgement = b"MSH|^~\\&|||||20260101||ACK|9|P|2.5\rMSA|AA|7\r"
    async with listening(remember, tls=server) as (_, port):
        sender = Sender(Target("127.0.0.1", port, client))
        assert await sender.send(acknowledgement, "7") == acknowledgement
        await sender.close()
        stranger = ssl.create_default_context()
        authority.configure_trust(stranger)
        with pytest.raises(NotDelivered):
            await Sender(Target("127.0.0.1", port, stranger)).send(acknowledgement, "7")
    (peer,) = peers
    assert (peer.address, len(peer.certificate)) == ("127.0.0.1", 64)
