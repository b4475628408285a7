"""Rounds of Subscriptions that are told something together: what they say to the database, one statement for all."""

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Final, Literal, NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from fhir_server.storage.database import Connection
from fhir_server.storage.jobs import LEASE_SECONDS, Job
from fhir_server.storage.subscriptions import ROWS_OF, Numbered, Row

Held = Literal["held", "busy", "lost"]
"""Of a job: its own and its Subscription's row are locked; somebody else is at the Subscription; it was overtaken."""

HOLD: Final = """
WITH asked AS (
    SELECT * FROM unnest(%(jobs)s::uuid[], %(fences)s::bigint[], %(rids)s::bigint[], %(done)s::int[])
                  WITH ORDINALITY AS a (job, fence, rid, done, place)
), free_subscription AS (
    SELECT rid FROM subscription WHERE rid = ANY(%(rids)s) FOR UPDATE SKIP LOCKED
), free_job AS (
    SELECT id FROM job WHERE id = ANY(%(jobs)s) FOR UPDATE SKIP LOCKED
), held AS (
    UPDATE job SET position = position + a.done, total = greatest(total, position + a.done),
                   attempts = CASE WHEN a.done > 0 THEN 0 ELSE attempts END, heartbeat = clock_timestamp(),
                   lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
    FROM asked a
    WHERE job.id = a.job AND job.fence = a.fence AND job.state = 'running' AND job.id IN (SELECT id FROM free_job)
          AND (a.rid IN (SELECT rid FROM free_subscription)
               OR NOT EXISTS (SELECT FROM subscription s WHERE s.rid = a.rid))
    RETURNING a.place
)
SELECT CASE WHEN place IN (SELECT place FROM held) THEN 'held'
            WHEN EXISTS (SELECT FROM job j WHERE j.id = job AND j.fence = a.fence AND j.state = 'running') THEN 'busy'
            ELSE 'lost' END
FROM asked a ORDER BY place
"""
"""Nobody waits for a row that somebody else is at: whoever held others meanwhile might be waited for in turn."""

ARRIVED: Final = """
UPDATE subscription s SET delivered = CASE WHEN s.sending = a.last THEN a.last ELSE s.delivered END, attempts = 0,
    failing_since = NULL, problem = '', told = clock_timestamp()
FROM unnest(%(rids)s::bigint[], %(versions)s::int[], %(lasts)s::bigint[]) AS a (rid, version, last)
WHERE s.rid = a.rid AND s.version = a.version
"""
"""Whoever has wound back meanwhile has the last word."""

TRIED: Final = """
UPDATE subscription s SET sending = a.last FROM unnest(%(rids)s::bigint[], %(lasts)s::bigint[]) AS a (rid, last)
WHERE s.rid = a.rid
"""
ENDED: Final = "UPDATE job SET state = 'done', finished = clock_timestamp(), problem = NULL WHERE id = ANY(%s)"
PUT_OFF: Final = """
UPDATE job SET state = 'waiting', attempts = 0, lease_until = NULL,
               due = clock_timestamp() + make_interval(secs => a.seconds)
FROM unnest(%(jobs)s::uuid[], %(seconds)s::float8[]) AS a (job, seconds) WHERE job.id = a.job
"""
WAKE: Final = """
WITH free AS (
    SELECT id FROM job JOIN unnest(%(jobs)s::uuid[], %(fences)s::bigint[]) AS a (job, fence)
                            ON job.id = a.job AND job.fence = a.fence
    WHERE state = 'waiting' FOR UPDATE OF job SKIP LOCKED
)
UPDATE job SET due = least(due, clock_timestamp()) FROM free WHERE job.id = free.id
"""
BETWEEN: Final = """
SELECT n.subscription, n.number, n.recorded, n.rid, n.version, n.interaction
FROM unnest(%(rids)s::bigint[], %(firsts)s::bigint[], %(lasts)s::bigint[]) AS a (rid, first, last)
     JOIN notification n ON n.subscription = a.rid AND n.number BETWEEN a.first AND a.last
ORDER BY n.subscription, n.number
"""


class Asked(NamedTuple):
    """Of a job that tells a Subscription; `has_arrived`: a message of it has."""

    job: Job
    rid: int
    has_arrived: bool


class Waiting(NamedTuple):
    """A job that waits since the claim of that fence."""

    job: UUID
    fence: int


class Arrived(NamedTuple):
    """The Subscription's version and the last number of a message that has arrived."""

    rid: int
    version: int
    last: int


class Range(NamedTuple):
    """A range of a Subscription's numbers, ends included."""

    rid: int
    first: int
    last: int


async def hold(connection: Connection, asked: Sequence[Asked]) -> list[Held]:
    """Locks the rows, and begins the leases again; in the order of `asked`."""
    values = {
        "jobs": [one.job.id for one in asked],
        "fences": [one.job.fence for one in asked],
        "rids": [one.rid for one in asked],
        "done": [int(one.has_arrived) for one in asked],
        "lease": LEASE_SECONDS,
    }
    return [held for (held,) in await (await connection.execute(HOLD, values)).fetchall()]


async def arrived(connection: Connection, messages: Sequence[Arrived]) -> None:
    """Writes down that they are told, as far as nobody has changed the Subscription meanwhile."""
    if messages:
        rids, versions, lasts = (list(column) for column in zip(*messages, strict=True))
        await connection.execute(ARRIVED, {"rids": rids, "versions": versions, "lasts": lasts})


async def rows_of(connection: Connection, rids: Sequence[int]) -> dict[int, Row]:
    """By their internal ids; those that are not there any more are missing."""
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(ROWS_OF, (list(rids),))
        return {row.rid: row for row in await cursor.fetchall()}


async def between(connection: Connection, wanted: Collection[Range]) -> dict[int, list[Numbered]]:
    """Their events in order, by Subscription; those past their retention are not there."""
    if not wanted:
        return {}
    rids, firsts, lasts = (list(column) for column in zip(*wanted, strict=True))
    cursor = await connection.execute(BETWEEN, {"rids": rids, "firsts": firsts, "lasts": lasts})
    rows = await cursor.fetchall()
    return {rid: [Numbered(*row[1:]) for row in found] for rid, found in groupby(rows, lambda row: row[0])}


async def tried(connection: Connection, lasts: Mapping[int, int]) -> None:
    """The last numbers of what is about to be sent, by Subscription."""
    if lasts:
        await connection.execute(TRIED, {"rids": list(lasts), "lasts": list(lasts.values())})


async def ended(connection: Connection, held: Collection[UUID]) -> None:
    """Jobs, which are over."""
    if held:
        await connection.execute(ENDED, (list(held),))


async def put_off(connection: Connection, seconds: Mapping[UUID, float]) -> None:
    """Jobs, each until so many seconds have passed."""
    if seconds:
        await connection.execute(PUT_OFF, {"jobs": list(seconds), "seconds": list(seconds.values())})


async def wake(connection: Connection, waiting: Collection[Waiting]) -> None:
    """Jobs, which are due now, as far as nobody has claimed them meanwhile."""
    if waiting:
        jobs, fences = (list(column) for column in zip(*waiting, strict=True))
        await connection.execute(WAKE, {"jobs": jobs, "fences": fences})
