"""Parameters of type quantity. https://hl7.org/fhir/R4/search.html#quantity"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.escapes import split, unescape
from tests.oracle.extraction import Element
from tests.oracle.intervals import INFINITY, Interval, compare_numbers, prefixed
from tests.oracle.numbers import exact, half_width
from tests.oracle.units import UNITS

UCUM = "http://unitsofmeasure.org"
CURRENCIES = "urn:iso:std:iso:4217"
QUANTITIES = {"Quantity", "SimpleQuantity", "Age", "Count", "Distance", "Duration"}


@dataclass(frozen=True, slots=True)
class Measured:
    """What is stored: closed ends, and one unit."""

    interval: Interval
    system: str | None
    code: str | None
    unit: str | None


@dataclass(frozen=True, slots=True)
class Sought:
    """`system` and `code` are empty where the search value has none."""

    prefix: str
    number: Fraction
    half: Fraction
    system: str
    code: str


def quantity_test(value: str) -> Callable[[Element], bool]:
    """`number`, `number|system|code` or `number||code`."""
    sought = _sought(value)

    def test(element: Element) -> bool:
        target = measured(element)
        factors = _factors(sought, target) if target else None
        if target is None or factors is None:
            return False
        mine, theirs = factors
        interval = Interval(target.interval.low * theirs, target.interval.high * theirs)
        return compare_numbers(sought.prefix, sought.number * mine, sought.half * mine, interval)

    return test


def _sought(value: str) -> Sought:
    written, *unit = (unescape(part) for part in split(value, "|"))
    prefix, text = prefixed(written)
    system, code = unit or ("", "")
    return Sought(prefix, exact(Decimal(text)), half_width(text), system, code)


def _factors(sought: Sought, target: Measured) -> tuple[Fraction, Fraction] | None:
    """What makes the two numbers comparable; None where nothing does."""
    same = (Fraction(1), Fraction(1))
    if not sought.system:
        return same if not sought.code or sought.code in (target.code, target.unit) else None
    if sought.system == target.system == UCUM and sought.code in UNITS and target.code in UNITS:
        mine, theirs = UNITS[sought.code], UNITS[target.code]
        return (mine.size, theirs.size) if mine.dimension == theirs.dimension else None
    return same if (sought.system, sought.code) == (target.system, target.code) else None


def measured(element: Element) -> Measured | None:
    """None where there is no number."""
    value = element.value
    if element.type == "Money":
        point = exact(value["value"])
        return Measured(Interval(point, point), CURRENCIES, value.get("currency"), None)
    if element.type == "Range":
        return _range(value)
    if element.type not in QUANTITIES:
        raise TypeError(f"{element.type} is no quantity")
    interval = _interval(value)
    return Measured(interval, value.get("system"), value.get("code"), value.get("unit")) if interval else None


def _interval(value: dict[str, Any]) -> Interval | None:
    """A comparator opens one end."""
    if "value" not in value:
        return None
    point, comparator = exact(value["value"]), value.get("comparator", "=")
    return Interval(-INFINITY if comparator[0] == "<" else point, INFINITY if comparator[0] == ">" else point)


def _range(value: dict[str, Any]) -> Measured:
    """Both ends in one unit, which is the tests' care."""
    low, high = value.get("low"), value.get("high")
    interval = Interval(exact(low["value"]) if low else -INFINITY, exact(high["value"]) if high else INFINITY)
    unit = low or high or {}
    return Measured(interval, unit.get("system"), unit.get("code"), unit.get("unit"))
