"""A receiver of webhooks that counts who connects, whatever comes of it."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import trustme


class Heard(NamedTuple):
    line: str
    """`POST /notify HTTP/1.1`"""
    headers: list[tuple[str, str]]
    """Names in lower case."""
    body: bytes

    def header(self, name: str) -> str:
        """The only value of a header."""
        (value,) = [value for header, value in self.headers if header == name]
        return value


Behave = Callable[[Heard, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Sink:
    port: int = 0
    reached: list[str] = field(default_factory=list)
    """The address at which each connection arrived, before TLS."""
    open: int = 0
    heard: list[Heard] = field(default_factory=list)

    @property
    def connections(self) -> int:
        return len(self.reached)


def answering(status: str = "200 OK", *headers: str, body: bytes = b"") -> Behave:
    """Says the same to everyone."""
    head = "\r\n".join([f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""])

    async def behave(_: Heard, writer: asyncio.StreamWriter) -> None:
        writer.write(head.encode() + body)
        await writer.drain()

    return behave


@contextlib.asynccontextmanager
async def listening(
    behave: Behave | None = None, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Sink]:
    sink = Sink()
    conversations: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sink.reached.append(writer.get_extra_info("sockname")[0])
        sink.open += 1
        try:
            with contextlib.suppress(OSError, EOFError, ValueError):
                if tls:
                    await writer.start_tls(tls)
                while True:
                    sink.heard.append(await _request(reader))
                    await (behave or answering())(sink.heard[-1], writer)
        finally:
            sink.open -= 1
            writer.close()

    def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(asyncio.create_task(accept(reader, writer)))

    server = await asyncio.start_server(accepted, host, 0)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)


async def _request(reader: asyncio.StreamReader) -> Heard:
    line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().removesuffix("\r\n\r\n").split("\r\n")
    headers = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    body = await reader.readexactly(int(dict(headers).get("content-length", "0")))
    return Heard(line, headers, body)


def certificates(*names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """What a sink of these names shows, and what trusts it."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert(*names).configure_cert(server)
    authority.configure_trust(client)
    return server, client
