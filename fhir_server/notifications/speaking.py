"""What is said next on a websocket that is bound to a Subscription: a handshake, its events in their order, heartbeats.

It is judged and on record right before it leaves. What a socket was given counts as told: the channel has no
acknowledgement. https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

from asyncio import Semaphore
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from fhir_server.audit.recorder import insert_records
from fhir_server.auth.grant import Grant
from fhir_server.errors import Issue, NotFound, Unprocessable
from fhir_server.notifications.passes import Pass, holder_of
from fhir_server.notifications.recording import record_of
from fhir_server.notifications.rights import binders_grant, grants
from fhir_server.notifications.telling import Message, Teller
from fhir_server.notifications.triggers import read
from fhir_server.outcome import outcome_body
from fhir_server.storage import subscriptions
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.find import Finder, load
from fhir_server.storage.read import exact_versions
from fhir_server.storage.subscriptions import SUBSCRIPTION, Row
from fhir_server.storage.transact import Writer
from subscriptions.request import Offer, Requested

TURNS: Final = 4
"""Connections to the database that the sockets of a process take at once: requests have the others (connections)."""

ENDED: Final = ("error", "off")


@dataclass(slots=True)
class Binding:
    """A Subscription on one socket."""

    rid: int
    began: int
    access: dict[str, Any] | None
    """What the access token of whoever bound it stood for."""
    position: int
    """The number of the last event that was told here, or before."""
    greetings: int = 0
    """Handshakes that are owed."""
    beats: bool = False
    """A heartbeat is due."""
    heartbeat_seconds: int | None = None
    asked: tuple[int, Requested | None] | None = None
    """What its version of that number asks for."""


@dataclass(frozen=True, slots=True)
class Said:
    """What is said; `moves` is how far (row, last number) that moves the Subscription on."""

    text: str
    kind: Literal["handshake", "events", "heartbeat", "end"]
    moves: tuple[Row, int] | None = None


@dataclass(frozen=True, slots=True)
class Speaker:
    """Of one event loop."""

    database: Database
    current: Callable[[], Awaitable[tuple[Writer, Finder]]]
    """The writer and the finder by the search parameters of now."""
    offer: Offer
    is_open: bool

    turns: Semaphore = field(default_factory=lambda: Semaphore(TURNS))

    async def bound(self, one: Pass) -> list[Binding]:
        """To each of its Subscriptions; raises `NotFound`, `Unprocessable`, `Unavailable`."""
        async with self.turns, self.database.connection() as connection:
            access = await subscriptions.access_of(connection, one.token_id)
            found = [await subscriptions.row(connection, rid) for rid, _ in one.subscriptions]
        bindings = []
        for row, (rid, began) in zip(found, one.subscriptions, strict=True):
            if row is None or row.began != began or not holder_of(access).has_written(row):
                raise NotFound(f"A {SUBSCRIPTION} of the token is not there any more, or another client's by now")
            if row.state in ENDED:
                raise Unprocessable(f"{SUBSCRIPTION}/{row.id} is {row.state}: it has to be requested again")
            bindings.append(Binding(rid, began, access, row.delivered))
        return bindings

    async def next(self, binding: Binding) -> Said | None:
        """What is due, on record; None where nothing is. Raises `Unavailable`, `TooCostly`, `Conflict`."""
        _, finder = await self.current()
        async with self.turns, self.database.transaction() as connection:
            row = await subscriptions.row(connection, binding.rid)
            if row is None or row.began != binding.began:
                return _end("The Subscription was deleted")
            if not holder_of(binding.access).has_written(row):
                return _end(f"{SUBSCRIPTION}/{row.id} was written by another client")
            asked = await self._asked(connection, binding, row)
            if asked is None or asked.channel != "websocket":
                return _end(f"{SUBSCRIPTION}/{row.id} is not told by websocket any more")
            teller = Teller(finder.indexer, self.database.clock)
            if row.state in ENDED:
                return _last(row, teller.heartbeat(row, asked))
            return await self._due(connection, binding, row, asked, teller) if row.state == "active" else None

    async def _asked(self, connection: Connection, binding: Binding, row: Row) -> Requested | None:
        """Read once a version; None where it cannot be read any more."""
        if binding.asked is None or binding.asked[0] != row.version:
            versions = await exact_versions(connection, [(row.rid, row.version)])
            try:
                binding.asked = row.version, read(load(versions[row.rid, row.version]), self.offer)
            except Unprocessable:
                binding.asked = row.version, None
        return binding.asked[1]

    async def _due(
        self, connection: Connection, binding: Binding, row: Row, asked: Requested, teller: Teller
    ) -> Said | None:
        """Whoever delivers ends what has expired or lost its access: it is woken, and nothing is said.

        The binder comes first: what both lose at once ends the Subscription, and not the binding alone.
        """
        binders = await binders_grant(connection, binding.access, is_open=self.is_open)
        grant = (await grants(connection, [row], is_open=self.is_open)).get(row.rid)
        if grant is None or (row.ends is not None and row.ends <= self.database.clock.now()):
            await subscriptions.wake(connection, [row.rid])
            return None
        if binders is None or not binders.includes(grant, "r"):
            return _end(f"{SUBSCRIPTION}/{row.id} is told more than the access token it was bound with allows")
        binding.heartbeat_seconds = row.heartbeat_seconds if asked.topic else None
        if binding.greetings:
            return Said(_text(teller.handshake(row, asked), f"bound {row.id}"), "handshake")
        binding.position = min(binding.position, row.delivered)  # it is less where somebody has wound it back
        here = replace(row, delivered=binding.position)
        if here.delivered < here.events:
            return await self._events(connection, here, asked, grant, teller)
        return (
            Said(_text(teller.heartbeat(here, asked)), "heartbeat", (here, here.delivered)) if binding.beats else None
        )

    async def _events(self, connection: Connection, row: Row, asked: Requested, grant: Grant, teller: Teller) -> Said:
        last = min(row.events, row.delivered + asked.max_count)
        message = await teller.events(connection, row, asked, grant, last)
        await insert_records(connection, [record_of(row, message)])
        return Said(_text(message, f"ping {row.id}"), "events", (row, last))

    async def moved(self, binding: Binding, said: Said) -> None:
        """It was given to the socket; raises `Unavailable`."""
        if said.moves is not None:
            row, last = said.moves
            async with self.turns, self.database.connection() as connection:
                await subscriptions.handed_over(connection, row, last)
            binding.position = last


def _text(message: Message, plain: str = "") -> str:
    """Without a topic it is R4's own word. https://hl7.org/fhir/R4/subscription.html#websocket."""
    return message.outgoing.body.decode() or plain


def _last(row: Row, message: Message) -> Said:
    text = _text(message)
    return Said(text, "end") if text else _end(f"{SUBSCRIPTION}/{row.id} is {row.state}")


def _end(text: str) -> Said:
    return Said(outcome_body([Issue("informational", text, severity="information")]).decode(), "end")
