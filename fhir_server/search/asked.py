"""One parameter of a query as a parameter type gets to read it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """`name` is where the parameter's values are indexed, `code` what the client calls it.

    `values` are the alternatives, none empty, their escapes still in them; `now` is what `ap` measures from;
    `targets` are the types a reference may point to (none: any); `operator` is that of `_filter`, "" elsewhere.
    """

    name: str
    code: str
    modifier: str
    values: tuple[str, ...]
    base_url: str
    now: datetime
    targets: tuple[str, ...] = ()
    operator: str = ""
