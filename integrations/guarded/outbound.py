"""Asking what others point to: the address is checked, time and answer are bounded, redirects are not followed."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Final, Literal, NamedTuple

import httpx

from integrations.guarded.addresses import Addresses
from integrations.guarded.connections import Connections, Request
from integrations.guarded.fields import Field, checked
from integrations.guarded.refusal import Unreachable
from integrations.guarded.targets import Target, fetched_from, sent_to

SECONDS_MAX: Final = 5.0
"""Longest a fetch may take, name resolution included (seconds)."""

BYTES_MAX: Final = 256 * 1024
"""Largest answer that is read (bytes)."""

DROPPED_BYTES_MAX: Final = 16 * 1024
"""What is read of the answer to something sent, to use the connection again (bytes)."""

DROPPED_SECONDS_MAX: Final = 1.0
"""The same (seconds)."""

OK: Final = 200
FETCHING: Final = (("Accept", "application/json"), ("Accept-Encoding", "identity"), ("User-Agent", "Galenic"))
SENDING: Final = (("User-Agent", "Galenic"),)

Method = Literal["POST", "PUT"]


class Fetched(NamedTuple):
    body: bytes
    headers: Mapping[str, str]


class Sent(NamedTuple):
    """Whatever the status is; of the answer there are only its headers."""

    status: int
    headers: Mapping[str, str]


class Outbound:
    """`allow_private` opens plain HTTP and private addresses, for development. One event loop's; `close` ends it.

    `tls` says whose certificates are trusted (default: those of the CA bundle that comes with httpx).
    """

    def __init__(
        self, *, allow_private: bool, tls: ssl.SSLContext | None = None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._allow_private = allow_private
        self._addresses = Addresses(allow_private=allow_private)
        tls = tls or httpx.create_ssl_context(trust_env=False)
        self._connections = Connections(self._addresses, tls, monotonic)

    async def get(self, url: str) -> Fetched:
        """The answer to a GET, or `Unreachable`: after 5 s, past 256 KB, for a redirect, for a private address."""
        async with _within(SECONDS_MAX):
            target = fetched_from(url, allow_private=self._allow_private)
            request = Request("GET", target, FETCHING)
            async with self._connections.once(target) as line, line.answer(request, SECONDS_MAX) as answer:
                return await _read(answer)

    async def send(self, method: Method, url: str, content: bytes, fields: Sequence[Field], seconds: float) -> Sent:
        """What was said to a POST or PUT, a redirect as well; `Unreachable` after `seconds`, `Refused` unasked."""
        async with _within(seconds):
            target = self.target(url)
            request = Request(method, target, (*SENDING, *checked(fields)), content)
            async with self._connections.kept(target) as line, line.answer(request, seconds) as answer:
                await _drop(answer)
                return Sent(answer.status_code, answer.headers)

    def target(self, url: str) -> Target:
        """Where `send` would send to, or `Refused`; asks nobody, so what its name resolves to is not known yet."""
        return sent_to(url, allow_private=self._allow_private)

    async def close(self) -> None:
        await self._connections.close()
        self._addresses.close()


@contextlib.asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:  # TimeoutError is an OSError
        raise Unreachable(f"no answer: {type(error).__name__}") from error


async def _read(answer: httpx.Response) -> Fetched:
    if answer.status_code != OK:
        raise Unreachable(f"the answer is {answer.status_code}")
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Unreachable("the answer is compressed, and may be any size")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > BYTES_MAX:
            raise Unreachable("the answer is too large")
    return Fetched(bytes(body), answer.headers)


async def _drop(answer: httpx.Response) -> None:
    """Reads a short answer to its end; of another the connection is closed. Either way its status stands."""
    dropped = 0
    with contextlib.suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(DROPPED_SECONDS_MAX):
            async for chunk in answer.aiter_raw():
                dropped += len(chunk)
                if dropped > DROPPED_BYTES_MAX:
                    return
