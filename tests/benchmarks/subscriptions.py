"""Subscriptions: from a commit to a webhook, how many are told a second, and what subscribers cost a write."""

import time
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import psycopg

from fhir_server.notifications.deciding import TIMEOUT_SECONDS
from fhir_server.notifications.delivering import LANES
from subscriptions.topics import BASE
from tests.benchmarks.http import Load
from tests.benchmarks.prescribing import PRESCRIPTION, Prescriber, Written, patient_id
from tests.benchmarks.rows import Bench, Row
from tests.benchmarks.subscribers import Arrivals, Hooked, consuming, delays, driven, hooked
from tests.builders.subscriptions import a_subscription, extension
from tests.running.waiting import eventually

SUBSCRIPTIONS: Final = 1_000
"""Each for the prescriptions of one patient, one event a message."""

FOLLOWED: Final = 100
"""Subscriptions beside them that do not say how many events a message may have: what they are told is followed."""

NOBODYS: Final = SUBSCRIPTIONS + FOLLOWED
"""The patient whom no subscription is for."""

FOLLOWED_A_SECOND: Final = 100
"""Writes that are followed to their consumer and to their webhook."""

TIMED_A_SECOND: Final = 20
"""Writes that are timed: what one leaves to be done is done before the next."""

NOTIFICATIONS: Final = 1_000
"""Told from a standstill for a rate."""

PATIENCE_SECONDS: Final = 120.0

SETTLED: Final = """
SELECT (SELECT count(*) FROM subscription WHERE state = 'active'),
       (SELECT count(*) FROM outbox)
       + (SELECT count(*) FROM job WHERE kind = 'notify' AND state IN ('waiting', 'running')),
       (SELECT seq FROM event_head) - (SELECT seq FROM consumer WHERE name = 'subscriptions')
"""
"""How many there are, and what the worker has still to do."""


async def subscriptions(bench: Bench) -> list[Row]:
    """Their number grows from nothing to a thousand; each row is measured with those that are there by then."""
    url, prescriber = bench.installation.postgres.app_url, Prescriber(bench)
    prescriber.load_patients(NOBODYS + 1)
    async with hooked() as sink:
        with closing(psycopg.connect(url, autocommit=True)) as connection:
            measured = Measured(bench, prescriber, sink, connection)
            alone = [await measured.consumed(), await measured.write("no subscription", NOBODYS)]
            await measured.follow(1)
            one = [await measured.webhook("1 subscr.", alone[0])]
            await measured.subscribe(1)
            one.append(await measured.rate())
            await measured.subscribe(10)
            ten = [await measured.write("10 subscr.", NOBODYS), await measured.write("10 subscr., one told", 0)]
            await measured.follow(100)
            hundred = [await measured.webhook("100 subscr.", alone[0])]
            await measured.subscribe(100)
            hundred.append(await measured.rate())
            await measured.subscribe(SUBSCRIPTIONS)
            all_ = [
                await measured.write("1,000 subscr.", NOBODYS, ten[0]),
                await measured.write("1,000 subscr., one told", 0, ten[1]),
                await measured.rate(),
            ]
    return [*alone, *one, *ten, *hundred, *all_]


@dataclass
class Measured:
    bench: Bench
    prescriber: Prescriber
    sink: Hooked
    connection: psycopg.Connection[tuple[int, ...]]
    subscribed: int = 0
    followed: int = 0

    async def subscribe(self, total: int) -> None:
        """So many there are then, each active, and nothing is left to be done."""
        await self._create([self._subscription(number) for number in range(self.subscribed, total)])
        self.subscribed = total

    async def follow(self, total: int) -> None:
        """The same of those that leave the number of events to the server."""
        said = {"extension": [extension("backport-timeout", valueUnsignedInt=TIMEOUT_SECONDS)]}
        numbers = range(SUBSCRIPTIONS + self.followed, SUBSCRIPTIONS + total)
        await self._create([self._subscription(number, said) for number in numbers])
        self.followed = total

    async def _create(self, wanted: list[dict[str, Any]]) -> None:
        before = self.subscribed + self.followed
        await self.prescriber.create(wanted)
        settled = (before + len(wanted), 0, 0)
        await eventually(lambda: self.connection.execute(SETTLED).fetchone() == settled, PATIENCE_SECONDS)

    def _subscription(self, number: int, channel: dict[str, Any] | None = None) -> dict[str, Any]:
        endpoint = self.sink.endpoints[number % len(self.sink.endpoints)]
        wanted = f"{PRESCRIPTION}?patient=Patient/{patient_id(number)}"
        return a_subscription(endpoint, f"{BASE}prescription-received", wanted, channel=channel)

    async def consumed(self) -> Row:
        """From the answer to a write until any consumer of `event` has it, without a subscription."""
        async with consuming(self.bench.installation.postgres.app_url) as arrivals:
            written = await self.prescriber.paced(FOLLOWED_A_SECOND, [NOBODYS])
            await eventually(lambda: arrivals.keys() >= written.answered.keys(), PATIENCE_SECONDS)
        return told("event to a consumer", written, arrivals)

    async def webhook(self, what: str, limit: Row) -> Row:
        """From the answer to a write until the sink has the request; the subscriptions are told in turns."""
        patients = range(SUBSCRIPTIONS, SUBSCRIPTIONS + self.followed)
        written = await self.prescriber.paced(FOLLOWED_A_SECOND, patients)
        await self._heard(written.answered)
        return told(f"event to a webhook, {what}", written, self.sink.arrivals, limit)

    async def write(self, what: str, patient: int, limit: Row | None = None) -> Row:
        written = await self.prescriber.paced(TIMED_A_SECOND, [patient])
        if patient != NOBODYS:
            await self._heard(written.answered)
        return Row(f"a write, {what}", 0, load=written.load, limit_ms=median_ms(limit))

    async def rate(self) -> Row:
        """From a standstill: what was written meanwhile is sequenced, matched and told as fast as it goes."""
        galenic = self.bench.installation
        with galenic.standing_still("fhir_server.worker.main"):
            wanted = await self.prescriber.many(NOTIFICATIONS, range(self.subscribed))
            before, started = galenic.cpu_seconds(), time.perf_counter()
        await self._heard(wanted)
        cpu = galenic.cpu_seconds() - before
        rate = NOTIFICATIONS / (max(self.sink.arrivals[one] for one in wanted) - started)
        at_once = min(self.subscribed, LANES)
        limit = await driven(self.sink.endpoints, self.sink.body, at_once, self.bench.seconds)
        what = f"told from a standstill, {self.subscribed:,} subscr."
        return Row(what, rate, limit, cpu_seconds=cpu, rss_mb=galenic.api_rss_mb())

    async def _heard(self, ids: set[str] | Arrivals) -> None:
        await eventually(lambda: self.sink.arrivals.keys() >= set(ids), PATIENCE_SECONDS)


def told(what: str, written: Written, arrivals: Arrivals, limit: Row | None = None) -> Row:
    load = Load(delays(written.answered, arrivals), written.load.seconds)
    return Row(what, load.per_second, load=load, limit_ms=median_ms(limit))


def median_ms(row: Row | None) -> float | None:
    return row.load.percentile_ms(50) if row and row.load else None
