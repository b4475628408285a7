"""One shape: its answers, its latency and rate over HTTP, its time in the database, and the limits of its pages."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, median

from tests.benchmarks.http import Load, Make
from tests.benchmarks.search.asking import Answer, Asking
from tests.benchmarks.search.database_time import DatabaseTime
from tests.benchmarks.search.limits import PageServer, key_read_ms, rids_of
from tests.benchmarks.search.shapes import Shape
from tests.benchmarks.search.store import Store

CONNECTIONS = 8
TIMED_REQUESTS = 200
"""Requests whose time in the database is looked at (requests)."""

LOOK_SECONDS = 5.0
"""Time for the first look at the answers: whatever was not asked by then is not asked at all (seconds)."""

SERVER = "galenic"
"""The application_name of the server's connections."""


@dataclass(frozen=True)
class Measured:
    """Rates are requests a second; `entries` and `kilobytes` are of a page on average, `total` of what was counted.

    Milliseconds are those of one request after the other: `p50` and `p99` for the client, `database` in the database.
    The limits are those of the same pages: read by key by a client of the database, and by HTTP from `page_server.py`.
    """

    name: str
    refusal: str = ""
    entries: float = 0.0
    kilobytes: float = 0.0
    total: float | None = None
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    per_second: float = 0.0
    database_ms: float = 0.0
    key_p50_ms: float = 0.0
    key_database_ms: float = 0.0
    page_per_second: float = 0.0

    @property
    def times_key(self) -> float:
        """The whole request, beside the whole read."""
        return self.p50_ms / self.key_p50_ms if self.key_p50_ms else 0.0

    @property
    def times_key_in_database(self) -> float:
        return self.database_ms / self.key_database_ms if self.key_database_ms else 0.0

    @property
    def share_of_page(self) -> float:
        return self.per_second / self.page_per_second if self.page_per_second else 0.0

    @property
    def counted_per_second(self) -> float:
        """Rows, where there is nothing but a count."""
        return (self.total or 0) / self.p50_ms * 1000 if self.p50_ms and not self.entries else 0.0


async def measure(store: Store, shape: Shape, pages: PageServer, seconds: float) -> Measured:
    answers = await look(store, await shape.paths(store))
    if answers[-1].refusal:
        return Measured(shape.name, answers[-1].refusal)
    make = repeated([store.target.request("GET", f"/{answer.path}") for answer in answers])
    alone = await store.target.run(make, 200, 1, seconds)
    database_ms = await time_in_database(store, answers)
    together = await store.target.run(make, 200, CONNECTIONS, seconds)
    limits = await limits_of(store, answers, pages, seconds) if shape.page_aims else (0.0, 0.0, 0.0)
    return measured(shape.name, answers, (alone, together), (database_ms, *limits))


async def look(store: Store, paths: Sequence[str]) -> list[Answer]:
    """Until one is refused or the time is over; also warms the caches up."""
    answers: list[Answer] = []
    deadline = time.perf_counter() + LOOK_SECONDS
    async with Asking(store.target) as asking:
        for path in paths:
            answers.append(await asking.ask(path))
            if answers[-1].refusal or time.perf_counter() > deadline:
                break
    return answers


def repeated(requests: Sequence[bytes]) -> Make:
    return lambda number: requests[number % len(requests)]


async def time_in_database(store: Store, answers: Sequence[Answer]) -> float:
    """Median time of all statements of a request."""
    taken = []
    async with Asking(store.target) as asking:
        with DatabaseTime(store, SERVER) as clock:
            await asking.ask(answers[0].path)
            clock.taken_ms()
            for answer in answers[:TIMED_REQUESTS]:
                await asking.ask(answer.path)
                taken.append(clock.taken_ms())
    return median(taken)


async def limits_of(
    store: Store, answers: Sequence[Answer], server: PageServer, seconds: float
) -> tuple[float, float, float]:
    """Milliseconds of a read by key, and of that in the database; pages a second through HTTP."""
    pages = rids_of(store, [answer.bundle.keys for answer in answers])
    make = repeated([server.request(page) for page in pages])
    await server.target.run(make, 200, CONNECTIONS, min(0.5, seconds))
    load = await server.target.run(make, 200, CONNECTIONS, seconds)
    return (*key_read_ms(store, pages[:TIMED_REQUESTS]), load.per_second)


def measured(
    name: str, answers: Sequence[Answer], loads: tuple[Load, Load], limits: tuple[float, float, float, float]
) -> Measured:
    alone, together = loads
    totals = [answer.bundle.total for answer in answers if answer.bundle.total is not None]
    return Measured(
        name,
        entries=mean(len(answer.bundle.keys) for answer in answers),
        kilobytes=mean(len(answer.body) for answer in answers) / 1024,
        total=mean(totals) if totals else None,
        p50_ms=alone.percentile_ms(50),
        p99_ms=alone.percentile_ms(99),
        per_second=together.per_second,
        database_ms=limits[0],
        key_p50_ms=limits[1],
        key_database_ms=limits[2],
        page_per_second=limits[3],
    )
