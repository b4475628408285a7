"""When a notification that did not arrive is sent again: exponential, with jitter, for three days. Pure."""

from collections.abc import Callable
from typing import Final

FIRST_SECONDS: Final = 2.0
"""Ceiling of the wait after the first attempt that failed."""

MOST_SECONDS: Final = 15 * 60.0
"""Ceiling of any wait."""

GIVE_UP_SECONDS: Final = 3 * 24 * 60 * 60
"""How long one notification is tried, counted from the first attempt: three days."""

_DOUBLINGS: Final = 10
"""More of them pass the ceiling anyhow, and would overflow in the end."""


def ceiling(attempt: int) -> float:
    """The longest wait (seconds) after the attempt of this number, which counts from 1: 2, 4, 8 … 900."""
    return min(MOST_SECONDS, FIRST_SECONDS * 2.0 ** min(attempt - 1, _DOUBLINGS))


def delay(attempt: int, random: Callable[[], float]) -> float:
    """The wait (seconds) after the attempt of this number: between half the ceiling and the ceiling.

    `random` gives 0 up to 1. Half of it is fixed, so that a sink which is down is never hammered; half is drawn, so
    that the subscriptions of one sink do not come back together.
    """
    longest = ceiling(attempt)
    return longest / 2 + random() * longest / 2
