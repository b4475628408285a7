"""What R4's prefixes say of ranges. https://hl7.org/fhir/R4/search.html#prefix"""

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

Bound = Fraction | int | float
"""Floats are the infinities only."""

PREFIXES = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")
INFINITY = float("inf")


@dataclass(frozen=True, slots=True)
class Interval:
    low: Bound
    high: Bound


def prefixed(text: str) -> tuple[str, str]:
    """The prefix (eq where there is none) and the rest."""
    return (text[:2], text[2:]) if text[:2] in PREFIXES else ("eq", text)


def compare_ranges(prefix: str, sought: Interval, target: Interval, widened: Interval) -> bool:
    """Of half-open ranges; `widened` is what `ap` looks at.

    eq and ne are about containment, gt and lt about what lies above or below the search range, sa and eb about targets
    that lie there as a whole.
    """
    contained = sought.low <= target.low and target.high <= sought.high
    above, below = target.high > sought.high, target.low < sought.low
    answers: dict[str, Callable[[], bool]] = {
        "eq": lambda: contained,
        "ne": lambda: not contained,
        "gt": lambda: above,
        "lt": lambda: below,
        "ge": lambda: above or contained,
        "le": lambda: below or contained,
        "sa": lambda: target.low >= sought.high,
        "eb": lambda: target.high <= sought.low,
        "ap": lambda: target.low < widened.high and target.high > widened.low,
    }
    return answers[prefix]()


def compare_numbers(prefix: str, value: Fraction, half_width: Fraction, target: Interval) -> bool:
    """Of a number and a closed target: eq and ne use the number's precision, the others exactly the number."""
    contained = value - half_width <= target.low and target.high < value + half_width
    tolerance = abs(value) / 10
    answers: dict[str, Callable[[], bool]] = {
        "eq": lambda: contained,
        "ne": lambda: not contained,
        "gt": lambda: target.high > value,
        "lt": lambda: target.low < value,
        "ge": lambda: target.high >= value,
        "le": lambda: target.low <= value,
        "sa": lambda: target.low > value,
        "eb": lambda: target.high < value,
        "ap": lambda: target.low <= value + tolerance and target.high >= value - tolerance,
    }
    return answers[prefix]()
