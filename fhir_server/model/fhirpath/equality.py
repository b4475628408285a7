"""Equality of JSON values, for FHIRPath's `=` and for the `test` of a patch."""

from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec


def equal(left: Any, right: Any) -> bool:
    """Numbers by value (a Decimal is a literal's): `1.0` is `1`, `true` is not `1`; members in any order.

    https://hl7.org/fhirpath/N1/#equals, https://www.rfc-editor.org/rfc/rfc6902#section-4.6
    """
    if type(left) is dict:
        return type(right) is dict and left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if type(left) is list:
        return type(right) is list and len(left) == len(right) and all(map(equal, left, right))
    if _is_number(left):
        return _is_number(right) and _quantity(left) == _quantity(right)
    return type(left) is type(right) and bool(left == right)


def _is_number(value: Any) -> bool:
    return type(value) in (int, msgspec.Raw, Decimal)


def _quantity(number: int | Decimal | msgspec.Raw) -> Decimal | str:
    if not isinstance(number, msgspec.Raw):
        return Decimal(number)
    text = bytes(number).decode()
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent past what Decimal holds: only the same text is surely the same number
        return text
