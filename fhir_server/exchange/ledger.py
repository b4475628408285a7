"""The ledger: every message in or out byte for byte, what became of it, and what it was answered with.

A message is known by who sent it and its control id; the same one again is answered with the same bytes.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, Literal
from uuid import UUID

from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from fhir_server.storage.database import Connection
from mappers.mapped import Note

State = Literal["received", "mapped", "answered", "failed", "dead"]
Wire = Literal["mllp", "script", "http"]

KIND: Final = "send"
"""Of the jobs that send by MLLP."""

LIST_MAX: Final = 1_000
"""Messages of a list at most (messages)."""

RECORD: Final = """
INSERT INTO message (id, partner, wire, direction, kind, sender, control_id, digest, raw,
                     state, code, answer, notes, resources)
VALUES (%(id)s, %(partner)s, %(wire)s, 'in', %(kind)s, %(sender)s, %(control_id)s, %(digest)s, %(raw)s,
        %(state)s, %(code)s, %(answer)s, %(notes)s, %(resources)s)
ON CONFLICT (direction, sender, control_id) WHERE control_id <> '' DO UPDATE
SET state = excluded.state, code = excluded.code, answer = excluded.answer, notes = excluded.notes,
    resources = excluded.resources, partner = excluded.partner, attempts = message.attempts + 1
WHERE message.state = 'failed' AND message.digest = excluded.digest
RETURNING id
"""
"""What failed may be sent again; what was answered stays as it is."""

SETTLE: Final = """
UPDATE message SET state = %(state)s, code = %(code)s, notes = %(notes)s, resources = %(resources)s WHERE id = %(id)s
"""
SEND: Final = """
INSERT INTO message (id, partner, wire, direction, kind, sender, control_id, digest, raw, state)
VALUES (%(id)s, %(partner)s, %(wire)s, 'out', %(kind)s, %(sender)s, %(control_id)s, %(digest)s, %(raw)s, 'mapped')
"""
WAKE: Final = """
INSERT INTO job (kind, key, payload) VALUES (%(kind)s, %(key)s, %(payload)s)
ON CONFLICT (key) DO UPDATE SET state = 'waiting', attempts = 0, finished = NULL, problem = NULL,
    due = CASE WHEN job.state = 'waiting' THEN job.due ELSE now() END
WHERE job.state <> 'running'
"""
"""The row is locked in any case: a job under way sees the message, or has ended before. One that waits after a failure
goes on waiting: messages of a partner go in their order.
"""
POSTPONE: Final = """
UPDATE message
SET state = %(state)s, attempts = attempts + 1, due = clock_timestamp() + make_interval(secs => %(seconds)s)
WHERE id = %(id)s
"""
DELIVERED: Final = "UPDATE message SET state = %(state)s, code = %(code)s, answer = %(answer)s WHERE id = %(id)s"
WAITING: Final = """
SELECT * FROM message WHERE direction = 'out' AND partner = %s AND wire = %s AND state = 'mapped'
ORDER BY number LIMIT 1
"""
TAKEN: Final = """
UPDATE message SET state = 'answered'
WHERE direction = 'out' AND partner = %s AND wire = %s AND control_id = %s AND state = 'mapped'
"""
SENT: Final = """
SELECT * FROM message WHERE direction = 'out' AND partner = %s AND control_id = %s AND wire = %s
ORDER BY number DESC LIMIT 1
"""
REPLIED: Final = """
UPDATE message SET state = 'answered', code = %(code)s, answer = %(answer)s WHERE id = %(id)s AND code = ANY(%(open)s)
"""
"""Whoever answers at the same time waits, and finds the code changed."""
REOPEN: Final = """
UPDATE message SET code = '', answer = NULL
WHERE direction = 'out' AND partner = %s AND control_id = %s AND wire = %s AND answer = %s
"""
KNOWN: Final = "SELECT * FROM message WHERE direction = 'in' AND sender = %s AND control_id = %s"
FIND: Final = "SELECT * FROM message WHERE id = %s"
LIST: Final = """
SELECT * FROM message
WHERE (%(partner)s::text IS NULL OR partner = %(partner)s) AND (%(state)s::text IS NULL OR state = %(state)s)
      AND (%(kind)s::text IS NULL OR kind = %(kind)s)
ORDER BY number DESC LIMIT %(limit)s
"""


class AlreadyAnswered(Exception):
    """The message, or another one of its control id, is in the ledger and was answered."""


@dataclass(frozen=True)
class Arrived:
    """A message as it came in. `sender` and `control_id` are "" where it does not say them."""

    id: UUID
    wire: Wire
    raw: bytes
    kind: str = ""
    sender: str = ""
    control_id: str = ""
    partner: str = ""

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of its bytes."""
        return hashlib.sha256(self.raw).digest()


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of it: `code` is what it was answered with (AA, 900), `resources` are `Type/id`."""

    state: State
    code: str
    answer: bytes | None
    notes: Sequence[Note] = ()
    resources: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table `message`."""

    id: UUID
    number: int
    received: datetime
    partner: str
    wire: Wire
    direction: Literal["in", "out"]
    kind: str
    sender: str
    control_id: str
    digest: bytes
    raw: bytes
    state: State
    code: str
    answer: bytes | None
    notes: list[dict[str, Any]]
    resources: list[str]
    attempts: int
    due: datetime
    xid: int

    @property
    def is_settled(self) -> bool:
        """Whether sending it again changes nothing."""
        return self.state != "failed"


async def record(connection: Connection, arrived: Arrived, settled: Settled) -> None:
    """In the open transaction; raises `AlreadyAnswered`, and whatever else it did must not be committed then."""
    values = {
        "id": arrived.id,
        "partner": arrived.partner,
        "wire": arrived.wire,
        "kind": arrived.kind,
        "sender": arrived.sender,
        "control_id": arrived.control_id,
        "digest": arrived.digest,
        "raw": arrived.raw,
        "state": settled.state,
        "code": settled.code,
        "answer": settled.answer,
        "notes": _notes(settled),
        "resources": list(settled.resources),
    }
    if await (await connection.execute(RECORD, values)).fetchone() is None:
        raise AlreadyAnswered


async def settle(connection: Connection, message_id: UUID, settled: Settled) -> None:
    """What became of a message that was kept before; its answer stays what it was."""
    values = {"id": message_id, "state": settled.state, "code": settled.code, "resources": list(settled.resources)}
    await connection.execute(SETTLE, values | {"notes": _notes(settled)})


async def send(connection: Connection, leaving: Arrived) -> None:
    """A message to a partner, which waits until it is fetched or delivered."""
    await connection.execute(SEND, leaving_values(leaving))
    if leaving.wire == "mllp":
        await wake(connection, leaving.partner)


async def wake(connection: Connection, partner: str) -> None:
    """There is something to send to a partner; in the transaction that says so."""
    await connection.execute(WAKE, job_values(partner))


def job_values(partner: str) -> dict[str, Any]:
    """What `WAKE` takes."""
    return {"kind": KIND, "key": f"{KIND}/{partner}", "payload": Jsonb({"partner": partner})}


def leaving_values(leaving: Arrived) -> dict[str, Any]:
    """What `SEND` takes."""
    names = ("id", "partner", "wire", "kind", "sender", "control_id", "digest", "raw")
    return {name: getattr(leaving, name) for name in names}


async def waiting(connection: Connection, partner: str, wire: Wire) -> Entry | None:
    """The oldest message that waits for a partner."""
    return await _one(connection, WAITING, (partner, wire))


async def postpone(connection: Connection, message_id: UUID, state: State, seconds: float) -> None:
    """A message that was not acknowledged waits for so long, or is dead."""
    await connection.execute(POSTPONE, {"id": message_id, "state": state, "seconds": seconds})


async def delivered(connection: Connection, message_id: UUID, state: State, code: str, answer: bytes) -> None:
    """A message that left was acknowledged, or refused."""
    await connection.execute(DELIVERED, {"id": message_id, "state": state, "code": code, "answer": answer})


async def taken(connection: Connection, partner: str, wire: Wire, control_id: str) -> None:
    """The partner says that it has a message."""
    await connection.execute(TAKEN, (partner, wire, control_id))


async def sent(connection: Connection, partner: str, wire: Wire, control_id: str) -> Entry | None:
    """The message of that control id that was sent to a partner, if there is one."""
    return await _one(connection, SENT, (partner, control_id, wire)) if control_id else None


async def replied(connection: Connection, request: Entry, code: str, answer: bytes, while_open: Sequence[str]) -> bool:
    """A message that left is answered by another message; False where its code is none of `while_open` any more."""
    values = {"id": request.id, "code": code, "answer": answer, "open": list(while_open)}
    return (await connection.execute(REPLIED, values)).rowcount == 1


async def reopen(connection: Connection, partner: str, wire: Wire, control_id: str, answer: bytes) -> None:
    """What was answered by this answer, which came to nothing, may be answered again."""
    await connection.execute(REOPEN, (partner, control_id, wire, answer))


def _notes(settled: Settled) -> Jsonb:
    notes = settled.notes
    return Jsonb([{"severity": one.severity, "place": shown(one.place), "text": shown(one.text)} for one in notes])


def shown(text: str) -> str:
    """Without what a database cannot hold, or a terminal would obey."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


async def known(connection: Connection, sender: str, control_id: str) -> Entry | None:
    """The message of that control id, if there is one."""
    return await _one(connection, KNOWN, (sender, control_id)) if control_id else None


async def find(connection: Connection, message_id: UUID) -> Entry | None:
    return await _one(connection, FIND, (message_id,))


async def newest(
    connection: Connection,
    partner: str | None = None,
    state: str | None = None,
    kind: str | None = None,
    limit: int = 50,
) -> list[Entry]:
    """The newest first."""
    values = {"partner": partner, "state": state, "kind": kind, "limit": min(limit, LIST_MAX)}
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(LIST, values)
        return await cursor.fetchall()


async def _one(connection: Connection, statement: str, values: Sequence[Any]) -> Entry | None:
    async with connection.cursor(row_factory=class_row(Entry)) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchone()
