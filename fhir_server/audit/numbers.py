"""Sets of record numbers as ranges: few, however many the numbers are."""

from bisect import bisect_right
from collections.abc import Iterable

Range = tuple[int, int]
"""From the first number up to, and without, the second."""


class Numbers:
    """Grows range by range; ranges that touch become one."""

    def __init__(self) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []

    def add(self, low: int, high: int) -> bool:
        """False where some of the numbers were in it already."""
        left = bisect_right(self._highs, low - 1)
        right = bisect_right(self._lows, high)
        touched = range(left, right)
        apart = not any(self._lows[n] < high and low < self._highs[n] for n in touched)
        if touched:
            low, high = min(low, self._lows[left]), max(high, self._highs[right - 1])
        self._lows[left:right], self._highs[left:right] = [low], [high]
        return apart

    def holds(self, low: int, high: int) -> bool:
        """Whether all of a range is in it."""
        place = bisect_right(self._lows, low) - 1
        return place >= 0 and high <= self._highs[place]

    @property
    def ranges(self) -> list[Range]:
        return list(zip(self._lows, self._highs, strict=True))


def written(ranges: Iterable[Range]) -> str:
    """As PostgreSQL writes an int8multirange: `{[1,4),[6,7)}`."""
    return "{" + ",".join(f"[{low},{high})" for low, high in ranges) + "}"
