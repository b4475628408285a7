"""Traces and metrics of requests, and what never is in them."""

import builtins
from typing import Any

import pytest

from fhir_server import telemetry
from fhir_server.cli import serve
from fhir_server.cli.main import main
from fhir_server.telemetry import Answered, Telemetry, TelemetryMissing, meter_to, observer, over_http, to_log

CANARY = "Zebulon-Canary-1960"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"

pytest.importorskip("opentelemetry.sdk", reason="the extra `otel` is not installed")


class Kept:
    """A collector in memory."""

    def __init__(self) -> None:
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

        self.spans = InMemorySpanExporter()
        self.metrics = InMemoryMetricReader()
        self.telemetry = Telemetry(SimpleSpanProcessor(self.spans), meter_to(self.metrics))

    def everything(self) -> str:
        spans = "".join(span.to_json() for span in self.spans.get_finished_spans())
        return spans + self.metrics.get_metrics_data().to_json()


def answered(**fields: Any) -> Answered:
    return Answered(**{"request_id": "r", "interaction": "read", "status": 200, "seconds": 0.25} | fields)


def test_a_request_is_a_span_and_a_point_of_the_histogram() -> None:
    kept = Kept()
    kept.telemetry.observe(answered(type_name="Patient"))
    (span,) = kept.spans.get_finished_spans()
    assert span.name == "read Patient"
    assert span.end_time - span.start_time == 250_000_000
    labels = {"fhir.interaction": "read", "fhir.type": "Patient", "http.response.status_code": 200}
    assert dict(span.attributes) == labels
    data = kept.metrics.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0]
    (point,) = data.data.data_points
    assert (data.name, data.unit, point.sum, dict(point.attributes)) == (telemetry.DURATION, "s", 0.25, labels)


def test_what_a_client_says_is_in_no_label() -> None:
    kept = Kept()
    said = {"type_name": CANARY, "interaction": CANARY, "request_id": CANARY, "client": CANARY, "traceparent": CANARY}
    kept.telemetry.observe(answered(**said))
    assert "other" in kept.everything()
    assert CANARY not in kept.everything()


def test_a_span_continues_the_caller_s_trace() -> None:
    kept = Kept()
    kept.telemetry.observe(answered(traceparent=f"00-{TRACE}-00f067aa0ba902b7-01"))
    (span,) = kept.spans.get_finished_spans()
    assert format(span.context.trace_id, "032x") == TRACE


def test_without_an_endpoint_there_is_the_log_alone() -> None:
    assert observer("") is to_log


@pytest.fixture
def not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def missing(name: str, *args: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name)
        return usual(name, *args)

    monkeypatch.setattr(builtins, "__import__", missing)


@pytest.mark.usefixtures("not_installed")
def test_an_endpoint_without_the_packages_is_told() -> None:
    with pytest.raises(TelemetryMissing, match="galenic\\[otel\\]"):
        over_http("http://127.0.0.1:4318")


@pytest.mark.usefixtures("not_installed")
def test_the_server_does_not_start_with_an_endpoint_that_it_cannot_speak_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GALENIC_OTLP_ENDPOINT", "http://127.0.0.1:4318")
    monkeypatch.setattr(serve, "configure", lambda *_, **__: None)  # the logs of this process stay as they are
    assert main(["serve"]) == 1
    assert "pip install 'galenic[otel]'" in capsys.readouterr().err
