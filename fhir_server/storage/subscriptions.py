"""The rows of Subscriptions: whom each is for, which events have a number, and how far it has been told.

A row is written with its Subscription, in one commit. Numbers are given by the matcher, one at a time in the cluster,
and acknowledged by whoever holds the delivery's job.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from fhir_server.auth.access import BREAK_GLASS
from fhir_server.auth.context import SYSTEM, Context
from fhir_server.errors import Forbidden, Unprocessable
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.version import NewVersion, Version

SUBSCRIPTION: Final = "Subscription"
KIND: Final = "notify"
"""Of the jobs that deliver."""

HEARTBEAT: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-heartbeat-period"

State = Literal["requested", "active", "error", "off"]

ACCESS_OF: Final = """
SELECT jsonb_build_object(
    'actor', f.actor, 'client', f.client_id, 'role', f.role, 'scopes', a.scopes, 'patients', f.patients,
    'patient', f.context ->> 'patient', 'purpose', f.purpose, 'person', f.person_id, 'family', f.id)
FROM access_token a JOIN token_family f ON f.id = a.family WHERE a.id = %s::uuid
"""
"""What an access token stands for: a writer's is judged at each delivery, a binder's as well, though it has expired."""

ASKED: Final = """
INSERT INTO subscription (rid, id, version, state, access, began, since, heartbeat_seconds, ends)
SELECT %(rid)s, %(id)s, %(version)s, %(state)s, %(access)s, seq, NULL, %(heartbeat)s, %(ends)s FROM event_head
ON CONFLICT (rid) DO UPDATE SET
    version = excluded.version, state = excluded.state, access = excluded.access, heartbeat_seconds = %(heartbeat)s,
    ends = %(ends)s, attempts = 0, failing_since = NULL, problem = '', sending = 0,
    since = CASE WHEN subscription.state IN ('error', 'off') THEN NULL ELSE subscription.since END, delivered =
    CASE WHEN subscription.access ->> 'client' IS DISTINCT FROM excluded.access ->> 'client'
         THEN subscription.events ELSE subscription.delivered END
"""
"""What has not arrived stays with the client it is for: another one is told of what happens from now on."""

MOVED: Final = """
UPDATE subscription SET version = %(version)s, state = %(state)s, problem = %(problem)s,
    since = CASE WHEN %(state)s = 'active' THEN coalesce(since, (SELECT seq FROM event_head))
                 WHEN %(state)s = 'requested' AND state IN ('error', 'off') THEN NULL ELSE since END
WHERE rid = %(rid)s
"""
"""Events count from the first handshake on; one that was in error or off begins again at the next."""

FORGOTTEN: Final = (
    "DELETE FROM subscription WHERE rid = %(rid)s",
    "DELETE FROM notification WHERE subscription = %(rid)s",
)
"""In this order: the first waits for a matcher that is at it, the second sees what that has written."""

WAKE: Final = """
INSERT INTO job (kind, key, payload)
SELECT %(kind)s, %(kind)s || '/' || rid, jsonb_build_object('subscription', rid)
FROM unnest(%(rids)s::bigint[]) AS awake (rid) ORDER BY rid
ON CONFLICT (key) DO UPDATE SET state = 'waiting', attempts = 0, finished = NULL, problem = NULL, due =
    CASE WHEN job.state = 'waiting' AND (SELECT failing_since FROM subscription
                                         WHERE rid = (excluded.payload ->> 'subscription')::bigint) IS NOT NULL
         THEN job.due ELSE now() END
WHERE job.state <> 'running'
"""
"""A job under way finds what is new: whoever ends it looks, under the lock of the subscription's row."""

NOW: Final = """
INSERT INTO job (kind, key, payload) VALUES (%(kind)s, %(key)s, %(payload)s)
ON CONFLICT (key) DO UPDATE SET state = 'waiting', due = now(), attempts = 0, finished = NULL, problem = NULL,
    fence = job.fence + 1
"""
"""At once, whatever the one before was waiting for."""

COLUMNS: Final = (
    "rid, id, version, state, access, began, since, events, delivered, sending, attempts, failing_since, told,"
    " heartbeat_seconds, ends, problem, secrets"
)
ROW: Final = f"SELECT {COLUMNS} FROM subscription WHERE rid = %s"  # noqa: S608 - our own columns
ROWS_OF: Final = f"SELECT {COLUMNS} FROM subscription WHERE rid = ANY(%s)"  # noqa: S608 - our own columns
LOCKED: Final = f"{ROW} FOR UPDATE"
BY_ID: Final = f"SELECT {COLUMNS} FROM subscription WHERE id = ANY(%s) ORDER BY rid"  # noqa: S608 - our own columns
NEWEST: Final = f"SELECT {COLUMNS} FROM subscription ORDER BY rid DESC LIMIT %s"  # noqa: S608 - our own columns
TOLD: Final = f"""
SELECT {COLUMNS} FROM subscription WHERE state IN ('active', 'requested') AND since IS NOT NULL ORDER BY rid
"""  # noqa: S608 - our own columns

LOCK: Final = "SELECT FROM subscription WHERE rid = ANY(%s) ORDER BY rid FOR UPDATE"
NUMBERED: Final = """
WITH matched AS (
    SELECT * FROM unnest(%(rids)s::bigint[], %(places)s::int[], %(seqs)s::bigint[], %(recorded)s::timestamptz[],
                         %(foci)s::bigint[], %(versions)s::int[], %(interactions)s::text[])
                  AS m (subscription, place, seq, recorded, rid, version, interaction)
), head AS (
    UPDATE subscription SET events = events + m.count
    FROM (SELECT subscription, count(*) FROM matched GROUP BY subscription) m WHERE rid = m.subscription
    RETURNING rid, events - m.count AS before
)
INSERT INTO notification (subscription, number, seq, recorded, rid, version, interaction)
SELECT m.subscription, head.before + m.place, m.seq, m.recorded, m.rid, m.version, m.interaction
FROM matched m JOIN head ON head.rid = m.subscription
"""
HANDED_OVER: Final = """
UPDATE subscription SET told = clock_timestamp(), delivered =
    CASE WHEN delivered >= %(before)s THEN greatest(delivered, %(last)s) ELSE delivered END
WHERE rid = %(rid)s AND began = %(began)s
"""
"""Several sockets may tell one Subscription; whoever has wound back meanwhile has the last word."""

LOOK: Final = "SELECT rid, version, state, events, delivered FROM subscription WHERE rid = ANY(%s)"

BETWEEN: Final = """
SELECT number, recorded, rid, version, interaction FROM notification
WHERE subscription = %s AND number BETWEEN %s AND %s ORDER BY number
"""


FORGET: Final = """
WITH gone AS (
    DELETE FROM notification WHERE recorded < clock_timestamp() - make_interval(days => %s)
    RETURNING subscription, number
)
UPDATE subscription SET delivered = greatest(delivered, gone.last)
FROM (SELECT subscription, max(number) AS last FROM gone GROUP BY subscription) gone WHERE rid = gone.subscription
"""


@dataclass(frozen=True, slots=True)
class Row:
    """`sending` is the last number of the notification under way, `delivered` the last that is over.

    `began` tells it from one of the same id before, which was deleted.
    """

    rid: int
    id: str
    version: int
    state: State
    access: dict[str, Any] | None
    began: int
    since: int | None
    events: int
    delivered: int
    sending: int
    attempts: int
    failing_since: datetime | None
    told: datetime | None
    heartbeat_seconds: int | None
    ends: datetime | None
    problem: str
    secrets: int


@dataclass(frozen=True, slots=True)
class Glance:
    """As much of a row as shows that something has happened to it."""

    rid: int
    version: int
    state: State
    events: int
    delivered: int


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event under its number."""

    number: int
    recorded: datetime
    rid: int
    version: int
    interaction: str

    @property
    def focus(self) -> tuple[int, int]:
        """Internal id and version of what it is about."""
        return self.rid, self.version


@dataclass(frozen=True, slots=True)
class Matched:
    """An event that a subscription is to be told."""

    seq: int
    recorded: datetime
    rid: int
    version: int
    interaction: str


def key_of(rid: int) -> str:
    return f"{KIND}/{rid}"


async def write_subscriptions(connection: Connection, versions: Sequence[NewVersion], context: Context) -> None:
    """The rows of the Subscriptions among the versions; in the open transaction.

    Raises `Unprocessable` for a status that is the server's to give, `Forbidden` for a token of an emergency.
    """
    for version in (one.stored for one in versions if one.stored.type_name == SUBSCRIPTION):
        if version.body is None:
            for statement in FORGOTTEN:
                await connection.execute(statement, {"rid": version.rid})
        elif context.actor == SYSTEM:
            await _moved(connection, version)
        else:
            await _asked(connection, version, context)


async def _moved(connection: Connection, version: Version) -> None:
    resource = load(version)
    state, problem = resource["status"], resource.get("error", "")
    values = {"rid": version.rid, "version": version.version, "state": state, "problem": problem}
    await connection.execute(MOVED, values)
    if state == "requested":
        await connection.execute(NOW, job_of(version.rid))


async def _asked(connection: Connection, version: Version, context: Context) -> None:
    """By a client: whoever writes it last is who is told, as far as they may see."""
    resource = load(version)
    state = resource.get("status")
    if state not in ("requested", "off"):
        raise Unprocessable("Subscription.status: a client says requested or off; active and error are the server's")
    if context.purpose == BREAK_GLASS:
        raise Forbidden("Emergency access ends soon: no Subscription can rest on it")
    access = await access_of(connection, context.token_id)
    values = {"rid": version.rid, "id": version.id, "version": version.version, "state": state}
    values |= {"access": Jsonb(access) if access else None, "ends": resource.get("end")}
    values |= {"heartbeat": heartbeat_of(resource)}
    await connection.execute(ASKED, values)
    if state == "requested":
        await connection.execute(NOW, job_of(version.rid))


async def access_of(connection: Connection, token_id: str) -> dict[str, Any] | None:
    """What an access token stands for; None where there is none: on a server without authorization ("")."""
    found = await (await connection.execute(ACCESS_OF, (token_id,))).fetchone() if token_id else None
    return found[0] if found else None


def heartbeat_of(resource: dict[str, Any]) -> int | None:
    """Seconds, by the extension of the backport guide."""
    extensions = resource.get("channel", {}).get("extension", ())
    found = (one.get("valueUnsignedInt") for one in extensions if one.get("url") == HEARTBEAT)
    return next((int(one) for one in found if one is not None), None)


async def wake(connection: Connection, rids: Collection[int]) -> None:
    """There is something to tell; in the transaction that says so."""
    if rids:
        await connection.execute(WAKE, {"kind": KIND, "rids": list(rids)})


def job_of(rid: int) -> dict[str, Any]:
    return {"kind": KIND, "key": key_of(rid), "payload": Jsonb({"subscription": rid}), "rid": rid}


async def forget(connection: Connection, days: int) -> None:
    """What happened before so many days is told nobody any more, and cannot be asked for."""
    await connection.execute(FORGET, (days,))


async def row(connection: Connection, rid: int, *, lock: bool = False) -> Row | None:
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(LOCKED if lock else ROW, (rid,))
        return await cursor.fetchone()


async def rows_by_id(connection: Connection, ids: Sequence[str]) -> list[Row]:
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(BY_ID, (list(ids),))
        return await cursor.fetchall()


async def newest_rows(connection: Connection, most: int) -> list[Row]:
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(NEWEST, (most,))
        return await cursor.fetchall()


async def glances(connection: Connection, rids: Sequence[int]) -> dict[int, Glance]:
    """By the internal ids of the Subscriptions; those that are not there any more are missing."""
    async with connection.cursor(row_factory=class_row(Glance)) as cursor:
        await cursor.execute(LOOK, (list(rids),))
        return {one.rid: one for one in await cursor.fetchall()}


async def handed_over(connection: Connection, row: Row, last: int) -> None:
    """Its events after `row.delivered`, up to `last`, were given to a socket."""
    values = {"rid": row.rid, "began": row.began, "before": row.delivered, "last": last}
    await connection.execute(HANDED_OVER, values)


async def told(connection: Connection) -> list[Row]:
    """Those whose events have numbers: active ones, and active ones that have been changed and are asked again."""
    async with connection.cursor(row_factory=class_row(Row)) as cursor:
        await cursor.execute(TOLD)
        return await cursor.fetchall()


async def number(connection: Connection, matched: Mapping[int, Sequence[Matched]]) -> None:
    """Gives events the next numbers of their subscriptions, in their order, and wakes who delivers."""
    if not matched:
        return
    placed = [(rid, place, one) for rid, found in matched.items() for place, one in enumerate(found, 1)]
    values = {
        "rids": [rid for rid, _, _ in placed],
        "places": [place for _, place, _ in placed],
        "seqs": [one.seq for _, _, one in placed],
        "recorded": [one.recorded for _, _, one in placed],
        "foci": [one.rid for _, _, one in placed],
        "versions": [one.version for _, _, one in placed],
        "interactions": [one.interaction for _, _, one in placed],
    }
    await connection.execute(LOCK, (list(matched),))
    await connection.execute(NUMBERED, values)
    await wake(connection, matched.keys())


async def numbered(connection: Connection, rid: int, first: int, last: int) -> list[Numbered]:
    """The events of a range of numbers, ends included; those past their retention are not there."""
    async with connection.cursor(row_factory=class_row(Numbered)) as cursor:
        await cursor.execute(BETWEEN, (rid, first, last))
        return await cursor.fetchall()
