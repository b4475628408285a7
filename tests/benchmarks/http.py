"""A cheap client: HTTP/1.1 with keep-alive on bare sockets, all connections in one process."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

Make = Callable[[int], bytes]
"""The bytes of request `number`."""

HEAD_END = b"\r\n\r\n"
LENGTH = b"\ncontent-length: "


class HttpConnection(asyncio.Protocol):
    """One request at a time; the answer is its status and body."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._received = b""
        self._waiting: asyncio.Future[tuple[int, bytes]] | None = None

    async def ask(self, request: bytes) -> tuple[int, bytes]:
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)  # type: ignore[attr-defined]
        return await self._waiting

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(HEAD_END)
        if not found:
            return
        _, _, after = head.lower().partition(LENGTH)
        if len(body) >= int(after.partition(b"\r")[0] or 0) and self._waiting:
            self._received = b""
            self._waiting.set_result((int(head[9:12]), body))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionResetError("the server closed the connection"))


@dataclass
class Load:
    """What a run of requests measured; latencies in seconds."""

    latencies: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds

    def percentile_ms(self, percent: int) -> float:
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000


@dataclass(frozen=True)
class Target:
    host: str
    port: int

    def request(self, method: str, path: str, body: bytes | None = None, headers: str = "") -> bytes:
        content = f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n" if body is not None else ""
        head = f"{method} /fhir{path} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\n{content}{headers}\r\n"
        return head.encode() + (body or b"")

    async def run(
        self, make: Make, expected: int, connections: int, seconds: float = 0, requests: int | None = None
    ) -> Load:
        """Requests for some `seconds`, or `requests` of them; an unexpected status is an error."""
        loop, load = asyncio.get_running_loop(), Load()
        opened = [(await loop.create_connection(HttpConnection, self.host, self.port))[1] for _ in range(connections)]
        numbers = iter(range(requests) if requests is not None else range(10**12))
        started = time.perf_counter()
        deadline = started + seconds if requests is None else float("inf")

        async def work(connection: HttpConnection) -> None:
            for number in numbers:
                request = make(number)
                began = time.perf_counter()
                status, body = await connection.ask(request)
                ended = time.perf_counter()
                if status != expected:
                    raise RuntimeError(f"HTTP {status} where {expected} is expected: {body[:500]!r}")
                load.latencies.append(ended - began)
                if ended >= deadline:
                    return

        await asyncio.gather(*(work(connection) for connection in opened))
        load.seconds = time.perf_counter() - started
        for connection in opened:
            connection.close()
        return load
