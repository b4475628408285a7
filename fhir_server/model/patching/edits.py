"""Changes at a place, made to a value and its sibling in step, so that `given` and `_given` stay aligned.

https://hl7.org/fhir/R4/json.html#primitive
"""

from dataclasses import dataclass
from typing import Any

from fhir_server.model.patching.places import Place, length


@dataclass(frozen=True, slots=True)
class Element:
    """A new element: its FHIR type, its JSON value, and beside a primitive its `id` and `extension`."""

    type_name: str
    value: Any
    sibling: dict[str, Any] | None = None


def put(owner: dict[str, Any], name: str, element: Element) -> None:
    """Makes the element the one value of a property."""
    for key, value in ((name, element.value), ("_" + name, element.sibling)):
        if value is None:
            owner.pop(key, None)
        else:
            owner[key] = value


def insert(owner: dict[str, Any], name: str, index: int, element: Element) -> None:
    """Adds an item to a list that may not be there yet."""
    count = items(owner, name)
    for key, value in ((name, element.value), ("_" + name, element.sibling)):
        held = owner.get(key)
        if held is None and value is None:
            continue
        held = _padded(held, count)
        held.insert(index, value)
        owner[key] = held


def items(owner: dict[str, Any], name: str) -> int:
    """The number of items of a list and its siblings."""
    return max(length(owner.get(name)), length(owner.get("_" + name)))


def move(owner: dict[str, Any], name: str, source: int, destination: int) -> None:
    count = items(owner, name)
    for key in (name, "_" + name):
        if key in owner:
            held = owner[key] = _padded(owner[key], count)
            held.insert(destination, held.pop(source))


def replace(place: Place, name: str, element: Element) -> None:
    """The element in place of the old one; `name` differs from it where a choice changes its type."""
    if place.index is not None:
        _set_item(place, place.index, element)
        return
    if name != place.name:
        put(place.owner, place.name, Element(place.type_name, None))
    put(place.owner, name, element)


def _set_item(place: Place, index: int, element: Element) -> None:
    count = items(place.owner, place.name)
    for key, value in ((place.name, element.value), ("_" + place.name, element.sibling)):
        if key in place.owner or value is not None:
            held = place.owner[key] = _padded(place.owner.get(key), count)
            held[index] = value
    _drop_empty(place.owner, place.name)


def remove(place: Place) -> None:
    """Takes the element away, and every list and object it leaves empty: R4 knows neither."""
    if place.index is None:
        put(place.owner, place.name, Element(place.type_name, None))
    else:
        for key in (place.name, "_" + place.name):
            if length(place.owner.get(key)) > place.index:
                del place.owner[key][place.index]
        _drop_empty(place.owner, place.name)
    if not place.owner and place.parent is not None:
        remove_emptied(place.parent)


def remove_emptied(place: Place) -> None:
    """Takes away a place whose object has become empty; a primitive keeps its value."""
    if place.parent is None:
        return
    if place.value == {} or place.value is None:
        remove(place)
    elif place.index is None:
        place.owner.pop("_" + place.name)
    else:
        place.owner["_" + place.name][place.index] = None
        _drop_empty(place.owner, place.name)


def _drop_empty(owner: dict[str, Any], name: str) -> None:
    for key in (name, "_" + name):
        if key in owner and all(value is None for value in owner[key]):
            del owner[key]


def _padded(held: list[Any] | None, count: int) -> list[Any]:
    held = held or []
    held.extend([None] * (count - len(held)))
    return held


def give_sibling(place: Place) -> dict[str, Any]:
    """Puts an empty object beside a primitive, for its first extension."""
    key, sibling = "_" + place.name, dict[str, Any]()
    if place.index is None:
        place.owner[key] = sibling
    else:
        siblings = place.owner[key] = _padded(place.owner.get(key), items(place.owner, place.name))
        siblings[place.index] = sibling
    return sibling
