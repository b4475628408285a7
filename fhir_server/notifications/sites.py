"""Where a worker's messages are under way, how long hosts take, and which Subscriptions wait for them.

A host and port has a few places, and slow ones together have half of the lanes. What waits for a place is not asked for
again and again: when a place is free, one that waits is due.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Container
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from fhir_server.storage.jobs import Job
from fhir_server.storage.rounds import Waiting

SITE_MAX: Final = 8
"""Messages under way to one host and port at once: others have lanes, however slow it is (messages)."""

SLOW_SECONDS: Final = 2.0
"""A site is slow that takes longer to answer, or whose message has been under way for longer (seconds)."""

SLOW_FOR_SECONDS: Final = 300.0
"""How long a slow answer is remembered: quick ones in between win nobody more lanes (seconds)."""

SLOW_MAX: Final = 64
"""Messages under way to all slow sites together (messages)."""

SITES_MAX: Final = 10_000
"""Slow sites that are remembered (sites)."""

LOOK_SECONDS: Final = 1.0
"""Until a Subscription that waits for a place is looked at though nobody woke it (seconds)."""

LOOKS_A_SECOND: Final = 50
"""Looks at Subscriptions that wait for one site, however many there are (Subscriptions a second)."""

LOOK_SECONDS_MAX: Final = 30.0
"""Longest until one is looked at (seconds)."""

WAITING_MAX: Final = 10_000
"""Subscriptions that are woken when there is a place (Subscriptions)."""


@dataclass(frozen=True, slots=True)
class Places:
    """Of one moment: `taken` counts messages by site."""

    taken: Counter[str]
    slow: Container[str]

    def has(self, site: str) -> bool:
        """Whether it may be sent a message."""
        if self.taken[site] >= SITE_MAX:
            return False
        return site not in self.slow or self._under_way_to_slow() < SLOW_MAX

    def _under_way_to_slow(self) -> int:
        return sum(messages for site, messages in self.taken.items() if site in self.slow)


@dataclass
class Sites:
    """One worker's; `now` counts seconds."""

    now: Callable[[], float] = time.monotonic
    _under_way: dict[int, tuple[str, float]] = field(default_factory=dict)
    """Where to and since when, by the internal id of the Subscription."""
    _slow: dict[str, float] = field(default_factory=dict)
    """When sites were slow, the longest ago first."""
    _waiting: dict[str, dict[UUID, int]] = field(default_factory=dict)
    """Fences of jobs, by site; whoever has waited longest comes first."""

    def places(self) -> Places:
        """As it is now; whoever decides what is sent next counts it in."""
        for site in [site for site, since in self._under_way.values() if self.now() - since > SLOW_SECONDS]:
            self._note_slow(site)
        while self._slow and self._is_forgotten(next(iter(self._slow))):
            del self._slow[next(iter(self._slow))]
        return Places(Counter(site for site, _ in self._under_way.values()), self._slow)

    def begin(self, rid: int, job: UUID, site: str) -> None:
        """A message leaves, and the job waits for none."""
        self._under_way[rid] = (site, self.now())
        waiting = self._waiting.get(site, {})
        waiting.pop(job, None)
        if not waiting:
            self._waiting.pop(site, None)

    def end(self, rid: int) -> None:
        """There is an answer, or will be none."""
        site, since = self._under_way.pop(rid, ("", self.now()))  # who was overtaken here is counted once
        if self.now() - since > SLOW_SECONDS:
            self._note_slow(site)

    def wait(self, job: Job, site: str) -> float:
        """Until it is looked at though there was no place that it was woken for (seconds)."""
        if sum(map(len, self._waiting.values())) < WAITING_MAX:
            self._waiting.setdefault(site, {})[job.id] = job.fence
        seconds = LOOK_SECONDS + len(self._waiting.get(site, ())) / LOOKS_A_SECOND
        return min(seconds, LOOK_SECONDS_MAX) * random.uniform(0.75, 1.25)  # noqa: S311 - so that they come apart

    def next(self, places: Places) -> list[Waiting]:
        """Those for whom there are places, one site after the other; they wait no longer."""
        found: list[Waiting] = []
        for site in [site for site in self._waiting if places.has(site)]:
            waiting = self._waiting.pop(site)
            while waiting and places.has(site):
                job = next(iter(waiting))
                found.append(Waiting(job, waiting.pop(job)))
                places.taken[site] += 1
            if waiting:  # the others come first next time
                self._waiting[site] = waiting
        return found

    def _note_slow(self, site: str) -> None:
        self._slow.pop(site, None)
        self._slow[site] = self.now()
        if len(self._slow) > SITES_MAX:
            del self._slow[next(iter(self._slow))]

    def _is_forgotten(self, site: str) -> bool:
        return self.now() - self._slow[site] > SLOW_FOR_SECONDS
