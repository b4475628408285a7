"""How texts of SCRIPT and values of FHIR become each other. Each refuses what it cannot carry: None, or ""."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NamedTuple

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?|\.[0-9]{1,18}")
_INTEGER: Final = re.compile(r"[0-9]{1,9}")
DOT_AFTER: Final = 3
"""Characters before the dot of an ICD-10-CM code."""


class Value(NamedTuple):
    read: Callable[[str], Any]
    """None for a text that is no such value."""
    write: Callable[[Any], str]
    """"" for a value that SCRIPT cannot have."""


def _date(text: str) -> str | None:
    """A day; of a time only the day is taken."""
    try:
        return date.fromisoformat(text[:10]).isoformat() if _DATE.match(text) else None
    except ValueError:
        return None


def instant(text: str) -> str | None:
    """FHIR's dateTime: a day, or a time with its offset; a time without one is UTC, as SCRIPT's times are."""
    if _DATE.fullmatch(text):
        return _date(text)
    if not _INSTANT.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    seconds = text if text[16:17] == ":" else f"{text[:16]}:00{text[16:]}"
    return seconds if moment.tzinfo else f"{seconds}Z"


def number(text: str) -> int | Decimal | None:
    """As it is written: 8.50 stays 8.50."""
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return int(value) if "." not in text else value


def _integer(text: str) -> int | None:
    return int(text) if _INTEGER.fullmatch(text) else None


def _choice(table: Mapping[str, Any]) -> Value:
    back = {value: text for text, value in reversed(list(table.items()))}
    return Value(lambda text: table.get(text.upper(), None), lambda value: back.get(value, ""))


def _with_dot(text: str) -> str | None:
    """F5109 is F51.09: prescriptions leave the dot out. https://www.cms.gov/medicare/coding-billing/icd-10-codes."""
    bare = text.replace(".", "").upper()
    return f"{bare[:DOT_AFTER]}.{bare[DOT_AFTER:]}" if len(bare) > DOT_AFTER else bare or None


TEXT: Final = Value(lambda text: text or None, str)
DATE: Final = Value(_date, lambda value: str(value)[:10])
DAY: Final = Value(_date, lambda value: "" if "T" in str(value) else str(value))
"""Of an element that is a day or a time: the day."""
MOMENT: Final = Value(instant, lambda value: str(value) if "T" in str(value) else "")
"""Of an element that is a day or a time: the time."""
NUMBER: Final = Value(number, lambda value: format(value, "f") if isinstance(value, Decimal) else str(value))
INTEGER: Final = Value(_integer, str)
ICD_10_CM: Final = Value(_with_dot, lambda value: str(value).replace(".", ""))
TRUTH: Final = Value(
    _choice({"TRUE": True, "FALSE": False, "1": True, "0": False, "Y": True, "N": False}).read,
    lambda value: "true" if value else "false",
)
SUBSTITUTIONS: Final = _choice({"0": True, "1": False})
"""0 is `substitution is allowed`, 1 `the prescriber wants it dispensed as written`."""
GENDER: Final = _choice({"M": "male", "F": "female", "U": "unknown", "N": "other"})
