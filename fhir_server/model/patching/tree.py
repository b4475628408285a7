"""JSON trees: copied, compared and measured. A number with a fraction is a `msgspec.Raw`, and stays it."""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec


def copied(value: Any) -> Any:
    """The same tree in new containers; leaves are shared, they cannot change."""
    if type(value) is dict:
        return {key: copied(child) for key, child in value.items()}
    if type(value) is list:
        return [copied(child) for child in value]
    return value


def equal(left: Any, right: Any) -> bool:
    """Equality of JSON: numbers by value, `1.0` is `1`, and `true` is not `1`; members in any order.

    https://www.rfc-editor.org/rfc/rfc6902#section-4.6
    """
    if type(left) is dict:
        return (
            type(right) is dict
            and left.keys() == right.keys()
            and all(equal(left[k], right[k]) for k in left)
        )
    if type(left) is list:
        return type(right) is list and len(left) == len(right) and all(map(equal, left, right))
    if _is_number(left):
        return _is_number(right) and _quantity(left) == _quantity(right)
    return type(left) is type(right) and bool(left == right)


def size(value: Any) -> int:
    """Values and characters in a tree."""
    if type(value) is dict:
        return 1 + sum(len(key) + size(child) for key, child in value.items())
    if type(value) is list:
        return 1 + sum(map(size, value))
    return len(value) + 1 if isinstance(value, str) else 1


def _is_number(value: Any) -> bool:
    return type(value) is int or type(value) is msgspec.Raw


def _quantity(number: int | msgspec.Raw) -> Decimal | str:
    text = str(number) if isinstance(number, int) else bytes(number).decode()
    try:
        return Decimal(text)
    except (
        InvalidOperation
    ):  # an exponent past what Decimal holds: only the same text is surely the same number
        return text
