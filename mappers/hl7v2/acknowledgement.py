"""ACK: that a message came, and what is wrong with it. Chapter 2 of HL7 v2, "Message acknowledgment".

Original mode has one answer, the application's. In enhanced mode MSH-15 asks for one when the message is safe, MSH-16
for one when it was processed. Errors are ERR-2 to ERR-8 from 2.5 on, MSA-3 and ERR-1 before.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from mappers.hl7v2.charsets import codec_of
from mappers.hl7v2.escapes import ABSENT, can_divide
from mappers.hl7v2.faults import MEANINGS, Hl7Fault, location
from mappers.hl7v2.message import Field, Message, Repetition, Segment, write
from mappers.hl7v2.times import of_moment

ALWAYS, NEVER, ON_ERROR, ON_SUCCESS = "AL", "NE", "ER", "SU"
"""Table 0155."""
ERRORS_IN_ERR: Final = (2, 5)
"""The version from which on ERR says a fault field by field."""
STRUCTURES: Final = (2, 3, 1)
"""The version from which on MSH-9 has a structure."""
VERSION: Final = re.compile(r"\d{1,3}(?:\.\d{1,3})*", re.ASCII)
NO_VERSION: Final = "2.5.1"
"""Of an answer to what has no header to take it from."""
DELIMITERS: Final = r"|^~\&"
"""MSH-1 and MSH-2 of an answer to what has none."""
TEXT_MAX: Final = 80
"""Characters of MSA-3."""
CHARSET: Final = 18
"""The field of MSH that names the character set."""
EVERY_CHARACTER: Final = "UNICODE UTF-8"
ERROR_TABLE: Final = "HL70357"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What MSH-15 and MSH-16 ask for; without both it is original mode."""

    accepting: str
    processing: str

    @property
    def is_enhanced(self) -> bool:
        return bool(self.accepting or self.processing)

    def accept(self, code: str) -> bool:
        """Whether that it is safe (CA), or is not (CE, CR), is to be said."""
        return self.is_enhanced and _asks(self.accepting, code)

    def application(self, code: str) -> bool:
        """Whether AA, AE or AR is to be said."""
        return not self.is_enhanced or _asks(self.processing, code)


def wanted(message: Message) -> Wanted:
    return Wanted(message.header.text(15), message.header.text(16))


def acknowledge(
    of: Message | Segment | None, code: str, faults: Sequence[Hl7Fault], *, now: datetime, control_id: str
) -> bytes:
    """An ACK, in the version and the character set of what it answers; `code` is of table 0008.

    Without a header it goes to nobody, and says of no message that it is wrong.
    """
    segments, charset = opening(of, "ACK", code, faults, now=now, control_id=control_id)
    return written(segments, charset)


def opening(
    of: Message | Segment | None, kind: str, code: str, faults: Sequence[Hl7Fault], *, now: datetime, control_id: str
) -> tuple[list[Sequence[Field]], str]:
    r"""MSH, MSA and ERR of an answer, for `written`, and its character set.

    `kind` is `ACK`, or the whole of MSH-9 for an application's reply: `RRE^O12^RRE_O12`.
    """
    header = of.header if isinstance(of, Message) else of
    version = header.text(12) if header else NO_VERSION
    charset = header.written(18).replace(header.marks.repetition, "~") if header else ""
    charset = charset if codec_of(charset.split("~")) else ""
    msh = _msh(header, kind, charset, now=now, control_id=control_id)
    new = is_from(version, ERRORS_IN_ERR)
    text = faults[0].text[:TEXT_MAX] if faults and not new else ""
    msa = ("MSA", code, header.text(10) if header else "", text)
    return [msh, msa, *(_err(one, new=new) for one in faults)], charset


def written(segments: Sequence[Sequence[Field]], charset: str) -> bytes:
    """An answer; in UTF-8 where the set that was asked for lacks a character of it.

    A message with a byte order mark, or with characters by their bytes (`X`), may say more than its MSH-18 allows.
    """
    try:
        return write(segments, charset)
    except UnicodeEncodeError:
        header, *others = segments
        return write([[*header[:CHARSET], EVERY_CHARACTER, *header[CHARSET + 1 :]], *others], EVERY_CHARACTER)


def is_from(version: str, first: tuple[int, ...]) -> bool:
    """Whether a version is `first` or later; one that is none is."""
    return not VERSION.fullmatch(version) or tuple(map(int, version.split("."))) >= first


def again(segment: Segment | None, field: int) -> Field:
    """A field for `write`, as it was read."""
    repetitions: list[Repetition] = [value.parts for value in segment.repetitions(field)] if segment else []
    return repetitions


def _asks(condition: str, code: str) -> bool:
    return condition == ALWAYS or condition == (ON_SUCCESS if code.endswith("A") else ON_ERROR)


def _msh(header: Segment | None, kind: str, charset: str, *, now: datetime, control_id: str) -> list[Field]:
    version = (header.text(12) if header else "") or NO_VERSION
    answer: Field = tuple(kind.split("^"))
    if kind == "ACK":
        event = header.text(9, 2) if header else ""
        answer = ("ACK", event, "ACK" if event and is_from(version, STRUCTURES) else "")
    ends = [again(header, field) for field in (5, 6, 3, 4)]
    marks = _delimiters(header)
    msh: list[Field] = ["MSH", marks[0], marks[1:], *ends, of_moment(now), "", answer, control_id]
    msh += [again(header, 11) if header else "P", version]
    return [*msh, *[""] * 5, list(charset.split("~"))] if charset else msh


def _delimiters(header: Segment | None) -> str:
    """Those of the header, if they are such."""
    if header is None:
        return DELIMITERS
    marks = header.marks
    parts = (marks.component, marks.repetition, marks.escape, marks.subcomponent, marks.truncation)
    written = marks.field + "".join(one for one in parts if one != ABSENT)
    return written if can_divide(written) else DELIMITERS


def _err(fault: Hl7Fault, *, new: bool) -> Sequence[Field]:
    place = location(fault.place)
    meaning = MEANINGS.get(fault.code, fault.text)
    if not new:
        return ("ERR", (*(place[:3] or ("", "", "")), (fault.code, meaning, ERROR_TABLE)))
    return ("ERR", "", place, (fault.code, meaning, ERROR_TABLE), "E", "", "", fault.text, fault.text)
