"""A message of HL7 v2 to FHIR: which mapping makes what of it."""

from collections.abc import Callable, Mapping
from typing import Final

from mappers.hl7v2.faults import (
    EVENT_CODE,
    MESSAGE_TYPE,
    PROCESSING_ID,
    REQUIRED_FIELD_MISSING,
    VERSION_ID,
    Hl7Fault,
)
from mappers.hl7v2.message import Message
from mappers.hl7v2.to_fhir import admissions, charge_item, master_files, orders
from mappers.hl7v2.to_fhir.draft import Draft
from mappers.hl7v2.to_fhir.leftovers import left_over, own_systems
from mappers.hl7v2.to_fhir.message_header import message_header
from mappers.hl7v2.to_fhir.provenance import provenance
from mappers.making import Making
from mappers.mapped import Mapped, Resource

VERSIONS: Final = frozenset("2.1 2.2 2.3 2.3.1 2.4 2.5 2.5.1 2.6 2.7 2.7.1 2.8 2.8.1 2.8.2".split())
"""Table 0104 up to 2.8.2."""
PROCESSING: Final = frozenset("PTD")
"""Table 0103: production, training, debugging."""
TOLD: Final = ("create", "merge")
"""How an entry meets the store that the message tells of; what it only refers to stays as it is."""
KINDS: Final[Mapping[str, Callable[[Message, Making], Mapped]]] = {
    **admissions.KINDS,
    **charge_item.KINDS,
    **master_files.KINDS,
    **orders.KINDS,
}
"""By message type and event. Those before 2.2 and of few senders have no event."""


def to_fhir(message: Message, making: Making) -> Mapped:
    """Raises Hl7Fault: with `reject` where the header says that no mapping is there for it."""
    kind = accepted(message)
    return with_origin(message, making, KINDS[kind](message, making))


def accepted(message: Message) -> str:
    """The kind of a message that has a mapping. Raises Hl7Fault 101, 200, 201, 202 or 203 for the others."""
    header, kind = message.header, message.kind
    if not message.version:
        raise _rejected(message, REQUIRED_FIELD_MISSING, 12, "a message says its version")
    if message.version not in VERSIONS:
        raise _rejected(message, VERSION_ID, 12, "no version from 2.1 to 2.8")
    if header.text(11) and header.text(11) not in PROCESSING:
        raise _rejected(message, PROCESSING_ID, 11, "neither P nor T nor D")
    if kind in KINDS:
        return kind
    known = any(one.partition("^")[0] == header.text(9) for one in KINDS)
    code, text = (EVENT_CODE, "event") if known else (MESSAGE_TYPE, "type of message")
    raise _rejected(message, code, 9, f"no mapping is there for this {text}")


def with_origin(message: Message, making: Making, mapped: Mapped) -> Mapped:
    """With the MessageHeader, the Provenance and a note of whatever was not read."""
    draft = Draft(message, making, list(mapped.entries), list(mapped.notes), list(mapped.choices))
    told: list[Resource] = [{"reference": one.full_url} for one in mapped.entries if one.how in TOLD]
    if told:
        message_header(draft, told)
        provenance(draft, told)
    noted = {note.place for note in draft.notes}
    draft.notes += [note for note in left_over(message) if note.place not in noted]
    draft.choices += own_systems(message)
    return draft.mapped()


def _rejected(message: Message, code: str, field: int, text: str) -> Hl7Fault:
    return Hl7Fault(code, f"MSH-{field}", text, reject=True, header=message.header)
