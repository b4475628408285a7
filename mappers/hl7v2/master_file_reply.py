"""MFK: what became of the records of a master file notification. Chapter 8 of HL7 v2.

A notification is taken as a whole or not at all, so all of its records have one outcome.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mappers.hl7v2.acknowledgement import again, opening, written
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Field, Message, Segment
from mappers.hl7v2.times import of_moment

SUCCESS, FAILURE = "S", "U"
"""Table 0181."""
ASKED: Final = {"NE": "", "SU": SUCCESS, "ER": FAILURE, "AL": SUCCESS + FAILURE}
"""MFI-6 (0155): of which records the sender wants to hear; without it of all."""


def reply(message: Message, code: str, faults: Sequence[Hl7Fault], *, now: datetime, control_id: str) -> bytes:
    """The MFK of an MFN; `code` is of table 0008."""
    kind = f"MFK^{message.header.text(9, 2)}^MFK_M01"
    segments, charset = opening(message, kind, code, faults, now=now, control_id=control_id)
    header = message.first("MFI")
    outcome = FAILURE if faults else SUCCESS
    asked = ASKED.get(header.text(6), SUCCESS + FAILURE) if header else SUCCESS + FAILURE
    records = [_record(one, outcome, now) for one in message.all("MFE")] if outcome in asked else []
    file = [_file(header)] if header else []
    return written([*segments, *file, *records], charset)


def _file(header: Segment) -> Sequence[Field]:
    return ["MFI", *(again(header, field) for field in range(1, 7))]


def _record(record: Segment, outcome: str, now: datetime) -> Sequence[Field]:
    """MFA: the record as its MFE names it, when it was done with, and the outcome."""
    echoed = [again(record, field) for field in (1, 2)]
    return ["MFA", *echoed, of_moment(now), outcome, again(record, 4), again(record, 5)]
