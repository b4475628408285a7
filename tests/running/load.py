"""Many HTTP connections from one process, one request at a time each.

Without a pool and without retries: an answer that is lost is seen as lost.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

ANSWER_SECONDS_MAX = 60.0
HEADER_BYTES_MAX = 2**24


class Lost(Exception):
    """The connection ended before the answer was complete: whether the request was done is unknown."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def id(self) -> str:
        return self.json()["id"]

    @property
    def version(self) -> int:
        """By the ETag, which a deletion has as well."""
        found = re.fullmatch(r'W/"(\d+)"', self.headers["etag"])
        assert found, self.headers
        return int(found[1])


class Connection:
    """One keep-alive connection to one server; `send` raises `Lost` where the server goes away."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._host, self._port, self._base_path = parts.hostname, parts.port, parts.path
        self._writer: asyncio.StreamWriter | None = None
        self._reader = asyncio.StreamReader()

    async def send(self, method: str, path: str, resource: Any = None, **headers: str) -> Answer:
        """`path` is below the base; `headers` by their names with underscores (`if_match`)."""
        body = b"" if resource is None else json.dumps(resource).encode()
        try:
            async with asyncio.timeout(ANSWER_SECONDS_MAX):
                await self._open()
                assert self._writer is not None
                self._writer.write(self._head(method, path, headers, len(body)) + body)
                return await self._answer()
        except (OSError, EOFError, asyncio.IncompleteReadError) as error:
            await self.close()
            raise Lost from error

    async def _open(self) -> None:
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port, limit=HEADER_BYTES_MAX)

    async def open(self) -> Self:
        await self._open()
        return self

    async def close(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            try:
                await writer.wait_closed()
            except OSError:
                return

    def _head(self, method: str, path: str, headers: dict[str, str], length: int) -> bytes:
        lines = {"host": f"{self._host}:{self._port}", "content-length": str(length)}
        lines |= {"content-type": "application/fhir+json"}
        lines |= {name.replace("_", "-"): value for name, value in headers.items()}
        shown = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"{method} {self._base_path}{path} HTTP/1.1\r\n{shown}\r\n".encode()

    async def _answer(self) -> Answer:
        status_line, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, separator, value in (line.partition(":") for line in lines)
            if separator
        }
        body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return Answer(int(status_line.split(" ")[1]), headers, body)


@asynccontextmanager
async def connections(base_urls: Sequence[str], count: int) -> AsyncIterator[list[Connection]]:
    """`count` open connections, dealt in turn to the servers."""
    opened = [Connection(base_urls[number % len(base_urls)]) for number in range(count)]
    try:
        await asyncio.gather(*(connection.open() for connection in opened))
        yield opened
    finally:
        await asyncio.gather(*(connection.close() for connection in opened))


def status_of(entry: dict[str, Any]) -> int:
    """The status of one entry of a batch or transaction response."""
    return int(entry["response"]["status"].partition(" ")[0])
