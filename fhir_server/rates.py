"""How many requests one client may make: whoever asks too fast waits, and the others do not.

The generic cell rate algorithm: a client's requests may run ahead of its rate by a second's worth.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from fhir_server.errors import TooMany

CLIENTS_MAX: Final = 10_000
"""Clients whose pace is known at a time; of more, those that have asked longest ago begin anew (clients)."""

AHEAD_SECONDS: Final = 1.0
"""How far a client may run ahead of its rate (seconds)."""

ROUNDING_SECONDS: Final = 1e-6
"""What sums of a client's intervals may be off by (seconds)."""


class Rates:
    """Of one process; `per_second` 0 is without limit. `clock` gives seconds that never go back."""

    def __init__(self, per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1 / per_second if per_second else 0.0
        self._clock = clock
        self._due: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> None:
        """Counts one request; raises `TooMany` with the time after which the next is taken."""
        self.refuse(client)
        if self._interval:
            self._due[client] = max(self._due.pop(client, 0.0), self._clock()) + self._interval
            if len(self._due) > CLIENTS_MAX:
                self._due.popitem(last=False)

    def refuse(self, client: str) -> None:
        """Raises `TooMany` where the client has to wait; counts nothing."""
        early = self._due.get(client, 0.0) + self._interval - self._clock() - AHEAD_SECONDS
        if self._interval and early > ROUNDING_SECONDS:
            raise TooMany("This client asks too often", headers={"Retry-After": str(math.ceil(early))})
