"""Draws that are skewed as life is, the same for the same seed."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from random import Random
from typing import Any, TypeVar

from tests.benchmarks.search.words import NOTE

Resource = dict[str, Any]
Item = TypeVar("Item")


@lru_cache(maxsize=64)
def _zipf(size: int) -> list[float]:
    """Cumulated weights: the nth is drawn 1/n times as often as the first."""
    return list(accumulate(1 / rank for rank in range(1, size + 1)))


class Chance(Random):
    def rank(self, size: int) -> int:
        """A number below `size`; the nth is drawn 1/n times as often as the first."""
        return self.choices(range(size), cum_weights=_zipf(size))[0]

    def zipf(self, items: Sequence[Item]) -> Item:
        return items[self.rank(len(items))]

    def weighted(self, weights: Mapping[Item, float]) -> Item:
        return self.choices(tuple(weights), tuple(weights.values()))[0]

    def text(self, words_max: int) -> str:
        """A few of the words of notes, mostly far fewer than `words_max`."""
        return " ".join(self.choices(NOTE, k=3 + int(self.random() ** 2 * words_max)))


def identity(type_name: str, number: int) -> str:
    """The id of a resource: without order, as ids that servers give are."""
    digest = hashlib.blake2b(f"{type_name}/{number}".encode(), digest_size=16).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:]))


def reference(type_name: str, number: int, display: str = "") -> Resource:
    link = {"reference": f"{type_name}/{identity(type_name, number)}"}
    return link | {"display": display} if display else link


def concept(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}
