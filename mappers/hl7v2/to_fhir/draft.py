"""What a mapping of one message has so far: entries, notes and choices, in the order they came up."""

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from mappers.hl7v2 import times
from mappers.hl7v2.faults import DATA_TYPE, REQUIRED_FIELD_MISSING, Hl7Fault
from mappers.hl7v2.message import Message, Segment
from mappers.making import Making
from mappers.mapped import Choice, Entry, How, Mapped, Note, Resource, Severity, by_identifier

NUMBER: Final = re.compile(r"\+?(\d{1,15}(?:\.\d{0,14})?|\.\d{1,14})", re.ASCII)
"""An NM of a pharmacy: nothing here is negative."""
INTEGER_MAX: Final = 2**31 - 1
"""https://hl7.org/fhir/R4/datatypes.html#integer"""


@dataclass
class Draft:
    message: Message
    making: Making
    entries: list[Entry] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    _known: dict[tuple[str, str], str] = field(default_factory=dict, init=False)
    _told: dict[tuple[str, str], str] = field(default_factory=dict, init=False)
    _resources: dict[str, Resource] = field(default_factory=dict, init=False)
    _words: Counter[tuple[str, ...]] = field(default_factory=Counter, init=False)
    _counts: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        for entry in self.entries:
            self._index(entry)

    def mapped(self) -> Mapped:
        return Mapped(tuple(self.entries), tuple(self.notes), tuple(self.choices))

    def note(self, severity: Severity, place: str, text: str) -> None:
        self.notes.append(Note(severity, place, text))

    def choose(self, element: str, place: str, reason: str) -> None:
        self.choices.append(Choice(element, place, reason))

    def fault(self, code: str, place: str, text: str) -> Hl7Fault:
        return Hl7Fault(code, place, text, header=self.message.header)

    def add(
        self,
        name: str,
        resource: Resource,
        place: str,
        *,
        how: How = "create",
        condition: str = "",
        cleared: tuple[str, ...] = (),
    ) -> dict[str, str]:
        """A reference to the new entry, whose full URL is made of `name`."""
        full_url = self.making.full_url(name)
        self.entries.append(Entry(full_url, resource, how, condition, cleared, place))
        self._index(self.entries[-1])
        return {"reference": full_url}

    def known(self, type_name: str, condition: str) -> str | None:
        """The full URL of the entry that meets a condition."""
        return self._known.get((type_name, condition))

    def told(self, type_name: str, condition: str) -> Resource | None:
        """A reference to what the message told of before, and does not only refer to."""
        full_url = self._told.get((type_name, condition))
        return {"reference": full_url} if full_url else None

    def resource(self, reference: Resource) -> Resource:
        """What an entry of this message has; {} where it is none of them."""
        return self._resources.get(reference["reference"], {})

    def count_of(self, type_name: str) -> int:
        """How many entries of a type there are."""
        return self._counts[type_name]

    def again(self, words: tuple[str, ...]) -> int:
        """How often this was asked of the same words before."""
        self._words[words] += 1
        return self._words[words] - 1

    def _index(self, entry: Entry) -> None:
        """A message may speak of thousands: nobody looks through them all for each."""
        key = (entry.type_name, entry.condition)
        self._known.setdefault(key, entry.full_url)
        if entry.how in ("merge", "match"):
            self._told.setdefault(key, entry.full_url)
        self._resources[entry.full_url] = entry.resource
        self._counts[entry.type_name] += 1

    def time(self, segment: Segment, number: int) -> str | None:
        """A field as a FHIR dateTime; one that is no time is noted."""
        return self.time_of(segment.text(number), segment.place(number))

    def time_of(self, text: str, place: str) -> str | None:
        moment = times.instant(text, self.making.zone) if text else None
        if text and moment is None:
            self.note("warning", place, "no date or time")
        return moment

    def is_number(self, text: str) -> bool:
        return NUMBER.fullmatch(text) is not None

    def number_of(self, text: str, place: str) -> int | float:
        """Raises Hl7Fault 102: a dose or an amount that cannot be read is not passed over."""
        found = NUMBER.fullmatch(text)
        number = None if found is None else float(found[1]) if "." in text else int(found[1])
        if found is None or number is None or Decimal(repr(number)) != Decimal(found[1]):
            raise self.fault(DATA_TYPE, place, "no number (NM) of at most 15 digits")
        return int(number) if number == int(number) else number

    def number(self, segment: Segment, field_number: int) -> int | float | None:
        text = segment.text(field_number)
        return self.number_of(text, segment.place(field_number)) if text else None

    def count(self, segment: Segment, field_number: int) -> int | None:
        """A whole number; raises Hl7Fault 102, also for one that FHIR does not hold."""
        number = self.number(segment, field_number)
        if isinstance(number, float) or (number or 0) > INTEGER_MAX:
            raise self.fault(DATA_TYPE, segment.place(field_number), f"no whole number up to {INTEGER_MAX}")
        return number

    def positive_int(self, segment: Segment, field_number: int) -> int | None:
        return self.count(segment, field_number) or None

    def required(self, segment: Segment, field_number: int) -> None:
        """Raises Hl7Fault 101."""
        if not segment.value(field_number):
            place = segment.place(field_number)
            raise self.fault(REQUIRED_FIELD_MISSING, place, "FHIR cannot say this without it")


def condition_of(identifier: Resource) -> str:
    """The query that finds what has it: `identifier=http://hospital.example/rx|1`."""
    return by_identifier(identifier.get("system", ""), identifier.get("value", ""))
