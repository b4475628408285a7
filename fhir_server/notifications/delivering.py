"""Delivery: each Subscription is told its events in their order, one message at a time, until each has arrived.

At least once: what is sent is on record, and under its numbers in the database, before it is sent; whoever takes over
from a worker that died sends the same numbers again under the same id. No transaction waits for a subscriber.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Literal
from uuid import uuid4

from fhir_server.auth.context import system_context
from fhir_server.errors import NotFound, Stale
from fhir_server.notifications.deciding import Becomes, Carrier, Send
from fhir_server.notifications.preparing import BUSY, Answer, Preparing, Step
from fhir_server.notifications.sites import SLOW_MAX, Sites
from fhir_server.notifications.telling import Teller
from fhir_server.storage import jobs, rounds, subscriptions
from fhir_server.storage.database import Database
from fhir_server.storage.find import Finder
from fhir_server.storage.intents import Intent, Precondition, Resource
from fhir_server.storage.jobs import Job
from fhir_server.storage.subscriptions import SUBSCRIPTION, Row
from fhir_server.storage.transact import Batch, Writer
from fhir_server.together import Together
from integrations.channel import Gone, NotDelivered
from subscriptions.request import Channel, Offer
from subscriptions.retrying import GIVE_UP_SECONDS, delay
from subscriptions.states import Happening, next_state

LOG = logging.getLogger(__name__)

LANES: Final = 2 * SLOW_MAX
"""Subscriptions that one worker tells at the same time: half of them are never slow ones' (Subscriptions)."""

AGAIN_SECONDS: Final = 60.0
"""Until what failed in a way nobody foresaw is tried again (seconds)."""

BUSY_SECONDS: Final = 0.05
"""Until a Subscription that somebody else is at is asked for again (seconds)."""

TURN_MAX: Final = 20
"""Messages that a Subscription is told before others that wait have their turn (messages)."""

FAILED: Final = """
UPDATE subscription SET failing_since = coalesce(failing_since, clock_timestamp()), problem = %(problem)s,
    attempts = %(attempts)s
WHERE rid = %(rid)s AND version = %(version)s
"""

Outcome = Literal["arrived", "put off", "dealt with"]


@dataclass
class Delivery:
    """What is done with the jobs of storage/subscriptions.py. One event loop's."""

    database: Database
    current: Callable[[], Awaitable[tuple[Writer, Finder]]]
    """The writer and the finder by the search parameters of now."""
    channels: Mapping[Channel, Carrier]
    secrets: Callable[[Row], tuple[bytes, ...]]
    """What the messages of a Subscription are signed with."""
    offer: Offer
    is_open: bool

    sites: Sites = field(default_factory=Sites)
    _together: Together[Step, Answer] = field(init=False)

    kind = subscriptions.KIND
    lanes = LANES

    def __post_init__(self) -> None:
        preparing = Preparing(
            self.database, self._teller, self.channels, self.secrets, self.offer, self.is_open, self.sites
        )
        self._together = Together(preparing.prepared)

    async def run(self, job: Job) -> None:
        """Until there is nothing left, a message has not arrived, or others have their turn.

        Raises `LeaseLost`, `Unavailable`.
        """
        arrived: Send | None = None
        for _ in range(TURN_MAX):
            due = await self._next(Step(job, arrived, is_last=False))
            arrived = None
            if due is None:
                return
            if isinstance(due, Becomes):
                await self._becomes(due.row, due.happening, due.problem)
                continue
            outcome = await self._sent(job, due)
            if outcome == "put off":
                return
            arrived = due if outcome == "arrived" else None
        await self._next(Step(job, arrived, is_last=True))

    async def abandon(self, job: Job, problem: str) -> None:
        """Nobody is given up for an error of ours."""
        LOG.error("a Subscription is told later, job %s: %s", job.id, problem)
        async with self.database.connection() as connection:
            await jobs.postpone(connection, job, AGAIN_SECONDS)

    async def tidy(self) -> None:
        """Nothing is left behind: rows go with their Subscription."""

    async def _teller(self) -> Teller:
        _, finder = await self.current()
        return Teller(finder.indexer, self.database.clock)

    async def _next(self, step: Step) -> Send | Becomes | None:
        """What is due; None where nothing is, and the job is over or waits."""
        answer = await self._together.ask(step)
        while answer == BUSY:
            await asyncio.sleep(BUSY_SECONDS)
            answer = await self._together.ask(step)
        return answer

    async def _sent(self, job: Job, due: Send) -> Outcome:
        try:
            await self._deliver(due)
        except NotDelivered as error:
            return await self._not_arrived(job, due, error)
        return "arrived"

    async def _deliver(self, due: Send) -> None:
        carrier, hook = due.way
        try:
            await carrier.deliver(hook, due.message.outgoing)
        finally:
            self.sites.end(due.row.rid)

    async def _not_arrived(self, job: Job, due: Send, error: NotDelivered) -> Outcome:
        row, outgoing = due.row, due.message.outgoing
        LOG.warning("Subscription %s, %s: %s", row.id, outgoing.message_id, error.reason)
        if outgoing.kind == "handshake":
            await self._becomes(row, "handshake_failed", error.reason)
            return "dealt with"
        if isinstance(error, Gone) or self._has_failed_too_long(row):
            await self._becomes(row, "delivery_given_up", error.reason)
            return "dealt with"
        attempts = row.attempts + 1
        wait = error.retry_after_seconds or delay(attempts, random.random)
        async with self.database.transaction() as connection:
            values = {"rid": row.rid, "version": row.version, "problem": error.reason, "attempts": attempts}
            await connection.execute(FAILED, values)
            await jobs.postpone(connection, job, wait)
            await rounds.wake(connection, self.sites.next(self.sites.places()))
        return "put off"

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
