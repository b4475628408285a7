"""JSON Pointer. https://www.rfc-editor.org/rfc/rfc6901."""

import re
from typing import Any

from fhir_server.model.patching.problems import PlaceError, WrongError

Pointer = tuple[str, ...]

_BAD_ESCAPE = re.compile(r"~(?![01])")
_PAST_THE_END = "-"
_INDEX = re.compile(r"(?:0|[1-9][0-9]{0,9})\Z", re.ASCII)


def parse_pointer(text: str) -> Pointer:
    """The tokens of a pointer; the empty pointer is the whole document. Raises `WrongError`."""
    if not text:
        return ()
    if not text.startswith("/"):
        raise WrongError("a JSON Pointer is empty or starts with '/'")
    if _BAD_ESCAPE.search(text):
        raise WrongError("'~' is written '~0', and '/' is written '~1'")
    return tuple(token.replace("~1", "/").replace("~0", "~") for token in text[1:].split("/"))


def container_of(document: Any, pointer: Pointer) -> Any:
    """The object or array that holds, or would hold, the place."""
    container = document
    for token in pointer[:-1]:
        container = child(container, token)
    if not isinstance(container, dict | list):
        raise PlaceError(f"there is no object or array around '{pointer[-1][:60]}'")
    return container


def child(container: Any, token: str) -> Any:
    """The value under one token; raises `PlaceError` and `WrongError`."""
    if isinstance(container, list):
        return container[existing_index(container, token)]
    if not isinstance(container, dict) or token not in container:
        raise PlaceError(f"there is no '{token[:60]}'")
    return container[token]


def existing_index(items: list[Any], token: str) -> int:
    index = len(items) if token == _PAST_THE_END else _index(token)
    if index >= len(items):
        raise PlaceError(f"the array has no item '{token[:60]}', it has {len(items)}")
    return index


def insertion_index(items: list[Any], token: str) -> int:
    """Where an item would go: up to one past the end, which `-` names too."""
    index = len(items) if token == _PAST_THE_END else _index(token)
    if index > len(items):
        raise PlaceError(f"the array has {len(items)} items, '{token[:60]}' is past its end")
    return index


def _index(token: str) -> int:
    if not _INDEX.match(token):
        raise WrongError(f"'{token[:60]}' is no array index: digits without leading zeros")
    return int(token)
