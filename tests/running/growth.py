"""How the time for something grows with its size."""

import timeit
from collections.abc import Callable
from time import process_time
from typing import Any

ATTEMPTS = 20
ATTEMPTS_MIN = 3
TIMES = 8
"""How much larger the large one is, and half of how much longer it may take."""


def grows_evenly(doing: Callable[[Any], Any], of_size: Callable[[int], Any], size: int) -> bool:
    """Whether eight times the size takes at most sixteen times the time (64 times, where it grows with the square).

    The quickest attempts count, and what is good enough ends it: what else a machine does makes an attempt slower.
    """
    small, large = of_size(size), of_size(TIMES * size)
    small_seconds, large_seconds = [], []
    for attempt in range(ATTEMPTS):
        small_seconds.append(_seconds(doing, small))
        large_seconds.append(_seconds(doing, large))
        if attempt >= ATTEMPTS_MIN and min(large_seconds) < 2 * TIMES * min(small_seconds):
            return True
    return False


def _seconds(doing: Callable[[Any], Any], what: Any) -> float:
    return timeit.timeit(lambda: doing(what), timer=process_time, number=1)
