"""Fetching what a client's registration points to, without being turned against our own network.

The name is resolved once, every address it has must be public, and the connection goes to the address that was checked.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import httpx

SECONDS_MAX: Final = 5.0
"""Longest a fetch may take, name resolution included (seconds)."""

BYTES_MAX: Final = 256 * 1024
"""Largest answer that is read (bytes)."""

CARRIER_GRADE_NAT: Final = ipaddress.ip_network("100.64.0.0/10")
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")

OK: Final = 200


class Unreachable(Exception):
    """The URL is not one we fetch, or there was no answer we take; the message has no part of what was answered."""


class Fetched(NamedTuple):
    body: bytes
    headers: Mapping[str, str]


class Outbound:
    """`allow_private` opens plain HTTP and private addresses, for development."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private

    async def get(self, url: str) -> Fetched:
        """The answer to a GET, or `Unreachable`: after 5 s, past 256 KB, for a redirect, for a private address."""
        try:
            async with asyncio.timeout(SECONDS_MAX):
                return await self._get(url)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:  # TimeoutError is an OSError
            raise Unreachable(f"no answer: {type(error).__name__}") from error

    async def _get(self, url: str) -> Fetched:
        parts = urlsplit(url)
        if parts.hostname is None or parts.username is not None:
            raise Unreachable("the URL names no host")
        if parts.scheme != "https" and not (self._allow_private and parts.scheme == "http"):
            raise Unreachable("the URL is not https")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        address = await self._resolved(parts.hostname, port)
        target = httpx.URL(url).copy_with(host=address, port=port)
        named = {"Host": parts.netloc, "Accept": "application/json", "Accept-Encoding": "identity"}
        async with httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=SECONDS_MAX) as client:
            # The certificate is checked against the name, the connection goes to the checked address.
            extensions = {"sni_hostname": parts.hostname}
            async with client.stream("GET", target, headers=named, extensions=extensions) as answer:
                return await _read(answer)

    async def _resolved(self, host: str, port: int) -> str:
        """One of the host's addresses, none of which may be private."""
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = [str(entry[4][0]) for entry in found]
        if not addresses or not all(self._allow_private or is_public(address) for address in addresses):
            raise Unreachable("the host has a private address")
        return addresses[0]


def is_public(address: str) -> bool:
    """Whether an address is out in the internet: not private, loopback, link-local, shared, reserved or multicast."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if parsed in NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    elif parsed in CARRIER_GRADE_NAT:
        return False
    return parsed.is_global and not parsed.is_multicast


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
