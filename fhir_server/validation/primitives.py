"""The primitive types: JSON type, form and range of each.

https://hl7.org/fhir/R4/datatypes.html#primitive, https://hl7.org/fhir/R4/json.html#primitive
"""

import binascii
import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, Final

from msgspec import Raw

from fhir_server.model.definitions import TypeDefinition
from fhir_server.validation.findings import Check, Findings, State, excerpt, json_type
from fhir_server.validation.narrative import check_narrative

STRING_LENGTH_MAX: Final = 1024 * 1024
"""Characters of a string: "Strings SHALL NOT exceed 1MB (1024*1024 characters) in size"."""

INTEGER_MAX: Final = 2**31 - 1
INTEGER_RANGES: Final = {
    "integer": (-INTEGER_MAX - 1, INTEGER_MAX),
    "unsignedInt": (0, INTEGER_MAX),
    "positiveInt": (1, INTEGER_MAX),
}

DECIMAL_DIGITS_ADVISED: Final = 18
"""Significant digits every receiver can hold: https://hl7.org/fhir/R4/datatypes.html#decimal."""

DECIMAL_EXPONENT_MAX: Final = 308
"""Largest power of ten of a decimal, either way: what a double holds, and so what every receiver can read."""

_DECIMAL = re.compile(r"-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?", re.ASCII)
_WHITE_SPACE = dict.fromkeys(map(ord, " \t\r\n"))


def primitive_checks(types: Mapping[str, TypeDefinition]) -> dict[str, Check]:
    """The check of every primitive type, by its name."""
    checks: dict[str, Check] = {
        "boolean": check_boolean,
        "decimal": check_decimal,
        "base64Binary": check_base64,
        "xhtml": check_narrative,
    }
    checks |= {name: integer_check(name, *bounds) for name, bounds in INTEGER_RANGES.items()}
    for name in ("string", "markdown"):
        checks[name] = text_check(name, types[name].regex)
    for name in ("date", "dateTime", "instant"):
        checks[name] = pattern_check(name, types[name].regex, has_real_day)
    for name, definition in types.items():
        if definition.kind == "primitive-type" and name not in checks:
            checks[name] = pattern_check(name, definition.regex)
    return checks


def check_boolean(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
    if value is True or value is False:
        return None
    return state.report("structure", f"boolean: true or false is expected, found {json_type(value)}")


def integer_check(name: str, minimum: int, maximum: int) -> Check:
    def check(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is int:
            if minimum <= value <= maximum:
                return None
            return state.report("value", f"{name}: the number is not within {minimum} and {maximum}")
        if type(value) is Raw:
            return state.report("value", f"{name}: a whole number within 32 bits is expected")
        return state.report("structure", f"{name}: a number is expected, found {json_type(value)}")

    return check


def check_decimal(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
    if type(value) is Raw:
        text = bytes(value).decode("ascii", "replace")
    elif type(value) is not int:
        return state.report("structure", f"decimal: a number is expected, found {json_type(value)}")
    elif abs(value) < 10**DECIMAL_EXPONENT_MAX:
        text = str(value)
    else:
        return state.report("value", f"decimal: past the power of {DECIMAL_EXPONENT_MAX}")
    if len(text) <= DECIMAL_DIGITS_ADVISED and "e" not in text and "E" not in text:
        return None
    return _check_long_decimal(text, state)


def _check_long_decimal(text: str, state: State) -> Findings | None:
    number = _DECIMAL.fullmatch(text)
    if number is None:
        return state.report("value", f"decimal: {excerpt(text)} is not a number")
    whole, fraction, exponent = number[1], number[2] or "", number[3] or "0"
    is_far = len(exponent) > len(str(DECIMAL_EXPONENT_MAX)) + 1 or abs(int(exponent)) > DECIMAL_EXPONENT_MAX
    if is_far or len(whole) + int(exponent) > DECIMAL_EXPONENT_MAX:
        return state.report("value", f"decimal: {excerpt(text)} is past the power of {DECIMAL_EXPONENT_MAX}")
    if len((whole + fraction).lstrip("0")) > DECIMAL_DIGITS_ADVISED:
        advice = f"decimal: more than {DECIMAL_DIGITS_ADVISED} significant digits; some receivers will round"
        return state.report("value", advice, severity="warning")
    return None


def text_check(name: str, regex: str) -> Check:
    """Strings and markdown: not empty, at most 1 MB, no control characters."""
    is_clean = re.compile(regex).fullmatch

    def check(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is not str:
            return state.report("structure", f"{name}: a string is expected, found {json_type(value)}")
        if value and len(value) <= STRING_LENGTH_MAX and (value.isprintable() or is_clean(value)):
            return None
        if not value:
            return state.report("invariant", f"ele-1: a {name} is never empty")
        if len(value) > STRING_LENGTH_MAX:
            return state.report("value", f"{name}: longer than {STRING_LENGTH_MAX} characters")
        return state.report("value", f"{name}: {excerpt(value)} has a control character other than \\t, \\r, \\n")

    return check


def pattern_check(name: str, regex: str, is_real: Callable[[str], bool] | None = None) -> Check:
    """A string of the form `regex` that is also `is_real`."""
    is_formed = re.compile(regex).fullmatch

    def check(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is not str:
            return state.report("structure", f"{name}: a string is expected, found {json_type(value)}")
        if len(value) <= STRING_LENGTH_MAX and is_formed(value) and (is_real is None or is_real(value)):
            return None
        if not value:
            return state.report("invariant", f"ele-1: a {name} is never empty")
        return state.report("value", f"{name}: {excerpt(value)} is not a valid {name}")

    return check


def has_real_day(value: str) -> bool:
    """Whether the month has the day; every month has 28."""
    if value[8:10] <= "28":
        return True
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


def check_base64(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
    """Base64 of RFC 4648 section 4, white space allowed."""
    if type(value) is not str:
        return state.report("structure", f"base64Binary: a string is expected, found {json_type(value)}")
    if not value:
        return state.report("invariant", "ele-1: a base64Binary is never empty")
    if is_base64(value) or is_base64(value.translate(_WHITE_SPACE)):
        return None
    return state.report("value", f"base64Binary: {excerpt(value)} is not base64")


def is_base64(value: str) -> bool:
    try:
        decoded = binascii.a2b_base64(value, strict_mode=True)
    except ValueError:
        return False
    return 0 < len(value) == -(-len(decoded) // 3) * 4  # strict_mode lets padding follow a complete group
