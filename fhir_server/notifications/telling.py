"""The next thing a Subscription is told: a handshake, a heartbeat, or its next events, as a message that can be sent.

What is told is judged here, right before it leaves: of what its writer may not see any more nothing but the number is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from fhir_server.auth.grant import Grant
from fhir_server.clock import Clock, instant
from fhir_server.model.parser import write
from fhir_server.search.indexer import Indexer
from fhir_server.search.sight import Sight
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.judge import shown
from fhir_server.storage.read import exact_versions
from fhir_server.storage.sights import sight_of
from fhir_server.storage.subscriptions import SUBSCRIPTION, Numbered, Row, numbered
from fhir_server.storage.version import Version
from integrations.channel import Kind, Outgoing
from subscriptions.notification import Event, Stamp, Told, event_notification, handshake, heartbeat
from subscriptions.request import Content, Requested
from subscriptions.topics import Interaction

Versions = Mapping[tuple[int, int], Version]
"""By internal id and version."""


@dataclass(frozen=True, slots=True)
class Message:
    """`last` is the number it acknowledges once it has arrived; `patients` are those whose data it carries."""

    outgoing: Outgoing
    last: int
    patients: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Teller:
    """What tells the subscribers of a server, at one moment."""

    indexer: Indexer
    clock: Clock

    def told(self, row: Row, asked: Requested, last: int) -> Told:
        base_url = self.indexer.base_url
        url = f"{base_url}/{SUBSCRIPTION}/{row.id}"
        return Told(url, asked.topic, row.state, last, row.problem or None, base_url)

    def stamp(self) -> Stamp:
        return Stamp(str(uuid4()), str(uuid4()), instant(self.clock.now()))

    def handshake(self, row: Row, asked: Requested) -> Message:
        body = write(handshake(self.told(row, asked, row.events), self.stamp())) if asked.topic else b""
        return Message(_outgoing("handshake", f"{name_of(row)}-handshake-{row.version}", body, asked), row.delivered)

    def heartbeat(self, row: Row, asked: Requested) -> Message:
        body = write(heartbeat(self.told(row, asked, row.events), self.stamp())) if asked.topic else b""
        return Message(_outgoing("heartbeat", f"{name_of(row)}-heartbeat-{uuid4()}", body, asked), row.delivered)

    async def events(self, connection: Connection, row: Row, asked: Requested, grant: Grant, last: int) -> Message:
        """Those up to `last`; the message of the same numbers has the same id, however often it is made."""
        found = await numbered(connection, row.rid, row.delivered + 1, last)
        versions = await versions_of(connection, found, asked.content)
        return await self.message(connection, row, asked, grant, last, found=found, versions=versions)

    async def message(  # noqa: PLR0913 - all that a message depends on
        self,
        connection: Connection,
        row: Row,
        asked: Requested,
        grant: Grant,
        last: int,
        *,
        found: Sequence[Numbered],
        versions: Versions,
    ) -> Message:
        """The same, of events and their versions that are there; others may be among these."""
        sight = sight_of(self.indexer.registry, self.indexer.base_url, grant, "r")
        events, released = await self._seen(connection, found, versions, sight, asked.content)
        name = f"{name_of(row)}-{row.delivered + 1}-{last}"
        if asked.topic is None:
            return Message(_plain(name, events, asked), last, released)
        told = self.told(row, asked, row.events)
        body = write(event_notification(told, events, asked.content, self.stamp()))
        return Message(_outgoing("events", name, body, asked), last, released)

    async def shown_events(
        self, connection: Connection, found: Sequence[Numbered], sight: Sight, content: Content
    ) -> tuple[list[Event], frozenset[str]]:
        """The events as far as `sight` shows them now, and the compartments of what leaves with them."""
        versions = await versions_of(connection, found, content)
        return await self._seen(connection, found, versions, sight, content)

    async def _seen(
        self, connection: Connection, found: Sequence[Numbered], versions: Versions, sight: Sight, content: Content
    ) -> tuple[list[Event], frozenset[str]]:
        if content == "empty":
            return [_event(one, None, content) for one in found], frozenset()
        there = dict.fromkeys(one.focus for one in found if one.focus in versions)
        shown_ = await shown(connection, sight, self.indexer, [versions[focus] for focus in there])
        seen = {(one.rid, one.version): one for one in shown_}
        events = [_event(one, seen.get(one.focus), content) for one in found]
        return events, frozenset(owner for one in seen.values() for owner in one.compartments)


async def versions_of(connection: Connection, found: Iterable[Numbered], content: Content) -> Versions:
    """What the events are about, where that is told."""
    return {} if content == "empty" else await exact_versions(connection, {one.focus for one in found})


def name_of(row: Row) -> str:
    """How ids of messages begin: never the same for two Subscriptions, also where one takes the other's id."""
    return f"{row.rid}-{row.began}"


def _event(one: Numbered, version: Version | None, content: Content) -> Event:
    focus = f"{version.type_name}/{version.id}" if version else None
    resource = load(version) if version and version.body and content == "full-resource" else None
    return Event(one.number, instant(one.recorded), focus, _interaction(one), resource)


def _interaction(one: Numbered) -> Interaction:
    match one.interaction:
        case "create" | "delete" as same:
            return same
    return "update"


def _outgoing(kind: Kind, name: str, body: bytes, asked: Requested) -> Outgoing:
    return Outgoing(name, body, asked.mime if body else "", kind=kind)


def _plain(name: str, events: Sequence[Event], asked: Requested) -> Outgoing:
    """R4's own: an empty POST, or the resource itself by PUT. https://hl7.org/fhir/R4/subscription.html#rest-hook."""
    resource = events[-1].resource if events else None
    if resource is None:
        return Outgoing(name, b"", "")
    return Outgoing(name, write(resource), asked.mime, "PUT", f"/{events[-1].focus}")
