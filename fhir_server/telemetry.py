"""What is told of each answered request, to the log and, behind a setting, as OpenTelemetry traces and metrics.

The same few fields for all: which interaction, on what type, how it ended, how long it took. No id of a resource or a
patient, no query, no header but the trace's own. https://opentelemetry.io/docs/specs/semconv/http/
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fhir_server.logs import request_answered
from fhir_server.model.resource_types import NUMBERS

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor

SERVICE: Final = "galenic"
DURATION: Final = "http.server.request.duration"
METRIC_SECONDS: Final = 60
"""Time between two exports of the metrics (seconds)."""

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_INTERACTION: Final = re.compile(r"[a-z][a-z\-]{0,40}")


class TelemetryMissing(Exception):
    """GALENIC_OTLP_ENDPOINT is set, and what speaks OTLP is not installed."""


@dataclass(frozen=True, slots=True)
class Answered:
    """`traceparent` is the header of https://www.w3.org/TR/trace-context/, "" where the client sent none."""

    request_id: str
    interaction: str
    status: int
    seconds: float
    type_name: str = ""
    client: str = ""
    traceparent: str = ""


Observe = Callable[[Answered], None]


def to_log(answered: Answered) -> None:
    """One line a request."""
    request_answered(
        request_id=answered.request_id,
        interaction=answered.interaction,
        status=answered.status,
        latency_ms=round(answered.seconds * 1_000, 3),
        type_name=answered.type_name,
        client=answered.client,
    )


def observer(endpoint: str) -> Observe:
    """The log, and the collector at `endpoint` (URL of OTLP over HTTP; "": none). Raises `TelemetryMissing`."""
    if not endpoint:
        return to_log
    telemetry = over_http(endpoint)

    def observe(answered: Answered) -> None:
        to_log(answered)
        telemetry.observe(answered)

    return observe


def ensure_installed() -> None:
    """Raises `TelemetryMissing`."""
    try:
        import opentelemetry.exporter.otlp.proto.http
        import opentelemetry.sdk.trace  # noqa: F401 - only whether they are there
    except ImportError as error:
        raise TelemetryMissing(
            "GALENIC_OTLP_ENDPOINT needs OpenTelemetry: pip install 'galenic[otel]', or leave it empty"
        ) from error


def over_http(endpoint: str) -> "Telemetry":
    ensure_installed()
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    return Telemetry(
        BatchSpanProcessor(OTLPSpanExporter(endpoint=_path(endpoint, "traces"))), meter_over_http(endpoint)
    )


def meter_over_http(endpoint: str) -> "Meter":
    """What makes instruments of this process. Raises `TelemetryMissing`."""
    ensure_installed()
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    exporter = OTLPMetricExporter(endpoint=_path(endpoint, "metrics"))
    return meter_to(PeriodicExportingMetricReader(exporter, export_interval_millis=METRIC_SECONDS * 1_000))


def meter_to(reader: "MetricReader") -> "Meter":
    from opentelemetry.sdk.metrics import MeterProvider

    return MeterProvider([reader], _resource()).get_meter(SERVICE)


def _path(endpoint: str, signal: str) -> str:
    return f"{endpoint.rstrip('/')}/v1/{signal}"


def _resource() -> Any:
    """Not `Resource.create`: what the environment says is not ours to send."""
    from opentelemetry.sdk.resources import Resource

    return Resource({"service.name": SERVICE})


class Telemetry:
    """Traces and metrics of one process."""

    def __init__(self, spans: "SpanProcessor", meter: "Meter") -> None:
        from opentelemetry.sdk.trace import TracerProvider

        tracing = TracerProvider(resource=_resource())
        tracing.add_span_processor(spans)
        self._tracer = tracing.get_tracer(SERVICE)
        self._duration = meter.create_histogram(DURATION, "s", "Time from a request's head to its answer")

    def observe(self, answered: Answered) -> None:
        """One span and one point of the histogram."""
        labels = labels_of(answered)
        self._duration.record(answered.seconds, labels)
        end = time.time_ns()
        name = " ".join(str(labels[key]) for key in ("fhir.interaction", "fhir.type") if key in labels)
        begin = end - int(answered.seconds * 1e9)
        span = self._tracer.start_span(name, _parent(answered.traceparent), start_time=begin, attributes=labels)
        span.end(end)


def labels_of(answered: Answered) -> dict[str, str | int]:
    """Few values each: a label is no place for ids."""
    known = _INTERACTION.fullmatch(answered.interaction) is not None
    labels: dict[str, str | int] = {
        "fhir.interaction": answered.interaction if known else "other",
        "http.response.status_code": answered.status,
    }
    return labels | ({"fhir.type": answered.type_name} if answered.type_name in NUMBERS else {})


def _parent(traceparent: str) -> Any:
    """The caller's span; its `tracestate` and `baggage` are not passed on, nobody knows what they hold."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    if not _TRACEPARENT.fullmatch(traceparent):
        return None
    return TraceContextTextMapPropagator().extract({"traceparent": traceparent})
