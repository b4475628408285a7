"""Connections to addresses that were checked, kept for the next request where that is asked for.

Kept ones are a host's and not an address's: another name with the same address has to show a certificate of its own.
"""

import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

import httpx

from integrations.guarded.addresses import Addresses
from integrations.guarded.fields import Field
from integrations.guarded.targets import Site, Target

CHECKED_SECONDS_MAX: Final = 60.0
"""How long after the check of an address a request may go there (seconds)."""

IDLE_SECONDS_MAX: Final = 3.0
"""How long a connection is kept without a request (seconds). Common servers close theirs after 5 s."""

IDLE_CONNECTIONS_MAX: Final = 4
"""Connections to one host that are kept without a request (connections)."""


class Request(NamedTuple):
    method: str
    target: Target
    fields: Sequence[Field]
    """Without `Host`, which is the target's."""
    content: bytes = b""


class Line:
    """Connections to one host at one address. Knows no cookies, no redirects and no proxies."""

    def __init__(self, address: str, tls: ssl.SSLContext) -> None:
        self._address = address
        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS_MAX, keepalive_expiry=IDLE_SECONDS_MAX
        )
        self._transport = httpx.AsyncHTTPTransport(verify=tls, limits=limits)

    @asynccontextmanager
    async def answer(self, request: Request, seconds: float) -> AsyncIterator[httpx.Response]:
        """The answer's beginning; what follows is there to be read. `seconds` is for each step of its own."""
        target = request.target
        sent = httpx.Request(
            request.method,
            target.at(self._address),
            headers=[("Host", target.authority), *request.fields],
            content=request.content,
            # The certificate is checked against the name, the connection goes to the checked address.
            extensions={"sni_hostname": target.host, "timeout": httpx.Timeout(seconds).as_dict()},
        )
        answer = await self._transport.handle_async_request(sent)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def close(self) -> None:
        await self._transport.aclose()


@dataclass(slots=True)
class _Kept:
    line: Line
    until: float
    used: float
    users: int = 0


class Connections:
    """One event loop's; `monotonic` in seconds. What is idle is closed when the next request comes, or by `close`."""

    def __init__(self, addresses: Addresses, tls: ssl.SSLContext, monotonic: Callable[[], float]) -> None:
        self._addresses = addresses
        self._tls = tls
        self._monotonic = monotonic
        self._kept: dict[Site, _Kept] = {}

    @asynccontextmanager
    async def once(self, target: Target) -> AsyncIterator[Line]:
        """Connections for one request."""
        line = await self._line(target)
        try:
            yield line
        finally:
            await line.close()

    @asynccontextmanager
    async def kept(self, target: Target) -> AsyncIterator[Line]:
        """Connections that others may have used, and may use after."""
        await self._sweep()
        kept = await self._at(target)
        kept.users += 1
        try:
            yield kept.line
        finally:
            kept.users -= 1
            kept.used = self._monotonic()
            if not kept.users and self._kept.get(target.site) is not kept:
                await kept.line.close()

    async def close(self) -> None:
        while self._kept:
            await self._kept.popitem()[1].line.close()

    async def _at(self, target: Target) -> _Kept:
        if target.site not in self._kept:
            asked = self._monotonic()
            line = await self._line(target)
            # Another request may have come first; a line without requests has nothing to close.
            self._kept.setdefault(target.site, _Kept(line, asked + CHECKED_SECONDS_MAX, asked))
        return self._kept[target.site]

    async def _line(self, target: Target) -> Line:
        return Line(await self._addresses.address(target.host, target.port), self._tls)

    async def _sweep(self) -> None:
        """No request goes by an old check; those under way by it end, and the last one closes its line."""
        now = self._monotonic()
        idle = (site for site, one in self._kept.items() if not one.users and now >= one.used + IDLE_SECONDS_MAX)
        old = (site for site, one in self._kept.items() if now >= one.until)
        for site in {*idle, *old}:
            kept = self._kept.pop(site, None)
            if kept and not kept.users:
                await kept.line.close()
