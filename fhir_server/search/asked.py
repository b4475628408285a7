"""One parameter of a query as a parameter type gets to read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

FILTER_EQUALS: Final = "\0eq"
FILTER_DIFFERS: Final = "\0ne"
FILTER_ENDS: Final = "\0ew"
"""Operators of `_filter` that no modifier stands for; no client can write U+0000."""


@dataclass(frozen=True, slots=True)
class Asked:
    """`name` is where the parameter's values are indexed, `code` what the client calls it.

    `values` are the alternatives, none empty, their escapes still in them; `now` is what `ap` measures from;
    `targets` are the types a reference may point to (none: any).
    """

    name: str
    code: str
    modifier: str
    values: tuple[str, ...]
    base_url: str
    now: datetime
    targets: tuple[str, ...] = ()
