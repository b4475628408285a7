"""The websockets of a process: what each is bound to, and who tells them, one message at a time.

A socket waits for its client to take a message before there is another: a client that does not read holds no more
than one, and is closed after SAY_SECONDS. docs/subscriptions/websocket.md
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fhir_server.errors import Forbidden, GalenicError, TooMany
from fhir_server.notifications.passes import Holder, Pass
from fhir_server.notifications.speaking import Binding, Said, Speaker
from fhir_server.notifications.watching import Watcher

LOG = logging.getLogger(__name__)

SOCKETS_MAX: Final = 500
"""Bound at once in one process (sockets)."""

WAITING_MAX: Final = 100
"""Open at once in one process without being bound yet (sockets)."""

ADDRESS_WAITING_MAX: Final = 20
"""The same, of one network address (sockets)."""

CLIENT_SOCKETS_MAX: Final = 20
"""Bound at once by one client in one process (sockets)."""

BINDINGS_MAX: Final = 50
"""Of one socket, and of one token (Subscriptions)."""

SAY_SECONDS: Final = 20.0
"""Longest a client may take to read a message (seconds)."""

RETRY_SECONDS: Final = 1.0
"""Until the database is asked again after it was away (seconds)."""

NORMAL: Final = 1000
POLICY: Final = 1008
"""https://www.rfc-editor.org/rfc/rfc6455#section-7.4.1"""

Say = Callable[[str], Awaitable[None]]


class Closing(Exception):
    """The socket is closed, with a code of RFC 6455."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sockets:
    """Of one event loop."""

    def __init__(self, speaker: Speaker, watcher: Watcher) -> None:
        self.speaker = speaker
        self.watcher = watcher
        self.of_clients: Counter[str] = Counter()
        """Those that are bound."""
        self.waiting: Counter[str] = Counter()
        """Those that are not bound yet, by addresses."""

    @contextmanager
    def opened(self, say: Say, address: str) -> Iterator["Socket"]:
        """A socket, forgotten afterwards; raises `TooMany`. What is not bound takes no place of what is."""
        if self.is_full or self.waiting.total() >= WAITING_MAX or self.waiting[address] >= ADDRESS_WAITING_MAX:
            raise TooMany("Too many websockets are open; try again shortly", headers={"Retry-After": "5"})
        self.waiting[address] += 1
        socket = Socket(self, say, address)
        try:
            yield socket
        finally:
            socket.leave()

    @property
    def is_full(self) -> bool:
        return self.of_clients.total() >= SOCKETS_MAX


class Socket:
    """Of one client."""

    def __init__(self, sockets: Sockets, say: Say, address: str) -> None:
        self._sockets = sockets
        self._say = say
        self._address = address
        self._holder: Holder | None = None
        self._bindings: dict[int, Binding] = {}
        self._due: dict[int, None] = {}
        """In the order in which they are told; those that have said something are last."""
        self._beats: dict[int, float] = {}
        """When the next heartbeat of each is due, in the loop's seconds."""
        self._woken = asyncio.Event()

    @property
    def is_bound(self) -> bool:
        return bool(self._bindings)

    async def bind(self, one: Pass) -> None:
        """To what it names, beside what there is. Raises `TooMany`, `Forbidden`, and what `Speaker.bound` raises."""
        if self._holder not in (None, one.holder):
            raise Forbidden("A websocket is one client's, and one person's")
        if len(self._bindings.keys() | {rid for rid, _ in one.subscriptions}) > BINDINGS_MAX:
            raise TooMany(f"A websocket is bound to {BINDINGS_MAX} Subscriptions at most")
        bindings = await self._sockets.speaker.bound(one)
        self._belongs_to(one.holder)
        for binding in bindings:
            known = self._bindings.setdefault(binding.rid, binding)
            known.access = binding.access
            known.greetings += 1
            self._sockets.watcher.watch(binding.rid, self.wake)
            self.wake(binding.rid)

    def _belongs_to(self, holder: Holder) -> None:
        """From now on it counts among those of its client."""
        if self._holder is not None:
            return
        if self._sockets.is_full:
            raise TooMany("Too many websockets are bound; try again shortly")
        if self._sockets.of_clients[self._payer(holder)] >= CLIENT_SOCKETS_MAX:
            raise TooMany(f"A client has {CLIENT_SOCKETS_MAX} websockets at most")
        self._holder = holder
        self._sockets.of_clients[self._payer(holder)] += 1
        _free(self._sockets.waiting, self._address)

    def _payer(self, holder: Holder) -> str:
        """Where nobody is asked who they are, an address is a client."""
        return f"client {holder.client}" if holder.client else f"address {self._address}"

    def wake(self, rid: int) -> None:
        """Something has happened to a Subscription."""
        self._due[rid] = None
        self._woken.set()

    def leave(self) -> None:
        """Nothing is told here any more."""
        for rid in tuple(self._bindings):
            self._unbind(rid)
        if self._holder is None:
            _free(self._sockets.waiting, self._address)
        else:
            _free(self._sockets.of_clients, self._payer(self._holder))

    async def speak(self) -> None:
        """Tells what there is to tell, for as long as the socket is open; raises `Closing`."""
        while True:
            await self._wait()
            try:
                for rid in tuple(self._due):
                    await self._turn(rid)
            except GalenicError as error:
                LOG.warning("a websocket waits for the database: %s", type(error).__name__)
                await asyncio.sleep(RETRY_SECONDS)

    async def _wait(self) -> None:
        """Until something is due."""
        try:
            async with asyncio.timeout_at(min(self._beats.values(), default=None)):
                while not self._due:
                    self._woken.clear()
                    await self._woken.wait()
        except TimeoutError:
            now = asyncio.get_running_loop().time()
            for rid in [rid for rid, due in self._beats.items() if due <= now]:
                self._bindings[rid].beats = True
                self._due[rid] = None
                del self._beats[rid]

    async def _turn(self, rid: int) -> None:
        """One message of one Subscription, if there is one."""
        self._due.pop(rid, None)
        binding = self._bindings.get(rid)
        if binding is None:
            return
        try:
            said = await self._sockets.speaker.next(binding)
            if said is not None:
                await self._tell(binding, said)
        except GalenicError:
            self._due[rid] = None
            raise
        self._plan(binding, spoke=said is not None)

    async def _tell(self, binding: Binding, said: Said) -> None:
        try:
            async with asyncio.timeout(SAY_SECONDS):
                await self._say(said.text)
        except TimeoutError as error:
            raise Closing(POLICY, "notifications were not read in time") from error
        await self._sockets.speaker.moved(binding, said)
        binding.greetings -= said.kind == "handshake"
        if said.kind == "end":
            self._unbind(binding.rid)
            if not self._bindings:
                raise Closing(NORMAL, "nothing is bound any more")

    def _plan(self, binding: Binding, *, spoke: bool) -> None:
        """After it has spoken it may have more to say; the next heartbeat is a period after this."""
        if binding.rid not in self._bindings:
            return
        if spoke:
            self._due[binding.rid] = None
        if spoke or binding.beats:
            binding.beats = False
            self._beats.pop(binding.rid, None)
            if binding.heartbeat_seconds is not None:
                self._beats[binding.rid] = asyncio.get_running_loop().time() + binding.heartbeat_seconds

    def _unbind(self, rid: int) -> None:
        del self._bindings[rid]
        self._due.pop(rid, None)
        self._beats.pop(rid, None)
        self._sockets.watcher.leave(rid, self.wake)


def _free(places: Counter[str], whose: str) -> None:
    places[whose] -= 1
    if not places[whose]:
        del places[whose]
