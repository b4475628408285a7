"""Moves elements of a tree by a table: what one version calls `ZipCode` another calls `PostalCode`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from mappers.script.tree import NO_ATTRIBUTES, Node

ANYWHERE: Final = "*"
TEXT: Final = "#"
"""In a path: the text of the element itself."""


class Move(NamedTuple):
    """In every element `within`, what is at one path goes to another: `Move("Address", "ZipCode", "PostalCode")`.

    `#` is the text of an element and `@Qualifier` an attribute of it. Elements on the way that are not there are made,
    and those that are left with nothing in them go away.
    """

    within: str
    path: str
    to: str
    by: str = ""
    """Only what has this text at `by_path` of itself, which then goes away."""
    by_path: str = "Qualifier"


def renamed(node: Node, moves: Mapping[str, Sequence[Move]]) -> Node:
    """The tree with every move made, the innermost elements first."""
    node = replace(node, children=tuple(renamed(child, moves) for child in node.children))
    for move in (*moves.get(node.name, ()), *moves.get(ANYWHERE, ())):
        node = _moved(node, move)
    return node


def by_element(moves: Iterable[Move]) -> dict[str, tuple[Move, ...]]:
    """The table as `renamed` takes it; a move may name several elements: `Patient|Prescriber`."""
    table: dict[str, tuple[Move, ...]] = {}
    for move in moves:
        for name in move.within.split("|"):
            table[name] = (*table.get(name, ()), move)
    return table


def _moved(node: Node, move: Move) -> Node:
    if move.path == TEXT:
        return _text_moved(node, move.to)
    if move.path.startswith("@"):
        return _attribute_moved(node, move.path[1:], move.to)
    rest, found, at = _taken(node, move.path.split("/"), move)
    return _put(rest, move.to.split("/"), found, at) if found else node


def _text_moved(node: Node, to: str) -> Node:
    if not node.text:
        return node
    return _put(replace(node, text=""), to.split("/"), [Node(to, node.text)], 0)


def _attribute_moved(node: Node, name: str, to: str) -> Node:
    if name not in node.attributes:
        return node
    rest = {key: value for key, value in node.attributes.items() if key != name}
    made = Node(to, node.attributes[name])
    return _put(replace(node, attributes=rest or NO_ATTRIBUTES), to.split("/"), [made], len(node.children))


def _taken(node: Node, path: Sequence[str], move: Move) -> tuple[Node, list[Node], int]:
    """The tree without what is at the path, what was there, and the place where the first of it stood."""
    found: list[Node] = []
    kept: list[Node] = []
    at = len(node.children)
    for child in node.children:
        if child.name != path[0]:
            kept.append(child)
            continue
        if len(path) == 1:
            taken, rest = _chosen(child, move)
        else:
            left, taken, _ = _taken(child, path[1:], move)
            rest = child if not taken else (left if left.children or left.text or left.attributes else None)
        if taken and not found:
            at = len(kept)
        found += taken
        kept += [rest] if rest else []
    return replace(node, children=tuple(kept)), found, at


def _chosen(node: Node, move: Move) -> tuple[list[Node], Node | None]:
    if not move.by:
        return [node], None
    if node.value(move.by_path) != move.by:
        return [], node
    return [replace(node, children=tuple(one for one in node.children if one.name != move.by_path))], None


def _put(node: Node, path: Sequence[str], ones: Sequence[Node], at: int) -> Node:
    """The tree with elements at the path, all at once: one by one would take the square of their number."""
    if path[0] == TEXT:
        return replace(node, text=ones[0].text)
    children = list(node.children)
    if len(path) == 1:
        children[at:at] = [replace(one, name=path[0]) for one in ones]
        return replace(node, children=tuple(children))
    place = next((number for number, child in enumerate(children) if child.name == path[0]), None)
    if place is None:
        children.insert(at, Node(path[0]))
        place = at
    inner = children[place]
    children[place] = _put(inner, path[1:], ones, len(inner.children))
    return replace(node, children=tuple(children))
