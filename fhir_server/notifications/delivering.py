"""Delivery: each Subscription is told its events in their order, one message at a time, until each has arrived.

At least once: what is sent is on record, and under its numbers in the database, before it is sent; whoever takes over
from a worker that died sends the same numbers again under the same id. No transaction waits for a subscriber.
"""

import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import uuid4

from fhir_server.audit.recorder import insert_records
from fhir_server.auth.context import system_context
from fhir_server.auth.grant import Grant
from fhir_server.errors import NotFound, Stale, Unprocessable
from fhir_server.notifications.recording import record_of
from fhir_server.notifications.rights import grants
from fhir_server.notifications.telling import Message, Teller
from fhir_server.notifications.triggers import read
from fhir_server.storage import jobs, subscriptions
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.find import Finder, load
from fhir_server.storage.intents import Intent, Precondition, Resource
from fhir_server.storage.jobs import Job
from fhir_server.storage.read import exact_versions
from fhir_server.storage.subscriptions import SUBSCRIPTION, Row
from fhir_server.storage.transact import Batch, Writer
from integrations.channel import Gone, Hook, NotDelivered, Outgoing
from subscriptions.request import Channel, Offer, Requested
from subscriptions.retrying import GIVE_UP_SECONDS, delay
from subscriptions.states import Happening, next_state

LOG = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 10
"""Longest a subscriber may take to answer, where the Subscription says nothing else (seconds)."""

LANES: Final = 64
"""Subscriptions that one worker tells at the same time (Subscriptions)."""

AGAIN_SECONDS: Final = 60.0
"""Until what failed in a way nobody foresaw is tried again (seconds)."""

SITE_MAX: Final = 8
"""Messages under way to one host and port at once: others have lanes, however slow it is (messages)."""

SITE_WAIT_SECONDS: Final = 0.25
"""Until a Subscription whose host has enough of them is looked at again (seconds)."""

TURN_MAX: Final = 20
"""Messages that a Subscription is told before others that wait have their turn (messages)."""

TRIED: Final = "UPDATE subscription SET sending = %(last)s WHERE rid = %(rid)s"
ARRIVED: Final = """
UPDATE subscription SET delivered = CASE WHEN sending = %(last)s THEN %(last)s ELSE delivered END, attempts = 0,
    failing_since = NULL, problem = '', told = clock_timestamp() WHERE rid = %(rid)s AND version = %(version)s
"""
"""Whoever has wound back meanwhile has the last word."""

FAILED: Final = """
UPDATE subscription SET failing_since = coalesce(failing_since, clock_timestamp()), problem = %(problem)s,
    attempts = %(attempts)s
WHERE rid = %(rid)s AND version = %(version)s
"""


class Carrier(Protocol):
    """What brings the messages of one channel to where they go."""

    @property
    def pause_seconds(self) -> float:
        """Between two messages of a Subscription, at least (seconds)."""

    def site(self, hook: Hook) -> str:
        """What messages under way are counted by: a host and port."""

    async def deliver(self, hook: Hook, message: Outgoing) -> None:
        """Returns once it has arrived; else `NotDelivered`."""


@dataclass(frozen=True, slots=True)
class Due:
    """What has to be done for a Subscription: a message to send, or an end it has come to."""

    row: Row
    message: Message | None = None
    to: tuple[Carrier, Hook] | None = None
    happening: Happening | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What is done with the jobs of storage/subscriptions.py."""

    database: Database
    current: Callable[[], Awaitable[tuple[Writer, Finder]]]
    """The writer and the finder by the search parameters of now."""
    channels: Mapping[Channel, Carrier]
    secrets: Callable[[Row], tuple[bytes, ...]]
    """What the messages of a Subscription are signed with."""
    offer: Offer
    is_open: bool

    at_site: Counter[str] = field(default_factory=Counter)
    """Messages under way by host and port."""

    kind = subscriptions.KIND
    lanes = LANES

    async def run(self, job: Job) -> None:
        """Until there is nothing left, a message has not arrived, or others have their turn.

        Raises `LeaseLost`, `Unavailable`.
        """
        for _ in range(TURN_MAX):
            due = await self._next(job)
            if due is None:
                return
            if due.happening is not None:
                await self._becomes(due.row, due.happening, due.problem)
            elif due.message and due.to and not await self._sent(job, due.row, due.message, *due.to):
                return
        async with self.database.connection() as connection:
            await jobs.postpone(connection, job, 0)

    async def abandon(self, job: Job, problem: str) -> None:
        """Nobody is given up for an error of ours."""
        LOG.error("a Subscription is told later, job %s: %s", job.id, problem)
        async with self.database.connection() as connection:
            await jobs.postpone(connection, job, AGAIN_SECONDS)

    async def tidy(self) -> None:
        """Nothing is left behind: rows go with their Subscription."""

    async def _next(self, job: Job) -> Due | None:
        """What is due, in one commit with the record of it; None where nothing is, and the job is over or waits."""
        _, finder = await self.current()
        async with self.database.transaction() as connection:
            row = await subscriptions.row(connection, int(job.payload["subscription"]), lock=True)
            await jobs.advance(connection, job)
            if row is None or row.state not in ("requested", "active"):
                await jobs.finish(connection, job, "done")
                return None
            grant = (await grants(connection, [row], is_open=self.is_open)).get(row.rid)
            happening = self._over(row, grant)
            if happening is not None or grant is None:
                return Due(row, happening=happening or "access_lost")
            return await self._message(connection, job, row, grant, Teller(finder.indexer, self.database.clock))

    def _over(self, row: Row, grant: Grant | None) -> Happening | None:
        if row.ends is not None and row.ends <= self.database.clock.now():
            return "expired"
        return "access_lost" if grant is None else None

    async def _message(self, connection: Connection, job: Job, row: Row, grant: Grant, teller: Teller) -> Due | None:
        try:
            asked = await self._asked(connection, row)
        except Unprocessable as error:
            return Due(row, happening=_failure(row), problem=error.message)
        if asked.channel == "websocket":
            return await self._by_socket(connection, job, row)
        to = carrier, hook = self.channels[asked.channel], self._hook(row, asked)
        wait = self._wait(row, carrier, hook)
        if wait > 0:
            await jobs.postpone(connection, job, wait)
            return None
        if row.state == "requested":
            return Due(row, teller.handshake(row, asked), to)
        if row.delivered < row.events:
            last = row.sending if row.sending > row.delivered else min(row.events, row.delivered + _most(asked))
            message = await teller.events(connection, row, asked, grant, last)
            await connection.execute(TRIED, {"rid": row.rid, "last": last})
            await insert_records(connection, [record_of(row, message)])
            return Due(row, message, to)
        beat = Due(row, teller.heartbeat(row, asked), to) if asked.topic else None
        return await self._rest(connection, job, row, beat)

    def _wait(self, row: Row, carrier: Carrier, hook: Hook) -> float:
        """Until it may be sent something again (seconds); not longer than 0 where it may now."""
        if self.at_site[carrier.site(hook)] >= SITE_MAX:
            return SITE_WAIT_SECONDS
        if row.told is None:
            return 0.0
        return carrier.pause_seconds - (self.database.clock.now() - row.told).total_seconds()

    async def _by_socket(self, connection: Connection, job: Job, row: Row) -> Due | None:
        """Whoever holds its sockets tells it; here it becomes active, and comes to its end."""
        if row.state == "requested":
            return Due(row, happening="handshake_accepted")
        return await self._rest(connection, job, row, None)

    async def _rest(self, connection: Connection, job: Job, row: Row, beat: Due | None) -> Due | None:
        """Nothing is left to tell: until the next heartbeat, or until it ends."""
        moments = [one for one in (_next_beat(row) if beat else None, row.ends) if one is not None]
        if not moments:
            await jobs.finish(connection, job, "done")
            return None
        wait = (min(moments) - self.database.clock.now()).total_seconds()
        if beat and wait <= 0:
            return beat
        await jobs.postpone(connection, job, max(wait, 0))
        return None

    async def _asked(self, connection: Connection, row: Row) -> Requested:
        versions = await exact_versions(connection, [(row.rid, row.version)])
        return read(load(versions[row.rid, row.version]), self.offer)

    def _hook(self, row: Row, asked: Requested) -> Hook:
        seconds = asked.timeout_seconds or TIMEOUT_SECONDS
        return Hook(asked.endpoint, asked.headers, seconds, self.secrets(row), row.id)

    async def _sent(self, job: Job, row: Row, message: Message, carrier: Carrier, hook: Hook) -> bool:
        """Whether it has arrived, or need not: what comes next may be done."""
        site = carrier.site(hook)
        self.at_site[site] += 1
        try:
            await carrier.deliver(hook, message.outgoing)
        except NotDelivered as error:
            return await self._not_arrived(job, row, message, error)
        finally:
            self.at_site[site] -= 1
        async with self.database.transaction() as connection:
            values = {"rid": row.rid, "version": row.version, "last": message.last}
            await connection.execute(ARRIVED, values)
            await jobs.advance(connection, job, 1)
        if message.outgoing.kind == "handshake":
            await self._becomes(row, "handshake_accepted")
        return True

    async def _not_arrived(self, job: Job, row: Row, message: Message, error: NotDelivered) -> bool:
        LOG.warning("Subscription %s, %s: %s", row.id, message.outgoing.message_id, error.reason)
        if message.outgoing.kind == "handshake":
            await self._becomes(row, "handshake_failed", error.reason)
            return True
        if isinstance(error, Gone) or self._has_failed_too_long(row):
            await self._becomes(row, "delivery_given_up", error.reason)
            return True
        attempts = row.attempts + 1
        wait = error.retry_after_seconds or delay(attempts, random.random)
        async with self.database.transaction() as connection:
            values = {"rid": row.rid, "version": row.version, "problem": error.reason, "attempts": attempts}
            await connection.execute(FAILED, values)
            await jobs.postpone(connection, job, wait)
        return False

    def _has_failed_too_long(self, row: Row) -> bool:
        since = row.failing_since
        return since is not None and self.database.clock.now() - since > timedelta(seconds=GIVE_UP_SECONDS)

    async def _becomes(self, row: Row, happening: Happening, problem: str = "") -> None:
        """Writes the next version of the Subscription; whoever has written it meanwhile has the last word."""
        state = next_state(row.state, happening)
        if state is None:
            return

        def patch(resource: Resource) -> Resource:
            kept = {name: value for name, value in resource.items() if name != "error"}
            return kept | {"status": state} | ({"error": problem} if problem else {})

        there = Precondition(versions=frozenset({row.version}))
        intent = Intent("patch", SUBSCRIPTION, str(uuid4()), row.id, patch=patch, precondition=there)
        writer, _ = await self.current()
        try:
            await writer.write(Batch([intent], system_context()))
        except (Stale, NotFound):
            LOG.info("Subscription %s was changed meanwhile", row.id)


def _failure(row: Row) -> Happening:
    return "handshake_failed" if row.state == "requested" else "delivery_given_up"


def _most(asked: Requested) -> int:
    return asked.max_count if asked.topic or asked.channel == "email" else 1


def _next_beat(row: Row) -> datetime | None:
    if row.heartbeat_seconds is None or row.told is None:
        return None
    return row.told + timedelta(seconds=row.heartbeat_seconds)
