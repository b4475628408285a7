"""NCPDP SCRIPT in: the message is kept, then acknowledged; what it means is done by a job.

Status 000 says that the bytes, the key by which a repeat is known and the job are committed. Business answers come
later, as messages of their own, and wait in the partner's mailbox. docs/messages/script/gateway.md
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID, uuid4

from fhir_server.audit.record import Record
from fhir_server.audit.recorder import Recording
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.errors import Conflict, GalenicError, TooCostly, Unavailable
from fhir_server.exchange import ledger
from fhir_server.exchange.conversation import check_order, check_place, forget
from fhir_server.exchange.effects import Effects, with_original
from fhir_server.exchange.ledger import AlreadyAnswered, Arrived, Settled
from fhir_server.exchange.ownership import kept_to
from fhir_server.exchange.partners import Partner, Partners
from fhir_server.exchange.schemas import Schemas
from fhir_server.exchange.signatures import check
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.jobs import Job, enqueue, finish
from mappers.mapped import Mapped, Note
from mappers.script import answers
from mappers.script.answers import Answering
from mappers.script.faults import ScriptFault
from mappers.script.kinds import ANSWERS
from mappers.script.message import Header, Message, Party, header_of, read
from mappers.script.to_fhir.convert import to_fhir

LOG = logging.getLogger(__name__)

KIND: Final = "script-message"
MESSAGE: Final = "message"
GET_MESSAGE: Final = "GetMessage"
ACCEPTED: Final = "000"
MESSAGE_ID_CHARACTERS_SHOWN: Final = 200
"""Of an id that is too long an Error repeats the beginning (characters)."""

TURN_POLL_SECONDS: Final = 0.05
"""Time between two looks at the partner's earlier messages (seconds)."""
TURN_POLLS_MAX: Final = 200
"""Looks at them, ten seconds' worth: less than a job's lease."""

CONTENT_TYPE: Final = "application/xml"


class ScriptReceiver:
    """Answers messages of a partner who has said who it is; each once."""

    def __init__(
        self, database: Database, recorder: Recording, anchors: Sequence[bytes], schemas: Schemas | None
    ) -> None:
        self._database = database
        self._recorder = recorder
        self._anchors = anchors
        self._schemas = schemas

    async def answer(self, raw: bytes, partner: Partner) -> bytes:
        """Status or Error, or what waits in the mailbox; raises `Unavailable`."""
        arrived = Arrived(uuid4(), "script", raw, partner=partner.id)
        try:
            message = read(raw)
            arrived = replace(
                arrived,
                kind=message.kind,
                sender=sender_of(message.header.from_),
                control_id=message.header.message_id,
            )
            _check_sender(arrived, partner)
            return await self._once(arrived, message, partner)
        except ScriptFault as fault:
            return await self._refuse(arrived, header_of(raw), fault)

    async def _once(self, arrived: Arrived, message: Message, partner: Partner) -> bytes:
        try:
            return await self._known(arrived) or await self._take(arrived, message, partner)
        except AlreadyAnswered:  # by another request, meanwhile
            return await self._known(arrived)

    async def _known(self, arrived: Arrived) -> bytes:
        """What it was answered before, b"" where it is new; raises `ScriptFault` for other bytes under its id."""
        async with self._database.connection() as connection:
            entry = await ledger.known(connection, arrived.sender, arrived.control_id)
        if entry is None:
            return b""
        if entry.digest == arrived.digest:
            return entry.answer or b""
        raise ScriptFault("another message with this MessageID was received before", "Header/MessageID")

    async def _take(self, arrived: Arrived, message: Message, partner: Partner) -> bytes:
        if message.kind == GET_MESSAGE:
            return await self._fetched(message, partner)
        if not partner.may_send(message.kind):
            raise ScriptFault("this partner may not send such messages", "Body")
        await asyncio.to_thread(check, arrived.raw, message, self._anchors, self._database.clock.now())
        answer = self._accepted(message, arrived.id)
        async with self._database.transaction() as connection:
            await ledger.record(connection, arrived, Settled("received", ACCEPTED, answer))  # first: it may be a repeat
            await check_place(connection, message, arrived.raw, partner.id)
            await enqueue(connection, KIND, f"message/{arrived.id}", {})
        return answer

    async def _fetched(self, message: Message, partner: Partner) -> bytes:
        """The oldest message that waits; a Status that relates to it says that it arrived. Status 000 without one."""
        async with self._database.connection() as connection:
            entry = await ledger.waiting(connection, partner.id, "script")
        if entry is not None:
            return entry.raw
        return self._accepted(message, uuid4())

    def _accepted(self, message: Message, answer_id: UUID) -> bytes:
        answer = answers.status(message, Answering(answer_id.hex, self._database.clock.now()), ACCEPTED)
        report(self._schemas, answer, answer_id)
        return answer

    async def _refuse(self, arrived: Arrived, header: Header | None, fault: ScriptFault) -> bytes:
        """Kept without its id: the id may be another message's, and a corrected message has another one."""
        known = replace(header, message_id=header.message_id[:MESSAGE_ID_CHARACTERS_SHOWN]) if header else None
        answer = answers.error(known, Answering(arrived.id.hex, self._database.clock.now()), fault)
        report(self._schemas, answer, arrived.id)
        async with self._database.transaction() as connection:
            kept = replace(arrived, control_id="")
            await ledger.record(connection, kept, Settled("failed", fault.code, answer, (note_of(fault),)))
        await self._recorder.record(Record(context_of(arrived.partner, arrived.id), MESSAGE, 422))
        return answer


class ScriptWork:
    """What messages mean, done as jobs; the effects and the end of the job are one commit."""

    kind = KIND
    lanes = 1
    """A partner's messages are done one after the other."""

    def __init__(self, database: Database, effects: Effects, partners: Partners, schemas: Schemas | None) -> None:
        self._database = database
        self._effects = effects
        self._partners = partners
        self._schemas = schemas

    async def run(self, job: Job) -> None:
        """Raises `Unavailable`, `Conflict` and `TooCostly` where it is worth trying again, `LeaseLost`."""
        entry = await self._entry(job)
        await self._wait_for_turn(job, entry.partner)
        partner = await self._partners.named(entry.partner)
        if partner is None:
            return await self._failed(job, entry, None, ScriptFault("the partner was ended meanwhile", "Header/From"))
        message = read(entry.raw)
        try:
            mapped = kept_to(partner, to_fhir(message, partner.making(entry.id, self._database.clock.now())))
            return await self._done(job, entry, message, mapped)
        except ScriptFault as fault:
            return await self._failed(job, entry, message, fault)
        except (Unavailable, Conflict, TooCostly):  # nothing that is wrong with the message
            raise
        except GalenicError as error:
            issue = error.issues[0] if error.issues else None
            place = issue.expression if issue else "Message"
            return await self._failed(job, entry, message, ScriptFault(error.message, place or "Message"))

    async def abandon(self, job: Job, problem: str) -> None:
        entry = await self._entry(job)
        await self._failed(job, entry, read(entry.raw), ScriptFault("the message could not be processed", "Message"))
        LOG.error("message %s could not be processed: %s", entry.id, problem)

    async def tidy(self) -> None:
        """Nothing is left behind."""

    async def _entry(self, job: Job) -> ledger.Entry:
        async with self._database.connection() as connection:
            row = await (await connection.execute(JOB_KEY, (job.id,))).fetchone()
            entry = await ledger.find(connection, UUID(row[0].split("/")[1])) if row else None
        if entry is None:
            raise LookupError("a job's message is not in the ledger")
        return entry

    async def _wait_for_turn(self, job: Job, partner: str) -> None:
        """A partner's messages are done one after the other: another worker may still be at the order they cancel."""
        for _ in range(TURN_POLLS_MAX):
            if await self._is_turn(job, partner):
                return
            await asyncio.sleep(TURN_POLL_SECONDS)
        raise Unavailable("an earlier message of the partner is not done")

    async def _is_turn(self, job: Job, partner: str) -> bool:
        try:
            async with self._database.connection() as connection:
                others = await (await connection.execute(BEFORE, (job.created, partner))).fetchall()
        except Conflict:  # whoever is at it is long in committing
            return False
        return ("running",) not in others

    async def _done(self, job: Job, entry: ledger.Entry, message: Message, mapped: Mapped) -> None:
        whole = with_original(mapped, entry.raw, CONTENT_TYPE, f"urn:uuid:{entry.id}")
        context = context_of(entry.partner, entry.id)

        async def record(connection: Connection, resources: Sequence[str]) -> None:
            await check_order(connection, message, whole, resources)
            await ledger.settle(connection, entry.id, Settled("answered", ACCEPTED, None, mapped.notes, resources))
            await finish(connection, job, "done")

        await self._effects.commit(whole, context, record)

    async def _failed(self, job: Job, entry: ledger.Entry, message: Message | None, fault: ScriptFault) -> None:
        """The partner is told by an Error of its own, in the mailbox."""
        async with self._database.transaction() as connection:
            await ledger.settle(connection, entry.id, Settled("failed", fault.code, None, (note_of(fault),)))
            if message is not None:
                await forget(connection, message, entry)
            if message is not None and message.kind not in ANSWERS:
                told = uuid4()
                raw = answers.error(message, Answering(told.hex, self._database.clock.now()), fault)
                report(self._schemas, raw, entry.id)
                leaving = Arrived(told, "script", raw, "Error", sender_of(message.header.to), told.hex, entry.partner)
                await ledger.send(connection, leaving)
            await finish(connection, job, "done")


JOB_KEY: Final = "SELECT key FROM job WHERE id = %s"
BEFORE: Final = f"""
SELECT j.state FROM job j JOIN message m ON m.id = split_part(j.key, '/', 2)::uuid
WHERE j.kind = '{KIND}' AND j.state IN ('waiting', 'running') AND j.created < %s AND m.partner = %s FOR SHARE OF j
"""  # noqa: S608 - a constant
"""States of a partner's jobs that come first: a handful, since the oldest is claimed first. Where one is being claimed,
the claim is waited for; one that nobody claims came at the same time, and cannot have been meant to come first."""


def _check_sender(arrived: Arrived, partner: Partner) -> None:
    """Before anything else is said of the message: whether it is known is between us and who sent it."""
    if arrived.sender not in partner.senders:
        raise ScriptFault("the partner does not send for this party", "Header/From")


def report(schemas: Schemas | None, answer: bytes, about: UUID) -> None:
    """By the schemas of the installation, where it has them."""
    if schemas:
        schemas.report(answer, read(answer).version, about)


def context_of(partner: str, message_id: UUID) -> Context:
    return Context(f"partner/{partner}", partner, TREATMENT, str(message_id))


def sender_of(party: Party) -> str:
    """`D:123`, as partners are known; without a qualifier the id alone."""
    return f"{party.qualifier}:{party.value}" if party.qualifier else party.value


def note_of(fault: ScriptFault) -> Note:
    return Note("error", fault.place, f"{fault.code}: {fault.text}")
