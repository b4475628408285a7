"""Messages that leave: nothing is sent that its partner would have to refuse."""

from typing import Final
from uuid import uuid4

from fhir_server.errors import Invalid, NotSupported
from fhir_server.exchange.conversion import standard_of
from fhir_server.exchange.ledger import Arrived
from fhir_server.exchange.partners import Partner
from fhir_server.exchange.schemas import Schemas
from fhir_server.exchange.script import sender_of
from mappers.hl7v2.check import problems
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import parse
from mappers.script.faults import ScriptFault
from mappers.script.message import Message, read
from mappers.script.outgoing import faults_of_outgoing

OURS: Final = ("2017071", "2022011", "2023011")
"""Versions that we write."""


def leaving(raw: bytes, partner: Partner, schemas: Schemas | None) -> Arrived:
    """As it waits in the ledger; raises `Invalid` with all that stands against it, `NotSupported` for what is neither.

    HL7 v2 is judged by hl7apy's grammar, SCRIPT by its rules and by its schema where there is one.
    """
    match standard_of(raw):
        case "hl7v2":
            return _hl7(raw, partner)
        case "script":
            return _script(raw, partner, schemas)
        case _:
            raise NotSupported("FHIR is sent as a message: `galenic map --to` writes it as one")


def _hl7(raw: bytes, partner: Partner) -> Arrived:
    if not partner.address:
        raise Invalid(f"The partner {partner.id} has no address to send HL7 v2 to")
    try:
        message, found = parse(raw), problems(raw)
    except Hl7Fault as fault:
        raise Invalid(str(fault)) from fault
    if found:
        raise Invalid(f"It is not as HL7 v2 {message.version} has it: {'; '.join(found)}")
    return Arrived(uuid4(), "mllp", raw, message.kind, "|".join(message.sender), message.control_id, partner.id)


def _script(raw: bytes, partner: Partner, schemas: Schemas | None) -> Arrived:
    """Waits in the partner's mailbox."""
    try:
        message = read(raw)
    except ScriptFault as fault:
        raise Invalid(str(fault)) from fault
    if partner.secret_hash is None or sender_of(message.header.to) not in partner.senders:
        raise Invalid(f"Header/To is no party of the partner {partner.id} that fetches SCRIPT")
    if found := faults_of_script(message, raw, schemas):
        raise Invalid(f"It is not as SCRIPT {message.version} has it: {'; '.join(str(one) for one in found)}")
    sender, number = sender_of(message.header.from_), message.header.message_id
    return Arrived(uuid4(), "script", raw, message.kind, sender, number, partner.id)


def faults_of_script(message: Message, raw: bytes, schemas: Schemas | None) -> list[ScriptFault]:
    """By the rules of what we send, and by the schema."""
    found = faults_of_outgoing(message)
    if message.version not in OURS:
        found.append(ScriptFault(f"Version {message.version} is not written", "Message"))
    elif schemas:
        found += schemas.faults(raw, message.version)
    return found
