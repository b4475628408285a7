"""Parameters of type number. https://hl7.org/fhir/R4/search.html#number"""

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from tests.oracle.escapes import unescape
from tests.oracle.extraction import Element
from tests.oracle.intervals import INFINITY, Bound, Interval, compare_numbers, prefixed


def exact(number: Decimal | int) -> Fraction:
    return Fraction(number)


def half_width(text: str) -> Fraction:
    """Half of the last written digit's place: 100 is [99.5, 100.5), 1e2 is [50, 150)."""
    exponent = Decimal(text).as_tuple().exponent
    if not isinstance(exponent, int):
        raise ValueError(f"{text} is no number")  # noqa: TRY004  # NaN and the infinities
    return Fraction(10) ** exponent / 2


def target_interval(element: Element) -> Interval | None:
    """A number is a point; a Range is open where an end is missing."""
    if element.type == "Range":
        return Interval(_end(element.value, "low", -INFINITY), _end(element.value, "high", INFINITY))
    if isinstance(element.value, Decimal | int):
        point = exact(element.value)
        return Interval(point, point)
    raise TypeError(f"{element.type} is no number")


def _end(value: dict[str, Any], name: str, missing: float) -> Bound:
    return exact(value[name]["value"]) if name in value else missing


def number_test(value: str) -> Callable[[Element], bool]:
    prefix, text = prefixed(unescape(value))
    number, half = exact(Decimal(text)), half_width(text)

    def test(element: Element) -> bool:
        target = target_interval(element)
        return target is not None and compare_numbers(prefix, number, half, target)

    return test
