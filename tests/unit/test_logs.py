"""What gets into a log line, and what does not, whoever writes it."""

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from fhir_server.logs import configure, request_answered

CANARY = "Zebulon-Canary-1960"


@pytest.fixture(autouse=True)
def logging_restored() -> Iterator[None]:
    root, hook = logging.getLogger(), sys.excepthook
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], sys.excepthook = handlers, hook
    root.setLevel(level)
    structlog.reset_defaults()


def written(monkeypatch: pytest.MonkeyPatch, level: str, *, production: bool) -> io.StringIO:
    """What loggers write from now on."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure(level, production=production, process="api")
    return stream


@pytest.fixture(params=[True, False], ids=["production", "development"])
def stream(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    return written(monkeypatch, "debug", production=request.param)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_request_is_one_line_of_named_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = written(monkeypatch, "info", production=True)
    request_answered(
        request_id="r-1", interaction="read", status=200, latency_ms=1.5, type_name="Patient", client="counter-app"
    )
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "answered",
        "level": "info",
        "logger": "galenic.request",
        "process": "api",
        "request_id": "r-1",
        "interaction": "read",
        "status": 200,
        "latency_ms": 1.5,
        "type_name": "Patient",
        "client": "counter-app",
    }


def test_fields_nobody_named_and_values_that_are_not_what_they_are_called_are_left_out(stream: io.StringIO) -> None:
    request_answered(
        query=CANARY,
        family=CANARY,
        status=CANARY,
        type_name=CANARY,
        client=f"{CANARY} or so",
        interaction=CANARY + "/1",
    )
    structlog.stdlib.get_logger("fhir_server.x").bind(patient=CANARY).error("failed", body={"a": CANARY})
    assert "answered" in stream.getvalue()
    assert "failed" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_an_error_is_told_by_kind_and_place(stream: io.StringIO) -> None:
    for logger in (logging.getLogger("uvicorn.error"), structlog.stdlib.get_logger("fhir_server.x")):
        try:
            int(CANARY)
        except ValueError:
            logger.exception("it failed")
    assert CANARY not in stream.getvalue()
    assert stream.getvalue().count("ValueError") == 2
    assert stream.getvalue().count("test_logs.py:") == 2


def test_what_other_libraries_say_loses_its_values(stream: io.StringIO) -> None:
    logging.getLogger("httpx").info('HTTP Request: %s %s "%s"', "GET", f"http://x/Patient?family={CANARY}", "200 OK")
    logging.getLogger("asyncio").error(f"Task exception was never retrieved\nfuture: <Task exception={CANARY!r}>")  # noqa: G004
    logging.getLogger("psycopg").warning(f"key (id)=({CANARY}) is there")  # noqa: G004
    logging.getLogger("alembic").info("Context impl %s.", CANARY)
    said = stream.getvalue()
    assert "Task exception was never retrieved" in said
    assert CANARY not in said


def test_our_own_words_keep_their_ids(stream: io.StringIO) -> None:
    logging.getLogger("fhir_server.rest.failure").error("request %s failed with %s", "r-17", "KeyError")
    assert "request r-17 failed with KeyError" in stream.getvalue()


def test_what_ends_the_process_is_told_like_every_error(stream: io.StringIO) -> None:
    error = RuntimeError(CANARY)
    sys.excepthook(RuntimeError, error, None)
    assert "the process ends" in stream.getvalue()
    assert "RuntimeError" in stream.getvalue()
    assert CANARY not in stream.getvalue()


def test_the_level_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = written(monkeypatch, "warning", production=True)
    logging.getLogger("fhir_server.x").info("too little")
    logging.getLogger("fhir_server.x").warning("enough")
    assert [line["event"] for line in lines(stream)] == ["enough"]
