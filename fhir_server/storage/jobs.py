"""Jobs: work in the background, each a row with a lease, a heartbeat and a fencing token.

The row is the truth. A worker claims a job for a while and raises its fence; whoever claimed it before can write
nothing any more, because every change asks for the fence it was claimed with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from fhir_server.errors import GalenicError
from fhir_server.storage.database import Connection

CHANNEL: Final = "galenic_job"
"""Where it is told that there are jobs to be done."""

LEASE_SECONDS: Final = 15.0
"""How long a worker holds a job without a sign of life (seconds)."""

ATTEMPTS_MAX: Final = 5
"""Claims without any progress, after which a job has failed (attempts)."""

DUE_MAX: Final = 64
"""Jobs of one kind that one look finds due (jobs)."""

FORGET_MAX: Final = 1_000
"""Jobs that one statement removes (jobs)."""

RETENTION_DAYS: Final = 30
"""How long jobs that have ended are kept (days)."""

JobState = Literal["waiting", "running", "done", "failed", "superseded"]
OPEN: Final = ("waiting", "running")

COLUMNS: Final = (
    "id, kind, key, state, payload, position, total, attempts, fence, due, created, started, finished, problem"
)
FIND: Final = f"SELECT {COLUMNS} FROM job WHERE id = %s"  # noqa: S608 - our own columns
ENQUEUE: Final = """
INSERT INTO job (kind, key, payload) VALUES (%(kind)s, %(key)s, %(payload)s)
ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING id
"""
FREE: Final = """
    (state = 'waiting' AND due <= clock_timestamp() OR state = 'running' AND lease_until < clock_timestamp())
"""
CLAIM: Final = f"""
WITH free AS MATERIALIZED (
    SELECT id AS free_id FROM job
    WHERE kind = %(kind)s AND coalesce((payload ->> 'index_version')::int, 0) <= %(index_version)s AND {FREE}
    ORDER BY due, created LIMIT %(most)s FOR UPDATE SKIP LOCKED
)
UPDATE job SET state = 'running', fence = fence + 1, attempts = attempts + 1, heartbeat = clock_timestamp(),
               lease_until = clock_timestamp() + make_interval(secs => %(lease)s),
               started = coalesce(started, clock_timestamp())
FROM free WHERE id = free_id RETURNING {COLUMNS}
"""  # noqa: S608 - our own columns
SINCE: Final = "extract(epoch FROM clock_timestamp() - CASE state WHEN 'waiting' THEN due ELSE lease_until END)::float"
DUE: Final = f"""
SELECT id, kind, due, fence FROM (
    SELECT id, kind, due, fence, row_number() OVER (PARTITION BY kind ORDER BY due) AS place FROM job WHERE {FREE}
) free WHERE place <= %s
"""  # noqa: S608 - our own condition
"""No kind hides another."""

QUEUES: Final = f"""
SELECT kind, count(*), count(*) FILTER (WHERE {SINCE} >= %s), max({SINCE}) FROM job WHERE {FREE} GROUP BY kind
"""  # noqa: S608 - our own condition
FORGET: Final = """
DELETE FROM job WHERE id IN (
    SELECT id FROM job WHERE state IN ('done', 'superseded') AND kind <> 'reindex'
           AND finished < clock_timestamp() - make_interval(days => %s) LIMIT %s FOR UPDATE SKIP LOCKED)
"""
"""Those of a re-indexing count how often a generation was built."""
ADVANCE: Final = """
UPDATE job SET position = position + %(done)s, total = greatest(total, position + %(done)s),
               attempts = CASE WHEN %(done)s > 0 THEN 0 ELSE attempts END, heartbeat = clock_timestamp(),
               lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
WHERE id = %(id)s AND fence = %(fence)s AND state = 'running'
"""
EXPECT: Final = """
UPDATE job SET total = position + %(remaining)s WHERE id = %(id)s AND fence = %(fence)s AND state = 'running'
"""
FINISH: Final = """
UPDATE job SET state = %(state)s, problem = %(problem)s, finished = clock_timestamp()
WHERE id = %(id)s AND fence = %(fence)s AND state = 'running'
"""
POSTPONE: Final = """
UPDATE job SET state = 'waiting', attempts = 0, lease_until = NULL,
               due = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND fence = %(fence)s AND state = 'running'
"""
AGAIN: Final = """
UPDATE job SET state = 'waiting', lease_until = NULL, problem = %(problem)s,
               due = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s AND fence = %(fence)s AND state = 'running'
"""
RELEASE: Final = """
UPDATE job SET state = 'waiting', attempts = CASE WHEN %(counts)s THEN attempts ELSE 0 END, lease_until = NULL
WHERE id = %(id)s AND fence = %(fence)s AND state = 'running'
"""
SUPERSEDE: Final = """
UPDATE job SET state = 'superseded', finished = clock_timestamp() WHERE kind = %s AND state IN ('waiting', 'running')
"""


@dataclass(frozen=True, slots=True)
class Job:
    """`position` of `total` are done; `attempts` since the last progress; `problem` the class of what went wrong."""

    id: UUID
    kind: str
    key: str
    state: JobState
    payload: dict[str, Any]
    position: int
    total: int
    attempts: int
    fence: int
    due: datetime
    created: datetime
    started: datetime | None
    finished: datetime | None
    problem: str | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Turn(NamedTuple):
    """A job that somebody may claim; `due` and `fence` tell this turn from an earlier one."""

    id: UUID
    kind: str
    due: datetime
    fence: int


class Queue(NamedTuple):
    """Jobs of a kind that are due and that nobody is at; `age_seconds` is how long the first has been."""

    due: int = 0
    overdue: int = 0
    age_seconds: float = 0.0


class LeaseLost(GalenicError):
    """Another worker has claimed the job meanwhile, or it was superseded: nothing more is written for it."""


async def find(connection: Connection, job_id: UUID) -> Job | None:
    async with connection.cursor(row_factory=class_row(Job)) as cursor:
        await cursor.execute(FIND, (job_id,))
        return await cursor.fetchone()


async def enqueue(connection: Connection, kind: str, key: str, payload: Mapping[str, int]) -> Job:
    """The job of that idempotency key, made where there is none."""
    values = {"kind": kind, "key": key, "payload": Jsonb(dict(payload))}
    return await _returned(connection, ENQUEUE, values)


async def claim(connection: Connection, kind: str, index_version: int) -> Job | None:
    """The job that has been due for longest, and is free; it is the caller's for LEASE_SECONDS.

    One that asks for a later INDEX_VERSION waits for a worker of that release.
    """
    claimed = await claim_several(connection, kind, index_version, 1)
    return claimed[0] if claimed else None


async def claim_several(connection: Connection, kind: str, index_version: int, most: int) -> list[Job]:
    """The same, so many at once."""
    values = {"kind": kind, "index_version": index_version, "lease": LEASE_SECONDS, "most": most}
    async with connection.cursor(row_factory=class_row(Job)) as cursor:
        await cursor.execute(CLAIM, values)
        return await cursor.fetchall()


async def due(connection: Connection) -> list[Turn]:
    """Of what may be claimed, the longest due of each kind; at most DUE_MAX of one."""
    return [Turn(*row) for row in await (await connection.execute(DUE, (DUE_MAX,))).fetchall()]


async def queues(connection: Connection, overdue_seconds: float) -> dict[str, Queue]:
    """What may be claimed, by kind; `overdue` counts what might have been for so long."""
    rows = await (await connection.execute(QUEUES, (overdue_seconds,))).fetchall()
    return {kind: Queue(*figures) for kind, *figures in rows}


async def forget(connection: Connection) -> bool:
    """Some of what has ended long ago; what has failed stays until somebody has looked. Whether there may be more."""
    done = await connection.execute(FORGET, (RETENTION_DAYS, FORGET_MAX))
    return done.rowcount == FORGET_MAX


async def advance(connection: Connection, job: Job, done: int = 0) -> None:
    """So much more is done, and the lease begins again; raises `LeaseLost`."""
    await _as_holder(connection, job, ADVANCE, {"done": done, "lease": LEASE_SECONDS})


async def postpone(connection: Connection, job: Job, seconds: float) -> None:
    """It waits, for whoever comes first then; raises `LeaseLost`."""
    await _as_holder(connection, job, POSTPONE, {"seconds": seconds})


async def again(connection: Connection, job: Job, seconds: float, problem: str) -> None:
    """It waits as after `postpone`, and this attempt counts; raises `LeaseLost`."""
    await _as_holder(connection, job, AGAIN, {"seconds": seconds, "problem": problem})


async def release(connection: Connection, job: Job, *, counts: bool) -> None:
    """It is given back, and keeps its place before those that came later; raises `LeaseLost`.

    `counts`: the attempt was one without progress.
    """
    await _as_holder(connection, job, RELEASE, {"counts": counts})


async def expect(connection: Connection, job: Job, remaining: int) -> None:
    """How much is still to be done; raises `LeaseLost`."""
    await _as_holder(connection, job, EXPECT, {"remaining": remaining})


async def finish(connection: Connection, job: Job, state: JobState, problem: str | None = None) -> None:
    """Raises `LeaseLost`."""
    await _as_holder(connection, job, FINISH, {"state": state, "problem": problem})


async def supersede(connection: Connection, kind: str) -> None:
    """Open jobs of the kind end; what their workers have under way is rolled back."""
    await connection.execute(SUPERSEDE, (kind,))


async def _as_holder(connection: Connection, job: Job, statement: str, values: Mapping[str, Any]) -> None:
    done = await connection.execute(statement, {"id": job.id, "fence": job.fence, **values})
    if done.rowcount != 1:
        raise LeaseLost(f"job {job.id} is no longer held")


async def _returned(connection: Connection, statement: str, values: Mapping[str, Any]) -> Job:
    row = await (await connection.execute(statement, values)).fetchone()
    job = await find(connection, row[0]) if row else None
    if job is None:
        raise LookupError("a job that was written is not there")
    return job
