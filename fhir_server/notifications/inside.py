"""The in-process channel: code of ours is told of topics like any subscriber, each event once, by jobs.

The events of one resource for one listener are one job, in their order. What follows from an event, and that it is
over, are one commit: whoever dies in between has done neither. Events wait in the job as numbers, never a resource.
"""

import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

from psycopg.types.json import Jsonb

from fhir_server.storage import jobs
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.find import Finder, load
from fhir_server.storage.intents import Outcome, Resource
from fhir_server.storage.jobs import ATTEMPTS_MAX, Job, LeaseLost
from fhir_server.storage.read import exact_versions
from fhir_server.storage.subscriptions import Matched
from fhir_server.storage.transact import Batch, Writer

LOG = logging.getLogger(__name__)

KIND: Final = "react"

AGAIN_SECONDS: Final = 2.0
"""Until a listener that failed is told again: twice as long each time, until it is given up (seconds)."""

ADD: Final = """
INSERT INTO job (kind, key, payload) VALUES (%(kind)s, %(key)s, %(payload)s)
ON CONFLICT (key) DO UPDATE SET
    payload = jsonb_set(job.payload, '{events}', (job.payload -> 'events') || (excluded.payload -> 'events')),
    state = CASE job.state WHEN 'done' THEN 'waiting' ELSE job.state END,
    attempts = CASE job.state WHEN 'done' THEN 0 ELSE job.attempts END,
    finished = CASE job.state WHEN 'done' THEN NULL ELSE job.finished END,
    due = CASE job.state WHEN 'done' THEN now() ELSE job.due END
"""
"""What has failed goes on waiting for an operator, and what comes later behind it: they are in order."""

OVER: Final = """
UPDATE job SET payload = payload #- '{events,0}', position = position + 1, attempts = 0,
    state = CASE jsonb_array_length(payload -> 'events') WHEN 1 THEN 'done' ELSE 'running' END,
    finished = CASE jsonb_array_length(payload -> 'events') WHEN 1 THEN clock_timestamp() END
WHERE id = %(id)s AND fence = %(fence)s AND state = 'running' RETURNING payload -> 'events'
"""


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a topic. `resource` is the version the event made, None where it was deleted."""

    seq: int
    type_name: str
    id: str
    version: int
    resource: Resource | None


class Listener(Protocol):
    """Code that subscribes to a topic; `name` never changes, jobs are known by it."""

    name: str
    topic: str
    """The canonical."""

    async def told(self, event: Told) -> Batch | None:
        """What follows from it, written in one commit with the end of the event; None: nothing.

        It may be asked more than once for an event, and must have no other effect.
        """


class Pending(NamedTuple):
    """An event as it waits in a job."""

    seq: int
    rid: int
    version: int


async def add(connection: Connection, listener: str, events: Iterable[Matched]) -> None:
    """Events for a listener, in the transaction that moves the matcher's cursor past them."""
    for one in events:
        payload = {"listener": listener, "events": [[one.seq, one.rid, one.version]]}
        values = {"kind": KIND, "key": f"{KIND}/{listener}/{one.rid}", "payload": Jsonb(payload)}
        await connection.execute(ADD, values)


class Reactions:
    """What is done with these jobs."""

    kind = KIND
    lanes = 8

    def __init__(
        self,
        database: Database,
        current: Callable[[], Awaitable[tuple[Writer, Finder]]],
        listeners: Sequence[Listener],
    ) -> None:
        self._database = database
        self._current = current
        self._listeners = {listener.name: listener for listener in listeners}

    async def run(self, job: Job) -> None:
        """Until no event is left; raises `LeaseLost`, `LookupError` where an older release has no such listener."""
        listener = self._listeners[job.payload["listener"]]
        events: list[Any] = job.payload["events"]
        while events:
            events = await self._react(job, listener, Pending(*events[0]))

    async def abandon(self, job: Job, problem: str) -> None:
        """It is tried again ever later, and is `failed` in the end: an operator may have it tried once more."""
        async with self._database.connection() as connection:
            if job.attempts >= ATTEMPTS_MAX:
                await jobs.finish(connection, job, "failed", problem)
            else:
                await jobs.again(connection, job, AGAIN_SECONDS * 2.0**job.attempts, problem)

    async def tidy(self) -> None:
        """Nothing is left behind."""

    async def _react(self, job: Job, listener: Listener, event: Pending) -> list[Any]:
        """The events that are left."""
        left: list[Any] = []

        async def over(connection: Connection) -> None:
            row = await (await connection.execute(OVER, {"id": job.id, "fence": job.fence})).fetchone()
            if row is None:
                raise LeaseLost(f"job {job.id} is no longer held")
            left.extend(row[0])

        batch = await listener.told(await self._told(event))
        if batch is None:
            async with self._database.transaction() as connection:
                await over(connection)
        else:
            writer, _ = await self._current()
            await writer.write(_ending_with(batch, over))
        return left

    async def _told(self, event: Pending) -> Told:
        async with self._database.connection() as connection:
            (version,) = (await exact_versions(connection, [(event.rid, event.version)])).values()
        resource = load(version) if version.body is not None else None
        return Told(event.seq, version.type_name, version.id, version.version, resource)


def _ending_with(batch: Batch, over: Callable[[Connection], Awaitable[None]]) -> Batch:
    async def finish(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        if batch.finish:
            await batch.finish(connection, outcomes)
        await over(connection)

    return replace(batch, finish=finish)
