"""HL7 v2 in: from the bytes of a message to the bytes of its answers, with all it means committed in between.

A positive acknowledgement follows the commit of message, effects and answer together: whoever does not get it sends the
message again and is answered as it was, once. http://www.hl7.eu/HL7v2x/v251/std251/ch02.html#Heading22
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import uuid4

from fhir_server.audit.interactions import REFUSED
from fhir_server.audit.record import Record
from fhir_server.audit.recorder import Recording
from fhir_server.audit.refusals import Refusals
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.errors import Ambiguous, Conflict, GalenicError, Invalid, NotFound, Stale, Unavailable, Unprocessable
from fhir_server.exchange import ledger
from fhir_server.exchange.asking import Search
from fhir_server.exchange.effects import Effects, with_original
from fhir_server.exchange.ledger import AlreadyAnswered, Arrived, Settled, Wire
from fhir_server.exchange.ownership import check_query, kept_to
from fhir_server.exchange.partners import Partner, Partners
from fhir_server.storage.database import Connection, Database
from integrations.mllp.listener import Peer
from mappers.hl7v2 import dispense_history, faults, master_file_reply
from mappers.hl7v2.acknowledgement import Wanted, acknowledge, wanted
from mappers.hl7v2.dispense_history import history
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Message, parse, parse_all
from mappers.hl7v2.replies import REPLIES, reply
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Mapped, Note

LOG = logging.getLogger(__name__)

CR: Final = b"\r"
"""Ends each message of several, as it ends one that comes alone."""

FS: Final = b"\x1c"
"""Between the answers of one message in the ledger: it can be in none of them."""

CONTENT_TYPE: Final = "x-application/hl7-v2+er7"
MESSAGE: Final = "message"
DISPENSE: Final = "MedicationDispense"
MASTER_FILE: Final = "MFN"
CONTROL_ID_CHARACTERS_MAX: Final = 199
"""Longest MSH-10 that is taken, as 2.7 has it (characters)."""

CONTROL_ID_CHARACTERS: Final = 20
"""Longest MSH-10 that every version takes (characters)."""

INSIDE: Final = ".resource"
"""Parts the place of an entry from a path in its resource."""

CODES: Final[dict[type[GalenicError], str]] = {
    NotFound: faults.UNKNOWN_KEY,
    Stale: faults.UNKNOWN_KEY,
    Unprocessable: faults.UNKNOWN_KEY,
    Ambiguous: faults.DUPLICATE_KEY,
    Conflict: faults.RECORD_LOCKED,
    Invalid: faults.DATA_TYPE,
}
"""What the store says of a message, in the words of table 0357."""


@dataclass(frozen=True, slots=True)
class _Case:
    """A message of a partner that is being answered."""

    message: Message
    arrived: Arrived
    partner: Partner
    context: Context

    @property
    def wanted(self) -> Wanted:
        return wanted(self.message)

    @property
    def control_id(self) -> str:
        """MSH-10 of its answer."""
        return self.arrived.id.hex[:CONTROL_ID_CHARACTERS]


class Hl7Receiver:
    """Answers messages, each once."""

    def __init__(
        self,
        database: Database,
        effects: Effects,
        search: Search,
        partners: Partners,
        recorder: Recording,
        refusals: Refusals,
    ) -> None:
        self._database = database
        self._effects = effects
        self._search = search
        self._partners = partners
        self._recorder = recorder
        self._refusals = refusals

    async def answer(self, raw: bytes, peer: Peer, wire: Wire = "mllp") -> Sequence[bytes]:
        """The answers to what came in a frame, one message or several.

        Raises `Unavailable` without a database: then nothing is answered, and the partner sends it again.
        """
        try:
            parts = parse_all(raw)
        except Hl7Fault as fault:
            return await self._unreadable(Arrived(uuid4(), wire, raw), fault, peer)
        whole = (raw,) if len(parts) == 1 and parts[0].strip() == raw.strip() else [part + CR for part in parts]
        return [answer for part in whole for answer in await self._answer(Arrived(uuid4(), wire, part), peer)]

    async def again(self, entry: ledger.Entry) -> Sequence[bytes]:
        """What a message that failed is answered with now, as if its partner had sent it again."""
        partner = await self._partners.named(entry.partner)
        if entry.is_settled or partner is None:
            return answers_of(entry)
        if not entry.control_id:
            raise Unprocessable("A message without a control id that is its own cannot be processed again")
        arrived = Arrived(entry.id, entry.wire, entry.raw, entry.kind, entry.sender, entry.control_id, partner.id)
        context = self._context(partner, arrived, Peer(""))
        return await self._take(_Case(parse(entry.raw), arrived, partner, context))

    async def _answer(self, arrived: Arrived, peer: Peer) -> Sequence[bytes]:
        try:
            message = parse(arrived.raw)
            sender = "|".join(message.sender)
            arrived = replace(arrived, kind=message.kind, sender=sender, control_id=message.control_id)
            if len(message.control_id) > CONTROL_ID_CHARACTERS_MAX:
                raise _too_long(message)
        except Hl7Fault as fault:
            return await self._unreadable(arrived, fault, peer)
        partner = await self._partners.of_sender(sender)
        if partner is None or not partner.may_come_from(peer.address, peer.certificate):
            return await self._stranger(message, arrived, peer)
        case = _Case(message, replace(arrived, partner=partner.id), partner, self._context(partner, arrived, peer))
        try:
            return await self._once(case)
        except AlreadyAnswered:  # on another connection, meanwhile
            return await self._once(case)

    async def _once(self, case: _Case) -> Sequence[bytes]:
        """What it was answered before, where it was and did not fail; what failed keeps its id in the ledger."""
        async with self._database.connection() as connection:
            entry = await ledger.known(connection, case.arrived.sender, case.arrived.control_id)
        if entry is None:
            return await self._take(case)
        if entry.digest != case.arrived.digest:
            fault = Hl7Fault(faults.DUPLICATE_KEY, "MSH-10", "another message of this control id was received before")
            return await self._refuse(replace(case, arrived=replace(case.arrived, control_id="")), fault)
        if entry.is_settled:
            return answers_of(entry)
        return await self._take(replace(case, arrived=replace(case.arrived, id=entry.id)))

    async def _take(self, case: _Case) -> Sequence[bytes]:
        try:
            return await self._done(case)
        except (AlreadyAnswered, Unavailable):
            raise
        except Hl7Fault as fault:
            return await self._refuse(case, fault)
        except GalenicError as error:
            return await self._refuse(case, fault_of(error))
        except Exception as error:  # noqa: BLE001 - one message that shows a defect of ours must not hold up the others
            LOG.error("message %s shows a defect: %s", case.arrived.id, type(error).__name__)  # noqa: TRY400 - no values in the log
            return await self._refuse(case, Hl7Fault(faults.APPLICATION_ERROR, "", "it could not be processed"))

    async def _done(self, case: _Case) -> Sequence[bytes]:
        if not case.partner.may_send(case.message.kind):
            raise Hl7Fault(faults.MESSAGE_TYPE, "MSH-9", "this partner may not send such messages", reject=True)
        if case.message.kind == dispense_history.KIND:
            return await self._told(case)
        return await self._commit(case, kept_to(case.partner, to_fhir(case.message, self._making(case))))

    async def _told(self, case: _Case) -> Sequence[bytes]:
        """What was dispensed to a patient; that it left is recorded before it does."""
        making = self._making(case)
        query = dispense_history.query_of(case.message, making)
        check_query(case.partner, query)
        found = await self._search(case.context, DISPENSE, query)
        now, control_id = making.now, case.control_id
        told = history(case.message, found.resources, (), now=now, control_id=control_id, making=making)
        answers = [*self._accepted(case, "AA"), *([told] if case.wanted.application("AA") else [])]
        async with self._database.transaction() as connection:
            await ledger.record(connection, case.arrived, Settled("answered", "AA", FS.join(answers)))
        asked = f"{DISPENSE}?{query}"
        await self._recorder.record(Record(case.context, MESSAGE, 200, DISPENSE, patients=found.patients, query=asked))
        return answers

    def _making(self, case: _Case) -> Making:
        return case.partner.making(case.arrived.id, self._database.clock.now())

    async def _commit(self, case: _Case, mapped: Mapped) -> Sequence[bytes]:
        answers = self._answers(case, "AA", ())
        whole = with_original(mapped, case.arrived.raw, CONTENT_TYPE, f"urn:uuid:{case.arrived.id}")

        async def record(connection: Connection, resources: Sequence[str]) -> None:
            settled = Settled("answered", "AA", FS.join(answers), mapped.notes, resources)
            await ledger.record(connection, case.arrived, settled)

        await self._effects.commit(whole, case.context, record)
        return answers

    async def _refuse(self, case: _Case, fault: Hl7Fault) -> Sequence[bytes]:
        code = "AR" if fault.reject else "AE"
        answers = self._answers(case, code, (fault,))
        async with self._database.transaction() as connection:
            settled = Settled("failed", code, FS.join(answers), (note_of(fault),))
            await ledger.record(connection, case.arrived, settled)
        await self._recorder.record(Record(case.context, MESSAGE, 403 if fault.reject else 422))
        return answers

    def _answers(self, case: _Case, code: str, found: Sequence[Hl7Fault]) -> list[bytes]:
        """What MSH-15 and MSH-16 ask for; in original mode the application's answer alone."""
        answers = self._accepted(case, code)
        if case.wanted.application(code):
            answers.append(_reply(case.message, code, found, self._database.clock.now(), case.control_id))
        return answers

    def _accepted(self, case: _Case, code: str) -> list[bytes]:
        """The accept acknowledgement, where it is wanted."""
        if not case.wanted.accept(code):
            return []
        now, control_id = self._database.clock.now(), f"C{case.control_id[1:]}"
        return [acknowledge(case.message, f"C{code[1]}", (), now=now, control_id=control_id)]

    async def _unreadable(self, arrived: Arrived, fault: Hl7Fault, peer: Peer) -> Sequence[bytes]:
        """Kept where its header says that it is a partner's; answered as far as there is a header."""
        header, code = fault.header, "AR" if fault.reject else "AE"
        sender = f"{header.text(3)}|{header.text(4)}" if header else ""
        partner = await self._partners.of_sender(sender) if sender else None
        if partner is not None and partner.may_come_from(peer.address, peer.certificate):
            async with self._database.transaction() as connection:
                kept = replace(arrived, sender=sender, partner=partner.id)
                await ledger.record(connection, kept, Settled("failed", code, None, (note_of(fault),)))
        else:
            await self._refusals.refuse(Record(self._context(None, arrived, peer), REFUSED, 403))
        now, control_id = self._database.clock.now(), arrived.id.hex[:CONTROL_ID_CHARACTERS]
        return [acknowledge(header, code, (fault,), now=now, control_id=control_id)]

    async def _stranger(self, message: Message, arrived: Arrived, peer: Peer) -> Sequence[bytes]:
        """Nothing of theirs is kept."""
        await self._refusals.refuse(Record(self._context(None, arrived, peer), REFUSED, 403))
        text = "no partner is known by this application and facility at this address"
        fault = Hl7Fault(faults.UNKNOWN_KEY, "MSH-3", text, reject=True)
        control_id = arrived.id.hex[:CONTROL_ID_CHARACTERS]
        return [acknowledge(message, "AR", (fault,), now=self._database.clock.now(), control_id=control_id)]

    def _context(self, partner: Partner | None, arrived: Arrived, peer: Peer) -> Context:
        name = partner.id if partner else "unknown"
        return Context(f"partner/{name}", name, TREATMENT, str(arrived.id), address=peer.address)


def answers_of(entry: ledger.Entry) -> list[bytes]:
    """What a message was answered with; in enhanced mode nothing may have been wanted."""
    return [answer for answer in (entry.answer or b"").split(FS) if answer]


def _too_long(message: Message) -> Hl7Fault:
    text = f"a control id has at most {CONTROL_ID_CHARACTERS_MAX} characters"
    return Hl7Fault(faults.VALUE_TOO_LONG, "MSH-10", text, reject=True, header=message.header)


def _reply(message: Message, code: str, found: Sequence[Hl7Fault], now: datetime, control_id: str) -> bytes:
    """Orders have replies of their own, by their numbers, and so have master files."""
    if message.header.text(9) == MASTER_FILE:
        return master_file_reply.reply(message, code, found, now=now, control_id=control_id)
    if message.kind in REPLIES:
        return reply(message, found, {}, now=now, control_id=control_id)
    return acknowledge(message, code, found, now=now, control_id=control_id)


def fault_of(error: GalenicError) -> Hl7Fault:
    """What the store says, at the place of the message that it says it of."""
    code = next((code for kind, code in CODES.items() if isinstance(error, kind)), faults.RECORD_LOCKED)
    issue = error.issues[0] if error.issues else None
    if issue is None:
        return Hl7Fault(code, "", error.message)
    place, _, _ = issue.expression.partition(INSIDE)
    return Hl7Fault(code, place if faults.location(place) else "", issue.diagnostics)


def note_of(fault: Hl7Fault) -> Note:
    return Note("error", fault.place, f"{fault.code}: {fault.text}")
