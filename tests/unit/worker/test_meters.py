"""What a collector is told of jobs."""

from typing import Any

import pytest

from fhir_server.storage.jobs import Queue
from fhir_server.worker.meters import AGE, ATTEMPTS, WAITING, Meters

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")


def told(do: Any) -> dict[str, dict[str, Any]]:
    """By instrument and labels, what was measured."""
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader

    from fhir_server.telemetry import meter_to

    reader = InMemoryMetricReader()
    do(Meters(meter_to(reader)))
    metrics = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
    return {
        one.name: {"/".join(map(str, point.attributes.values())): point.value for point in one.data.data_points}
        for one in metrics
    }


def test_attempts_are_counted_by_kind_and_outcome() -> None:
    def do(meters: Meters) -> None:
        for outcome in ("ended", "ended", "failed"):
            meters.attempted("notify", outcome)  # type: ignore[arg-type] # a literal of them

    assert told(do) == {ATTEMPTS: {"notify/ended": 2, "notify/failed": 1}}


def test_a_queue_has_a_length_and_an_age_until_it_is_empty() -> None:
    def do(meters: Meters) -> None:
        meters.looked("notify", Queue(3, 1, 7.5))
        meters.looked("send", Queue(3, 1, 7.5))
        meters.looked("send", Queue())

    assert told(do) == {WAITING: {"notify": 3, "send": 0}, AGE: {"notify": 7.5, "send": 0.0}}


def test_without_a_collector_nothing_is_counted() -> None:
    meters = Meters()
    meters.attempted("notify", "ended")
    meters.looked("notify", Queue(1, 0, 1.0))
