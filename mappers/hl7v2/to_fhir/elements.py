"""What elements are made of: nothing empty, times that are times, numbers that are numbers."""

import re
from decimal import Decimal
from typing import Any, Final

from mappers.hl7v2.message import Value
from mappers.hl7v2.times import date, instant
from mappers.making import Making
from mappers.mapped import Resource

EMPTY: Final[tuple[Any, ...]] = (None, "", [], {})
NO_TIME: Final = "is no time stamp"
NO_NUMBER: Final = "is no number"
NUMBER: Final = re.compile(r"[+-]?\d{1,15}(\.\d{0,14})?", re.ASCII)


def filled(**elements: Any) -> Resource:
    """Those that hold something: FHIR has no empty texts, lists or objects. `class_` is `class`."""
    return {name.rstrip("_"): value for name, value in elements.items() if value not in EMPTY}


def moment(value: Value, making: Making, component: int = 1) -> str | None:
    """A FHIR dateTime; None, and left with a reason, where it is none."""
    text = value.text(component)
    found = instant(text, making.zone)
    if text and found is None:
        value.leave(component, NO_TIME)
    return found


def day(value: Value, component: int = 1) -> str | None:
    """A FHIR date; None, and left with a reason, where it is none."""
    text = value.text(component)
    found = date(text)
    if text and found is None:
        value.leave(component, NO_TIME)
    return found


def period(value: Value, start: int, end: int, making: Making) -> Resource:
    """Of two components; {} where neither is a time. https://hl7.org/fhir/R4/datatypes.html#Period."""
    return filled(start=moment(value, making, start), end=moment(value, making, end))


def number(value: Value, component: int = 1) -> int | float | None:
    """None, and left with a reason, where it is none or has more digits than it would keep."""
    text = value.text(component)
    if not text:
        return None
    found = float(text) if NUMBER.fullmatch(text) else None
    if found is None or Decimal(repr(found)) != Decimal(text):
        value.leave(component, NO_NUMBER)
        return None
    return int(found) if found == int(found) else found


def told(value: Value, why: str) -> None:
    """A value that nobody carries, for a reason."""
    value.texts()
    value.leave(1, why)
