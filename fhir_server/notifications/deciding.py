"""What is due for a Subscription, by its row as it is now: a message, an end it has come to, or nothing for a while."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol

from fhir_server.auth.grant import Grant
from fhir_server.errors import Unprocessable
from fhir_server.notifications.sites import Places
from fhir_server.notifications.telling import Message, Teller
from fhir_server.storage.subscriptions import Row
from integrations.channel import Hook, Outgoing
from subscriptions.request import Channel, Requested
from subscriptions.states import Happening

TIMEOUT_SECONDS: Final = 10
"""Longest a subscriber may take to answer, where the Subscription says nothing else (seconds)."""


class Carrier(Protocol):
    """What brings the messages of one channel to where they go."""

    @property
    def pause_seconds(self) -> float:
        """Between two messages of a Subscription, at least (seconds)."""

    def site(self, hook: Hook) -> str:
        """What messages under way are counted by: a host and port."""

    async def deliver(self, hook: Hook, message: Outgoing) -> None:
        """Returns once it has arrived; else `NotDelivered`."""


class Way(NamedTuple):
    """Where messages of a Subscription go."""

    carrier: Carrier
    hook: Hook

    @property
    def site(self) -> str:
        return self.carrier.site(self.hook)


@dataclass(frozen=True, slots=True)
class Send:
    """A message that is due."""

    row: Row
    message: Message
    way: Way


@dataclass(frozen=True, slots=True)
class Becomes:
    """What has happened to it, and what went wrong."""

    row: Row
    happening: Happening
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Tell:
    """Its events up to `last` are due."""

    row: Row
    asked: Requested
    grant: Grant
    way: Way
    last: int


class PutOff(NamedTuple):
    """There is nothing to do for so long."""

    seconds: float


class NoPlace(NamedTuple):
    """There is something, and too much under way where it goes."""

    site: str


OVER: Final = "over"
"""There is nothing to do until something happens."""

Decision = Send | Becomes | Tell | PutOff | NoPlace | Literal["over"]


@dataclass(frozen=True, slots=True)
class Deciding:
    """Of one moment."""

    teller: Teller
    now: datetime
    channels: Mapping[Channel, Carrier]
    secrets: Callable[[Row], tuple[bytes, ...]]
    """What the messages of a Subscription are signed with."""
    places: Places

    def decision(
        self, row: Row | None, grant: Grant | None, asked: Requested | Unprocessable | None, arrived: Send | None
    ) -> Decision:
        """By what its writer may see and what it asks for, which is not known where they may see nothing any more.

        `arrived` is what has arrived right before.
        """
        if row is None or row.state not in ("requested", "active"):
            return OVER
        if row.ends is not None and row.ends <= self.now:
            return Becomes(row, "expired")
        if grant is None or asked is None:
            return Becomes(row, "access_lost")
        if isinstance(asked, Unprocessable):
            return Becomes(row, "handshake_failed" if row.state == "requested" else "delivery_given_up", asked.message)
        return self._by_channel(row, grant, asked, arrived)

    def _by_channel(self, row: Row, grant: Grant, asked: Requested, arrived: Send | None) -> Decision:
        if row.state == "requested" and (asked.channel == "websocket" or _has_accepted(row, arrived)):
            return Becomes(row, "handshake_accepted")
        if asked.channel == "websocket":  # whoever holds its sockets tells it
            return self._rest(row, None)
        return self._message(row, grant, asked)

    def _message(self, row: Row, grant: Grant, asked: Requested) -> Decision:
        seconds = asked.timeout_seconds or TIMEOUT_SECONDS
        way = Way(self.channels[asked.channel], Hook(asked.endpoint, asked.headers, seconds, self.secrets(row), row.id))
        wait = self._wait(row, way)
        if wait > 0:
            return PutOff(wait)
        decided = self._next(row, grant, asked, way)
        if not isinstance(decided, Send | Tell):
            return decided
        if not self.places.has(way.site):
            return NoPlace(way.site)
        self.places.taken[way.site] += 1
        return decided

    def _wait(self, row: Row, way: Way) -> float:
        """Until it may be sent something again (seconds); not longer than 0 where it may now."""
        pause = way.carrier.pause_seconds
        if row.told is None or not pause:
            return 0.0
        return pause - (self.now - row.told).total_seconds()

    def _next(self, row: Row, grant: Grant, asked: Requested, way: Way) -> Decision:
        if row.state == "requested":
            return Send(row, self.teller.handshake(row, asked), way)
        if row.delivered < row.events:
            again = row.sending > row.delivered
            return Tell(row, asked, grant, way, row.sending if again else min(row.events, row.delivered + _most(asked)))
        beat = _next_beat(row) if asked.topic else None
        if beat is not None and beat <= self.now:
            return Send(row, self.teller.heartbeat(row, asked), way)
        return self._rest(row, beat)

    def _rest(self, row: Row, beat: datetime | None) -> Decision:
        """Nothing is left to tell: until the next heartbeat, or until it ends."""
        moments = [one for one in (beat, row.ends) if one is not None]
        return PutOff(max((min(moments) - self.now).total_seconds(), 0)) if moments else OVER


def _has_accepted(row: Row, arrived: Send | None) -> bool:
    """Whether it was a handshake of this version that has arrived."""
    return arrived is not None and arrived.message.outgoing.kind == "handshake" and arrived.row.version == row.version


def _most(asked: Requested) -> int:
    return asked.max_count if asked.topic or asked.channel == "email" else 1


def _next_beat(row: Row) -> datetime | None:
    if row.heartbeat_seconds is None or row.told is None:
        return None
    return row.told + timedelta(seconds=row.heartbeat_seconds)
