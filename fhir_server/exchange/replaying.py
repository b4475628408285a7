"""Messages once more: what came in and failed is processed again, what did not leave is sent again."""

from typing import Final

from fhir_server.errors import Unprocessable
from fhir_server.exchange.conversation import ANSWERS
from fhir_server.exchange.hl7 import Hl7Receiver
from fhir_server.exchange.ledger import Entry, wake
from fhir_server.exchange.script import KIND
from fhir_server.storage.database import Database
from fhir_server.storage.jobs import enqueue

FAILED: Final = "failed"
UNSENT: Final = ("failed", "dead")

TAKE_UP: Final = """
UPDATE message SET state = 'received', attempts = attempts + 1 WHERE id = %s AND state = 'failed' RETURNING attempts
"""
SEND_AGAIN: Final = """
UPDATE message SET state = 'mapped', attempts = 1, due = clock_timestamp(), code = '', answer = NULL
WHERE id = %s AND state = ANY(%s)
"""


async def replay(database: Database, receiver: Hl7Receiver, entry: Entry) -> list[bytes]:
    """The answers, where they are made here; [] where the worker does it.

    HL7 v2 that was answered is answered as it was. Raises `Unprocessable` where there is nothing to do, or nobody who
    would be told.
    """
    if entry.direction == "out":
        await _send_again(database, entry)
        return []
    if entry.wire == "mllp":
        return list(await receiver.again(entry))
    if entry.state != FAILED or not entry.control_id or entry.wire != "script":
        raise Unprocessable(
            "Only what was accepted and failed is processed again; its sender sends anything else again"
        )
    if entry.kind in ANSWERS:
        raise Unprocessable("What this answers may be answered again: by its sender, with a message of its own")
    await _work_again(database, entry)
    return []


async def _send_again(database: Database, entry: Entry) -> None:
    async with database.transaction() as connection:
        done = await connection.execute(SEND_AGAIN, (entry.id, list(UNSENT)))
        if done.rowcount != 1:
            raise Unprocessable("Only what failed or is dead is sent again")
        if entry.wire == "mllp":
            await wake(connection, entry.partner)


async def _work_again(database: Database, entry: Entry) -> None:
    async with database.transaction() as connection:
        row = await (await connection.execute(TAKE_UP, (entry.id,))).fetchone()
        if row is None:
            raise Unprocessable("It is being processed again already")
        await enqueue(connection, KIND, f"message/{entry.id}/{row[0]}", {})
