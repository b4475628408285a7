"""HL7 v2 messages in ER7: read once into segments, whose fields are looked at when somebody asks.

Chapter 2, https://www.hl7.org/implement/standards/product_brief.cfm?product_id=185. Segments are walked by position:
real senders break the grammar of groups, so there are none here.
"""

import re
from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias, Union

from mappers.hl7v2.charsets import codec_of, marked
from mappers.hl7v2.escapes import ABSENT, UNPRINTABLE, Delimiters, can_divide
from mappers.hl7v2.faults import (
    CARDINALITY,
    DATA_TYPE,
    REQUIRED_FIELD_MISSING,
    SEGMENT_SEQUENCE,
    TABLE_VALUE_NOT_FOUND,
    VALUE_TOO_LONG,
    Hl7Fault,
)

BYTES_MAX: Final = 16 * 1024 * 1024
SEGMENTS_MAX: Final = 10_000
FIELDS_MAX: Final = 1_000
"""Of a segment."""
REPETITIONS_MAX: Final = 1_000
"""Of all fields of a segment together."""
COMPONENTS_MAX: Final = 1_000
"""Of one repetition of a field, sub-components included."""
MESSAGES_MAX: Final = 100
"""Of a frame or file: each is a transaction of its own, and all of them are answered at once."""

NULL: Final = None
"""What `write` makes `""` of: the sender says that there is no value."""
NULL_WRITTEN: Final = '""'

Component: TypeAlias = str | tuple[str | None, ...] | None
"""A text, or sub-components."""
Repetition: TypeAlias = str | tuple[Component, ...] | None
"""A text, or components."""
Field: TypeAlias = Union[Repetition, list[Repetition]]  # noqa: UP007  mypy has no | for recursive aliases
"""One repetition, or a list of them: a list repeats, a tuple divides."""

HEADERS: Final = frozenset({"MSH", "FHS", "BHS"})
"""Segments whose first field is the separator itself."""
DELIMITERS_MAX: Final = 5
"""In MSH-2: component, repetition, escape, sub-component, truncation (from 2.7)."""
NAME: Final = re.compile(r"[A-Z][A-Z0-9]{2}")
LINES: Final = re.compile(r"[\r\n]+")
LINES_OF_BYTES: Final = re.compile(rb"[\r\n]+")
PARTS: Final = re.compile(rb"(?<![\r\n])[\r\n]++(?=MSH[^A-Za-z0-9\s])")
TRAILERS: Final = re.compile(rb"(?<![\r\n])[\r\n]++(?:(?:FHS|BHS|BTS|FTS)[^A-Za-z0-9\s][^\r\n]*+[\r\n]*+)++")
"""What of a batch stands behind a message, or before the first one. Nothing is looked at twice, however many there are.
"""


class Value:
    """One repetition of a field. Components and sub-components count from 1.

    It remembers which components somebody read, and why one that was read is not carried on: what no mapping read,
    nobody loses in silence.
    """

    __slots__ = ("_divider", "_marks", "_parts", "_read_bits", "own", "raw", "reasons")

    def __init__(self, raw: str, marks: Delimiters, divider: str | None = None) -> None:
        self.raw = raw
        self._marks = marks
        self._divider = divider
        self._parts: list[str] | None = None
        self._read_bits = 0
        self.reasons: dict[int, str] = {}
        self.own = 0
        """The component whose word stands for a system that is its sender's own; 0 where there is none."""

    def __bool__(self) -> bool:
        """Whether there is a text anywhere in it."""
        return any(self._read(one) for part in self._split() for one in part.split(self._inner_divider))

    @property
    def is_null(self) -> bool:
        """Whether it says `""` and nothing else: the value is to be deleted."""
        parts = [one for part in self._split() for one in part.split(self._inner_divider) if one]
        return bool(parts) and all(one == NULL_WRITTEN for one in parts)

    @property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """All of it: the sub-components of each component."""
        return tuple(tuple(map(self._read, part.split(self._inner_divider))) for part in self._split())

    @property
    def components(self) -> int:
        return len(self._split())

    def subcomponents(self, component: int = 1) -> int:
        """How many a component has; 0 where there is no such component."""
        parts = self._split()
        return parts[component - 1].count(self._inner_divider) + 1 if component <= len(parts) else 0

    def text(self, component: int = 1, subcomponent: int = 1) -> str:
        """Unescaped and without space around it; "" where there is nothing, and for `""`."""
        self._read_bits |= 1 << component
        parts = self._split()
        part = parts[component - 1] if component <= len(parts) else ""
        if not part:
            return ""
        divider = self._inner_divider
        if divider not in part:
            return self._read(part) if subcomponent == 1 else ""
        inner = part.split(divider)
        return self._read(inner[subcomponent - 1]) if subcomponent <= len(inner) else ""

    def whole(self, component: int = 1) -> str:
        """A component of a simple type: a sub-component separator that is not escaped belongs to its text."""
        self._read_bits |= 1 << component
        parts = self._split()
        return self._read(parts[component - 1]) if component <= len(parts) else ""

    def texts(self) -> tuple[str, ...]:
        """The first sub-component of each component."""
        return tuple(self.text(number) for number in range(1, self.components + 1))

    def inner(self, component: int) -> "Value":
        """A component as a value whose components are its sub-components: the HD within a CX."""
        self._read_bits |= 1 << component
        parts = self._split()
        raw = parts[component - 1] if component <= len(parts) else ""
        return Value(raw, self._marks, self._inner_divider)

    def rest(self, component: int) -> "Value":
        """The components from one on as a value of their own: the HD at the end of an EI."""
        parts = self._split()
        self._read_bits |= sum(1 << number for number in range(component, len(parts) + 1))
        divider = self._marks.component if self._divider is None else self._divider
        return Value(divider.join(parts[component - 1 :]), self._marks, self._divider)

    def leave(self, component: int = 1, why: str = "has no place in FHIR") -> None:
        """A component that was read, and is not carried after all."""
        self.reasons[component] = why

    @property
    def was_read(self) -> bool:
        return self._read_bits > 0

    @property
    def unread(self) -> tuple[int, ...]:
        """The components that say something and were never read."""
        return tuple(
            number
            for number, part in enumerate(self._split(), start=1)
            if part and part != NULL_WRITTEN and not self._read_bits >> number & 1
        )

    @property
    def _inner_divider(self) -> str:
        return self._marks.subcomponent if self._divider is None else ABSENT

    def _read(self, part: str) -> str:
        return "" if part == NULL_WRITTEN else self._marks.unescape(part).strip()

    def _split(self) -> list[str]:
        if self._parts is None:
            self._parts = self.raw.split(self._marks.component if self._divider is None else self._divider)
        return self._parts


PLAIN: Final = Delimiters(ABSENT, ABSENT, ABSENT, ABSENT, ABSENT)
"""Of the delimiters themselves, which are not to be divided by what they say."""


class Segment:
    """`number` is the how-manieth of its name in the message, from 1. Fields count from 1."""

    __slots__ = ("_counts", "_fields", "_values", "marks", "name", "number", "raw")

    def __init__(self, raw: str, marks: Delimiters, counts: dict[str, int] | None = None) -> None:
        self.raw = raw
        self.name = raw[:3]
        self.marks = marks
        self._counts = {} if counts is None else counts
        self.number = self._counts[self.name] = self._counts.get(self.name, 0) + 1
        self._fields: list[str] | None = None
        self._values: dict[int, tuple[Value, ...]] = {}

    def __repr__(self) -> str:
        return f"<{self.place()}>"  # its fields are a patient's

    @property
    def fields(self) -> int:
        """The number of its last field."""
        return len(self._split()) - (self.name not in HEADERS)

    def written(self, field: int) -> str:
        """A field as it stands, repetitions and escapes and all."""
        index = field - (self.name in HEADERS)
        fields = self._split()
        if index == 0:
            return self.marks.field
        return fields[index] if index < len(fields) else ""

    def repetitions(self, field: int) -> tuple[Value, ...]:
        """None where the field is empty; an empty one among others is left out."""
        if field not in self._values:
            self._values[field] = self._divided(field)
        return self._values[field]

    def _divided(self, field: int) -> tuple[Value, ...]:
        text = self.written(field)
        if not text:
            return ()
        if self.name in HEADERS and field <= 2:  # noqa: PLR2004  MSH-1 and MSH-2
            return (Value(text, PLAIN),)
        if self.marks.repetition not in text:
            return (Value(text, self.marks),)
        return tuple(Value(one, self.marks) for one in text.split(self.marks.repetition) if one)

    def value(self, field: int) -> Value:
        """The first repetition, or an empty one."""
        found = self.repetitions(field)
        return found[0] if found else Value("", self.marks)

    def text(self, field: int, component: int = 1, subcomponent: int = 1) -> str:
        return self.value(field).text(component, subcomponent)

    def was_read(self, field: int) -> bool:
        """Whether somebody asked what the field says."""
        return any(value.was_read for value in self._values.get(field, ()))

    def own_places(self) -> list[str]:
        """Where systems that are the sender's own are named by a word."""
        return [self.place(field, one.own) for field, values in self._values.items() for one in values if one.own]

    def is_null(self, field: int) -> bool:
        """Whether all the field says is `""`."""
        values = self.repetitions(field)
        return len(values) == 1 and values[0].is_null

    def place(self, field: int = 0, component: int = 0) -> str:
        """`RXE`, `RXE-2`, `RXE-2.1`; where the message has several of its name, `RXE[2]-2.1`."""
        segment = self.name if self._counts[self.name] == 1 else f"{self.name}[{self.number}]"
        return segment + (f"-{field}" if field else "") + (f".{component}" if component else "")

    def _split(self) -> list[str]:
        if self._fields is None:
            self._fields = self.raw.split(self.marks.field)
        return self._fields


class Message:
    """What `parse` makes of bytes."""

    __slots__ = ("header", "segments")

    def __init__(self, segments: tuple[Segment, ...]) -> None:
        self.segments = segments
        self.header = segments[0]

    @property
    def kind(self) -> str:
        """`RDE^O11`; without an event, `ACK`."""
        code = self.header.value(9)
        return "^".join(one for one in (code.text(1), code.text(2)) if one)

    @property
    def control_id(self) -> str:
        return self.header.text(10)

    @property
    def version(self) -> str:
        return self.header.text(12)

    @property
    def sender(self) -> tuple[str, str]:
        """Application and facility, by their namespace ids."""
        return self.header.text(3), self.header.text(4)

    @property
    def receiver(self) -> tuple[str, str]:
        return self.header.text(5), self.header.text(6)

    @property
    def charset(self) -> str:
        """MSH-18 as it stands: `~ISO IR87`."""
        return self.header.written(18)

    def all(self, *names: str) -> tuple[Segment, ...]:
        """In the order of the message."""
        return tuple(one for one in self.segments if one.name in names)

    def first(self, name: str) -> Segment | None:
        return next((one for one in self.segments if one.name == name), None)


def parse_all(raw: bytes) -> tuple[bytes, ...]:
    """The messages in a frame or file, one after the other, with or without the headers and trailers of a batch.

    What stands before the first is a part of its own, which `parse` then refuses: nothing is passed over. Raises
    Hl7Fault where there are more than MESSAGES_MAX: of these, none is taken.
    """
    if marked(raw).startswith(("utf-16", "utf-32")):
        return (raw,)
    before, *messages = PARTS.split(b"\r" + raw, maxsplit=MESSAGES_MAX + 1)
    if len(messages) > MESSAGES_MAX:
        text = f"a frame has at most {MESSAGES_MAX} messages"
        raise Hl7Fault(CARDINALITY, "", text, reject=True, header=_header_of(messages[0]))
    parts = (_without_trailers(part).lstrip() for part in (before, *messages))
    return tuple(part for part in parts if part)


def parse(raw: bytes) -> Message:
    """One message. Raises Hl7Fault: with `reject` where the header is to blame."""
    if len(raw) > BYTES_MAX:
        raise Hl7Fault(VALUE_TOO_LONG, "", f"a message has at most {BYTES_MAX} bytes", reject=True)
    text, codec = _decoded(raw)
    lines = [line for line in LINES.split(text) if line.strip()]
    marks = _delimiters(lines[0], codec)
    counts: dict[str, int] = {}
    header = Segment(lines[0], marks, counts)
    if not header.text(10):
        raise Hl7Fault(REQUIRED_FIELD_MISSING, "MSH-10", "a message has a control id", reject=True, header=header)
    _check(lines, marks, header)
    return Message((header, *(Segment(line, marks, counts) for line in lines[1:])))


def write(segments: Sequence[Sequence[Field]], charset: str) -> bytes:
    r"""ER7 of plain texts, with CR after each segment: `("PID", "1", "", [("A1", "", "", "MR")])`.

    The first one is MSH with its delimiters as fields 1 and 2; `charset` is what MSH-18 says, repetitions
    apart by `~`. Raises UnicodeEncodeError
    where the character set lacks a character, LookupError where the table lacks the set.
    """
    codec = codec_of(charset.split("~"))
    if codec is None:
        raise LookupError("a character set that is not of table 0211")
    header = segments[0]
    marks = _delimiters(f"{header[0]}{header[1]}{header[2]}{header[1]}", codec)
    lines = [f"{header[0]}{header[1]}{header[2]}", *("" for _ in segments[1:])]
    lines[0] += "".join(marks.field + _field(one, marks) for one in header[3:])
    lines[1:] = [marks.field.join((str(one[0]), *(_field(field, marks) for field in one[1:]))) for one in segments[1:]]
    return "".join(line.rstrip(marks.field) + "\r" for line in lines).encode(codec)


def _without_trailers(part: bytes) -> bytes:
    for last in deque(TRAILERS.finditer(part), maxlen=1):
        if not part[last.end() :].strip():
            return part[: last.start()]
    return part


def _header_of(raw: bytes) -> Segment | None:
    """As far as it can be read: somebody is to be answered."""
    try:
        line = LINES_OF_BYTES.split(raw, maxsplit=1)[0]
        return parse(line).header
    except Hl7Fault as fault:
        return fault.header


def _decoded(raw: bytes) -> tuple[str, str]:
    codec = marked(raw)
    if codec:
        line = raw.decode(codec, "replace").removeprefix("\ufeff").lstrip()
    else:
        line = LINES_OF_BYTES.split(raw.lstrip(), maxsplit=1)[0].decode("ascii", "replace").replace("\ufffd", "?")
    if not line.startswith("MSH") or len(line) < 5:  # noqa: PLR2004  a separator and one delimiter at least
        raise Hl7Fault(SEGMENT_SEQUENCE, "MSH", "a message begins with MSH", reject=True)
    header = Segment(LINES.split(line, maxsplit=1)[0], _delimiters(line, codec))
    codec = codec or codec_of(header.written(18).split(header.marks.repetition)) or ""
    if not codec:
        text = "a character set that is not of table 0211: what the bytes mean is unknown"
        raise Hl7Fault(TABLE_VALUE_NOT_FOUND, "MSH-18", text, reject=True, header=header)
    try:
        return raw.decode(codec).removeprefix("\ufeff").lstrip(), codec
    except UnicodeDecodeError as error:
        name = NAME.match(LINES_OF_BYTES.split(raw[: error.start])[-1].decode("latin-1"))
        text = "bytes that are no characters of the set that MSH-18 names"
        raise Hl7Fault(DATA_TYPE, name[0] if name else "", text, header=header) from None


def _delimiters(line: str, codec: str) -> Delimiters:
    r"""Of a header. A doubled `\\`, which senders write whose language doubles it, is one."""
    field = line[3]
    given = line[4:].split(field, maxsplit=1)[0].replace("\\\\", "\\")
    if not 1 <= len(given) <= DELIMITERS_MAX or not can_divide(field + given):
        header = Segment(line, Delimiters(field=field))
        text = "one to five delimiters, printable, none of them twice, and neither letters nor digits"
        raise Hl7Fault(DATA_TYPE, "MSH-2", text, reject=True, header=header)
    component, repetition, escape, subcomponent, truncation = list(given.ljust(DELIMITERS_MAX, ABSENT))
    return Delimiters(field, component, repetition, escape, subcomponent, truncation, codec)


def _check(lines: list[str], marks: Delimiters, header: Segment) -> None:
    if len(lines) > SEGMENTS_MAX:
        raise Hl7Fault(CARDINALITY, "", f"a message has at most {SEGMENTS_MAX} segments", header=header)
    for number, line in enumerate(lines, start=1):
        if not NAME.match(line) or line[3:4] not in ("", marks.field):
            text = f"line {number} begins no segment"
            raise Hl7Fault(SEGMENT_SEQUENCE, "", text, header=header)
        if line.count(marks.field) > FIELDS_MAX or line.count(marks.repetition) > REPETITIONS_MAX:
            text = f"a segment has at most {FIELDS_MAX} fields and {REPETITIONS_MAX} repetitions"
            raise Hl7Fault(CARDINALITY, line[:3], text, header=header)
        if _has_too_many_components(line, marks):
            text = f"a field has at most {COMPONENTS_MAX} components and sub-components"
            raise Hl7Fault(CARDINALITY, line[:3], text, header=header)
        if UNPRINTABLE.search(line):
            raise Hl7Fault(DATA_TYPE, line[:3], "a control character, which no text of FHIR holds", header=header)


def _has_too_many_components(line: str, marks: Delimiters) -> bool:
    if _dividers_in(line, marks) < COMPONENTS_MAX:
        return False
    values = (one for field in line.split(marks.field) for one in field.split(marks.repetition))
    return any(_dividers_in(one, marks) >= COMPONENTS_MAX for one in values)


def _dividers_in(text: str, marks: Delimiters) -> int:
    return text.count(marks.component) + text.count(marks.subcomponent)


def _field(field: Field, marks: Delimiters) -> str:
    repetitions = field if isinstance(field, list) else [field]
    said = repetitions if marks.repetition != ABSENT else repetitions[:1]
    return marks.repetition.join(_joined(one, (marks.component, marks.subcomponent), marks) for one in said)


def _joined(part: Repetition | Component, dividers: tuple[str, ...], marks: Delimiters) -> str:
    """Without what is empty at its end. Where MSH-2 has nothing to divide it by, the first part is all that is said."""
    if part is NULL:
        return NULL_WRITTEN
    if isinstance(part, str):
        return marks.escaped(part) if part != NULL_WRITTEN else _two_quotes(marks)
    said = part if dividers[0] != ABSENT else part[:1]
    return dividers[0].join(_joined(one, dividers[1:], marks) for one in said).rstrip(dividers[0])


def _two_quotes(marks: Delimiters) -> str:
    """The text, which is not to be read as no value; nothing where it cannot be told from it."""
    return "" if marks.escape == ABSENT else f"{marks.escape}X2222{marks.escape}"
