"""Places in a resource: what an expression selects, with the object and the property that hold it.

A primitive and its sibling (`birthDate`, `_birthDate`) are one place. https://hl7.org/fhir/R4/json.html#primitive
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Place:
    """`owner[name]`, or its item `index`; `type_name` is the FHIR type, of a backbone element its path."""

    parent: "Place | None"
    owner: dict[str, Any]
    name: str
    index: int | None
    type_name: str

    @property
    def value(self) -> Any:
        return self._of(self.name)

    @property
    def sibling(self) -> Any:
        """The `id` and `extension` beside a primitive."""
        return self._of("_" + self.name)

    @property
    def members(self) -> dict[str, Any] | None:
        """The object that holds the children: the value, or beside a primitive its sibling."""
        value = self.value
        if isinstance(value, dict):
            return value
        sibling = self.sibling
        return sibling if isinstance(sibling, dict) else None

    def _of(self, name: str) -> Any:
        held = self.owner.get(name)
        if self.index is None or not isinstance(held, list):
            return held
        return held[self.index] if self.index < len(held) else None

    def __str__(self) -> str:
        if self.parent is None:
            return self.type_name
        return f"{self.parent}.{self.name}" + ("" if self.index is None else f"[{self.index}]")


def root(resource: dict[str, Any]) -> Place:
    """The place of a whole resource: in an object of its own, under no name."""
    return Place(None, {"": resource}, "", None, str(resource.get("resourceType")))


def held(parent: Place, name: str, type_name: str) -> Iterator[Place]:
    """What the parent holds under one JSON name: nothing, a value, or the items of a list."""
    members = parent.members
    if members is None or (name not in members and "_" + name not in members):
        return
    values, siblings = members.get(name), members.get("_" + name)
    if isinstance(values, list) or isinstance(siblings, list):
        if not (isinstance(values, list | None) and isinstance(siblings, list | None)):
            return  # a list beside what is none: no R4, and no place to change
        for index in range(max(length(values), length(siblings))):
            place = Place(parent, members, name, index, type_name)
            if place.value is not None or place.sibling is not None:
                yield _with_own_type(place)
    else:
        yield _with_own_type(Place(parent, members, name, None, type_name))


def length(items: Any) -> int:
    return len(items) if isinstance(items, list) else 0


def _with_own_type(place: Place) -> Place:
    """A resource inside a resource says itself what it is."""
    if place.type_name != "Resource" or not isinstance(place.value, dict):
        return place
    return Place(place.parent, place.owner, place.name, place.index, str(place.value.get("resourceType")))
