"""What a message is written from: the resources at hand, and what could not be carried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mappers.making import Making
from mappers.mapped import Note, Resource
from mappers.script.message import Header, Message
from mappers.script.rows import Row, draw
from mappers.script.tree import Node, grown


@dataclass(frozen=True, slots=True)
class Written:
    message: Message
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True, slots=True)
class Sending:
    """`resources` by what they are referred to as: `urn:uuid:…` or `Patient/1`."""

    resources: Mapping[str, Resource]
    making: Making
    header: Header
    notes: list[Note] = field(default_factory=list)

    def at(self, reference: Any) -> Resource | None:
        """The resource that a reference is to; None, with a note, where it is not at hand."""
        text = reference.get("reference", "") if isinstance(reference, dict) else ""
        if not text:
            return None
        if text not in self.resources:
            self.note(text.partition("/")[0] if not text.startswith("urn:") else "Reference", "It is not at hand")
        return self.resources.get(text)

    def note(self, place: str, text: str) -> None:
        self.notes.append(Note("warning", place, text))

    def node(self, name: str, rows: Sequence[Row], resource: Resource) -> Node:
        """An element with what the rows find in a resource."""
        return grown(name, draw(resource, rows, self.making))


def joined(name: str, *parts: Node | None) -> Node:
    """An element with the children of others; those that are not there, or are empty, add nothing."""
    return Node(name, children=tuple(child for part in parts if part for child in part.children))


def within(name: str, *children: Node | None) -> Node | None:
    """An element around others; None where there are none."""
    kept = tuple(child for child in children if child and (child.children or child.text))
    return Node(name, children=kept) if kept else None
