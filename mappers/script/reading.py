"""A message while it is read: what was carried, what was not, and what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from mappers.making import Making
from mappers.mapped import Choice, Entry, How, Mapped, Note, Resource
from mappers.script.message import Message
from mappers.script.tree import Node

UNCARRIED: Final = "FHIR was given nothing of it; the message is kept as it came"


@dataclass(slots=True)
class Reading:
    """Collects the entries, notes and choices of one message."""

    message: Message
    making: Making
    entries: list[Entry] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    disagreements: list[tuple[str, str]] = field(default_factory=list)
    """Where a structured Sig and its text, or its own parts, say different things: place, and what."""
    carried: set[int] = field(default_factory=set)
    """The elements that were read, by identity."""

    def body(self) -> "At":
        return At(self, self.message.body, self.message.kind)

    def add(self, name: str, resource: Resource, how: How = "create", condition: str = "", place: str = "") -> Any:
        """The reference to a resource that is made of what the message calls `name`."""
        full_url = self.making.full_url(name)
        self.entries.append(Entry(full_url, resource, how, condition, place=place))
        return {"reference": full_url}

    def note(self, place: str, text: str, severity: Literal["error", "warning", "information"] = "warning") -> None:
        self.notes.append(Note(severity, place, text))

    def choose(self, element: str, place: str, reason: str) -> None:
        self.choices.append(Choice(element, place, reason))

    def mapped(self) -> Mapped:
        """What came of it, with a note for everything that was not read."""
        body = self.message.body
        left = [place for place, node in body.leaves(body.name) if id(node) not in self.carried]
        notes = [Note("information", place, UNCARRIED) for place in left]
        return Mapped(tuple(self.entries), (*self.message.notes, *self.notes, *notes), tuple(self.choices))


@dataclass(frozen=True, slots=True)
class At:
    """A place in the message; reading a text there means that it is carried."""

    reading: Reading
    node: Node
    place: str

    def text(self, path: str) -> str:
        """The text at a path, "" where there is none. All that stands there is read: of several the first counts."""
        found = self.node.all(path)
        for node in found[:1]:
            self.reading.carried.add(id(node))
        return found[0].text if found else ""

    def one(self, path: str) -> "At | None":
        return next(self.several(path), None)

    def several(self, path: str) -> Iterator["At"]:
        found = self.node.all(path)
        for number, node in enumerate(found, 1):
            ending = f"[{number}]" if len(found) > 1 else ""
            yield At(self.reading, node, f"{self.place}/{path}{ending}")

    def peek(self, path: str) -> str:
        """The text at a path, without carrying it."""
        return self.node.value(path)

    def carry(self, path: str = "") -> None:
        """What is below a path is carried, or needs no carrying."""
        for node in self.node.all(path) if path else (self.node,):
            self.reading.carried.update(id(leaf) for _, leaf in node.leaves())

    def note(self, path: str, text: str, severity: Literal["error", "warning", "information"] = "warning") -> None:
        self.reading.note(f"{self.place}/{path}".rstrip("/"), text, severity)
