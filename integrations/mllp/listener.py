"""Messages of partners by MLLP, answered one after the other on each connection.

An answer leaves when `answer` has returned it: whatever it acknowledges is committed by then.
"""

import asyncio
import contextlib
import hashlib
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from integrations.mllp.framing import Framer, FramingError, framed

LOG = logging.getLogger(__name__)

READ_BYTES: Final = 64 * 1024
"""Read from a connection at once (bytes)."""

BACKLOG: Final = 1_024
"""Connections that wait to be accepted (connections)."""


@dataclass(frozen=True, slots=True)
class Limits:
    message_bytes_max: int = 8 * 2**20
    """Longest message (bytes)."""
    buffered_bytes_max: int = 256 * 2**20
    """Unfinished messages of all connections together (bytes)."""
    message_seconds_max: float = 30.0
    """From a message's first byte to its last (seconds)."""
    idle_seconds_max: float = 3_600.0
    """Between two messages of a connection (seconds)."""
    write_seconds_max: float = 30.0
    """For a partner to take an answer (seconds)."""
    connections_max: int = 2_000
    """Open at once; more are closed as they come (connections)."""
    connections_of_address_max: int = 200
    """Of these one address may have so many (connections)."""
    drain_seconds_max: float = 10.0
    """For messages under way when the listener stops (seconds)."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end: network address, and SHA-256 of the client's certificate (hex; "" where it has none)."""

    address: str
    certificate: str = ""


Answer = Callable[[bytes, Peer], Awaitable[Sequence[bytes]]]
"""What a message is answered with; nothing where nothing is wanted. Raising closes the connection unanswered."""


class Listener:
    """Accepts on a bound socket until stopped."""

    def __init__(self, answer: Answer, limits: Limits, tls: ssl.SSLContext | None = None) -> None:
        self._answer = answer
        self._limits = limits
        self._tls = tls
        self._open: set[asyncio.Task[None]] = set()
        self._busy: set[asyncio.Task[None]] = set()
        self._addresses: Counter[str] = Counter()
        self._buffered = 0
        self._server: asyncio.Server | None = None

    async def start(self, listener: socket.socket) -> None:
        handshake = self._limits.message_seconds_max if self._tls else None
        self._server = await asyncio.start_server(
            self._accept,
            sock=listener,
            ssl=self._tls,
            ssl_handshake_timeout=handshake,
            limit=READ_BYTES,
            backlog=BACKLOG,
        )

    async def stop(self) -> None:
        """Who is being answered gets the answer; all others are closed."""
        if self._server:
            self._server.close()
        for task in self._open - self._busy:
            task.cancel()
        if self._busy:
            await asyncio.wait(self._busy, timeout=self._limits.drain_seconds_max)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = _peer(writer).address
        if len(self._open) >= self._limits.connections_max or not self._admits(address):
            writer.close()
            return
        self._addresses[address] += 1
        task = asyncio.create_task(self._attend(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)
        task.add_done_callback(self._busy.discard)
        task.add_done_callback(lambda _: self._left(address))

    def _admits(self, address: str) -> bool:
        return self._addresses[address] < self._limits.connections_of_address_max

    def _left(self, address: str) -> None:
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    async def _attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        framer = Framer(self._limits.message_bytes_max)
        try:
            await self._serve(framer, reader, writer)
        except (FramingError, TimeoutError, OSError) as error:
            LOG.info("an MLLP connection is closed: %s", type(error).__name__)
        except Exception as error:  # noqa: BLE001 - without an answer the partner sends again
            LOG.error("an MLLP message could not be answered: %s", type(error).__name__)  # noqa: TRY400 - no values in the log
        finally:
            self._buffered -= framer.buffered_bytes
            with contextlib.suppress(OSError):
                writer.close()

    async def _serve(self, framer: Framer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer, loop = _peer(writer), asyncio.get_running_loop()
        deadline = loop.time() + self._limits.idle_seconds_max
        while self._server and self._server.is_serving():
            async with asyncio.timeout_at(deadline):
                data = await reader.read(READ_BYTES)
            if not data:
                return
            was_within = framer.is_within_message
            for message in self._received(framer, data):
                await self._reply(writer, message, peer)
                was_within = False
            deadline = self._deadline(framer, deadline, loop.time(), was_within=was_within)

    def _deadline(self, framer: Framer, deadline: float, now: float, *, was_within: bool) -> float:
        """A message has its time from its first byte: bytes that trickle in do not prolong it."""
        if not framer.is_within_message:
            return now + self._limits.idle_seconds_max
        return deadline if was_within else now + self._limits.message_seconds_max

    def _received(self, framer: Framer, data: bytes) -> list[bytes]:
        before = framer.buffered_bytes
        try:
            return framer.receive(data)
        finally:
            self._buffered += framer.buffered_bytes - before
            if self._buffered > self._limits.buffered_bytes_max:
                raise FramingError("unfinished messages of all connections are too long together")

    async def _reply(self, writer: asyncio.StreamWriter, message: bytes, peer: Peer) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - narrows the type
        self._busy.add(task)
        for answer in await self._answer(message, peer):
            writer.write(framed(answer))
        async with asyncio.timeout(self._limits.write_seconds_max):
            await writer.drain()
        self._busy.discard(task)


def _peer(writer: asyncio.StreamWriter) -> Peer:
    name = writer.get_extra_info("peername")
    tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    certificate = tls.getpeercert(binary_form=True) if tls else None
    return Peer(str(name[0]) if name else "", hashlib.sha256(certificate).hexdigest() if certificate else "")
