"""Metrics of jobs, for the collector at GALENIC_OTLP_ENDPOINT: how old the queues are, and how often attempts fail.

https://opentelemetry.io/docs/specs/otel/metrics/api/
"""

from typing import Any, Final, Literal

from fhir_server.storage.jobs import Queue

ATTEMPTS: Final = "galenic.jobs.attempts"
WAITING: Final = "galenic.jobs.waiting"
AGE: Final = "galenic.jobs.age"

Outcome = Literal["ended", "given back", "failed", "lost"]


class Meters:
    """Of one worker; nothing is counted without an OpenTelemetry `Meter`."""

    def __init__(self, meter: Any = None) -> None:
        self._instruments = _Instruments(meter) if meter else None

    def attempted(self, kind: str, outcome: Outcome) -> None:
        """An attempt at a job of that kind has ended."""
        if self._instruments:
            self._instruments.attempts.add(1, {"kind": kind, "outcome": outcome})

    def looked(self, kind: str, queue: Queue) -> None:
        """How many jobs of that kind wait, and for how long."""
        if self._instruments:
            self._instruments.waiting.set(queue.due, {"kind": kind})
            self._instruments.age.set(queue.age_seconds, {"kind": kind})


class _Instruments:
    def __init__(self, meter: Any) -> None:
        self.attempts = meter.create_counter(ATTEMPTS, "{attempt}", "Attempts at jobs, by kind and outcome")
        self.waiting = meter.create_gauge(WAITING, "{job}", "Jobs that are due and not under way, by kind")
        self.age = meter.create_gauge(AGE, "s", "How long the first of them has been due, by kind")
