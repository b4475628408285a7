"""JSON trees, copied and measured. A number with a fraction is a `msgspec.Raw`, and stays it."""

from typing import Any


def copied(value: Any) -> Any:
    """The same tree in new containers; leaves are shared, they cannot change."""
    if type(value) is dict:
        return {key: copied(child) for key, child in value.items()}
    if type(value) is list:
        return [copied(child) for child in value]
    return value


def size(value: Any) -> int:
    """Values and characters in a tree."""
    if type(value) is dict:
        return 1 + sum(len(key) + size(child) for key, child in value.items())
    if type(value) is list:
        return 1 + sum(map(size, value))
    return len(value) + 1 if isinstance(value, str) else 1
