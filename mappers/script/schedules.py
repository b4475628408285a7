"""The schedules of the Controlled Substances Act that a message speaks of, wherever and however it says them.

Senders write them as a code, a text, an attribute, or an element of another name; none may pass as not controlled
because it stands somewhere else, in a namespace of its own, or is written with what parts words. https://www.ecfr.gov/current/title-21/part-1308
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from mappers.script.tree import Node

_NAME: Final = "deaschedule"
"""What is in the name of every element and attribute of a schedule, in lower case and without what parts its words."""
_PARTING: Final = re.compile(r"[^a-z]")


def schedules(node: Node, *, within: bool = False) -> Iterator[tuple[Node, str]]:
    """Every text and attribute of a schedule at a node or below it, as it is written, with the element it stands in.

    `within`: the node is part of a schedule, whatever its own name is.
    """
    within = within or _names_schedule(node.name)
    texts = [text for name, text in node.attributes.items() if within or _names_schedule(name)]
    texts += [node.text] if within else []
    yield from ((node, text) for text in texts if text.strip())
    for child in node.children:
        yield from schedules(child, within=within)


def _names_schedule(name: str) -> bool:
    return _NAME in _PARTING.sub("", unicodedata.normalize("NFKC", name).lower())
