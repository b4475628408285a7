"""Spans of partial dates are half-open and as wide as their precision. https://hl7.org/fhir/R4/search.html#date."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.columns import date_columns, span


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2024", "2024-01-01T00:00:00", "2025-01-01T00:00:00"),
        ("2024-02", "2024-02-01T00:00:00", "2024-03-01T00:00:00"),
        ("2024-12", "2024-12-01T00:00:00", "2025-01-01T00:00:00"),
        ("2024-02-29", "2024-02-29T00:00:00", "2024-03-01T00:00:00"),
        ("2024-02-29T23:59:59Z", "2024-02-29T23:59:59", "2024-03-01T00:00:00"),
        ("2024-02-29T23:59:59.5+02:00", "2024-02-29T21:59:59.500", "2024-02-29T21:59:59.501"),
    ],
)
def test_a_partial_date_spans_its_precision(text: str, low: str, high: str) -> None:
    assert span(text) == (datetime.fromisoformat(low + "+00:00"), datetime.fromisoformat(high + "+00:00"))


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2999, 1, 1)))  # noqa: DTZ001 - hypothesis wants naive bounds
def test_the_span_of_a_second_holds_that_second_alone(moment: datetime) -> None:
    low, high = span(moment.replace(microsecond=0).isoformat() + "Z")
    assert low == moment.replace(microsecond=0, tzinfo=UTC)
    assert high is not None
    assert high - low == timedelta(seconds=1)


@pytest.mark.parametrize("text", ["", "20240101", "2024-13", "2024-02-30", "9999", "now", "2016-12-31T23:59:60Z"])
def test_what_has_no_span_leaves_the_columns_empty(text: str) -> None:
    assert span(text) == (None, None)


def test_an_open_period_has_an_open_end() -> None:
    low, high = date_columns("Encounter", {"period": {"start": "2024"}})
    assert low == datetime(2024, 1, 1, tzinfo=UTC)
    assert high is None
