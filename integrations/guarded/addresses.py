"""Names to addresses: resolved here and nowhere else, and taken only where every address is out in the internet."""

import asyncio
import ipaddress
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from integrations.guarded.refusal import Unreachable

RESOLUTIONS_MAX: Final = 128
"""Hosts that are resolved at the same time (hosts). The system's resolver blocks a thread for each."""

CARRIER_GRADE_NAT: Final = ipaddress.ip_network("100.64.0.0/10")
NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
GLOBAL_UNICAST: Final = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is handed out to the internet. https://www.iana.org/assignments/ipv6-address-space"""


class Addresses:
    """One event loop's. A host has one resolution under way, however many ask: a slow one holds one thread."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._threads = ThreadPoolExecutor(RESOLUTIONS_MAX, thread_name_prefix="resolving")
        self._under_way: dict[tuple[str, int], asyncio.Future[list[Any]]] = {}

    async def address(self, host: str, port: int) -> str:
        """One of the host's addresses, none of which may be private; `Unreachable`, `OSError` or `ValueError`."""
        addresses = [str(entry[4][0]) for entry in await self._resolved(host, port)]
        if not addresses or not all(self._allow_private or is_public(address) for address in addresses):
            raise Unreachable("the host has a private address")
        return addresses[0]

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _resolved(self, host: str, port: int) -> list[Any]:
        future = self._under_way.get((host, port))
        if future is None:
            loop = asyncio.get_running_loop()
            future = loop.run_in_executor(self._threads, _ask, host, port)
            self._under_way[host, port] = future
            future.add_done_callback(lambda done: self._done((host, port), done))
        return await asyncio.shield(future)

    def _done(self, asked: tuple[str, int], future: asyncio.Future[list[Any]]) -> None:
        del self._under_way[asked]
        if not future.cancelled():
            future.exception()  # those who asked may have left


def _ask(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def is_public(address: str) -> bool:
    """Whether an address is out in the internet: not private, loopback, link-local, shared, reserved or multicast."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo[1] if parsed.teredo else None)
        if parsed in NAT64:
            inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if parsed not in GLOBAL_UNICAST:
            return False
    elif parsed in CARRIER_GRADE_NAT:
        return False
    return parsed.is_global and not parsed.is_multicast
