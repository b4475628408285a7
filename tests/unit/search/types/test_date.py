"""Dates: spans of time, and the nine ways to compare them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.entries import Entries, Span
from fhir_server.search.types import date
from tests.unit.search.types.asking import NOW, asked, finds, indexed
from tests.unit.search.types.drawing import INSTANTS, spans

SPAN = spans(("name",))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("2026", "2026-01-01", "2027-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2026-12-31", "2026-12-31", "2027-01-01"),
        ("2026-11-03T10", "2026-11-03T10:00", "2026-11-03T11:00"),
        ("2026-11-03T10:05", "2026-11-03T10:05", "2026-11-03T10:06"),
        ("2026-11-03T10:05+02:00", "2026-11-03T08:05", "2026-11-03T08:06"),
        ("2026-11-03T22:30:01-05:30", "2026-11-04T04:00:01", "2026-11-04T04:00:02"),
        ("2026-11-03T10:00:00.5Z", "2026-11-03T10:00:00.500", "2026-11-03T10:00:00.501"),
        ("2026-11-03T10:00:00.123Z", "2026-11-03T10:00:00.123", "2026-11-03T10:00:00.124"),
        ("2026-11-03T10:00:00.123456789Z", "2026-11-03T10:00:00.123456", "2026-11-03T10:00:00.123457"),
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00", "2017-01-01T00:00:01"),
    ],
)
def test_a_date_is_the_span_of_what_it_leaves_open(text: str, low: str, high: str) -> None:
    assert date.span(text) == (at(low), at(high))


@pytest.mark.parametrize(
    "text",
    ["", "0000", "26", "2026-13", "2026-02-30", "2026-11-03T24:00", "2026-11-03T10:00:61", "2026-11-03T10:00+15:00"],
)
def test_what_is_no_date_has_no_span(text: str) -> None:
    assert date.span(text) is None


@pytest.mark.parametrize("text", ["0001", "0001-01-01T00:00+14:00", "9999", "9999-12", "9999-12-31T23:59:60-14:00"])
def test_at_the_ends_of_time_spans_are_cut_and_never_empty(text: str) -> None:
    low, high = date.span(text) or (date.LATEST, date.EARLIEST)
    assert date.EARLIEST <= low < high <= date.LATEST


@pytest.mark.parametrize(
    ("period", "low", "high"),
    [
        ({"start": "2026-01", "end": "2026-02"}, at("2026-01-01"), at("2026-03-01")),
        ({"start": "2026-01"}, at("2026-01-01"), date.LATEST),
        ({"end": "2026-01"}, date.EARLIEST, at("2026-02-01")),
    ],
)
def test_a_period_that_is_open_lasts_for_ever(period: dict, low: datetime, high: datetime) -> None:
    assert indexed(date, "Period", period).spans == {Span("name", low, high)}


def test_a_period_that_ends_before_it_starts_is_where_it_starts() -> None:
    [span] = indexed(date, "Period", {"start": "2026-11-03", "end": "2020"}).spans
    assert span.low == at("2026-11-03")
    assert span.low < span.high < at("2026-11-04")


def test_a_timing_is_its_outer_limits() -> None:
    timing = {
        "event": ["2026-03-05", "2026-01-02T10:00:00Z"],
        "repeat": {"boundsPeriod": {"start": "2026-02", "end": "2026-04"}, "frequency": 1},
    }
    assert indexed(date, "Timing", timing).spans == {Span("name", at("2026-01-02T10:00"), at("2026-05-01"))}


@pytest.mark.parametrize(
    ("type_name", "value"),
    [
        ("Period", {}), ("Period", {"start": "x"}), ("Timing", {"repeat": {"frequency": 1}}), ("Timing", {"event": []}),
        ("dateTime", "soon"), ("string", "2026"), ("Age", {"value": 5}), ("date", {"extension": []}),
    ],
)  # fmt: skip
def test_a_value_that_says_no_time_adds_nothing(type_name: str, value: object) -> None:
    assert indexed(date, type_name, value) == Entries()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # https://hl7.org/fhir/R4/search.html#date
        ("2013-01-14", True), ("eq2013-01-14T10:00", True), ("eq2013-01-14T10", True), ("ne2013-01-14T10:00", False),
        ("ne2013-01-15", True), ("lt2013-01-14T10:00", False), ("lt2013-01-14T10:01", True),
        ("gt2013-01-14T10:00", False), ("gt2013-01-14T09:59", True), ("ge2013-01-14T10:00", True),
        ("le2013-01-14T10:00", True), ("sa2013-01-14T09:59", True), ("sa2013-01-14T10:00", False),
        ("eb2013-01-14T10:01", True), ("eb2013-01-14T10:00", False),
    ],
)  # fmt: skip
def test_a_minute_is_found_by_each_prefix_as_specified(query: str, found: bool) -> None:
    entries = indexed(date, "dateTime", "2013-01-14T10:00")
    assert finds(date, entries, query) is found


def test_a_period_around_the_date_is_not_equal_but_older_and_newer() -> None:
    entries = indexed(date, "Period", {"start": "2026-01", "end": "2026-12"})
    found = {prefix for prefix in date._HOLDS if finds(date, entries, f"{prefix}2026-06")}
    assert found == {"ne", "gt", "lt", "ge", "le", "ap"}


@pytest.mark.parametrize(
    ("query", "found"),
    [("ap2026-10-01", True), ("ap2026-10-02", False), ("ap2026-09-24", True), ("ap2026-09-23", False)],
)
def test_approximately_is_a_tenth_of_the_time_since(query: str, found: bool) -> None:
    entries = indexed(date, "dateTime", "2026-09-28T12:00:00Z")
    assert finds(date, entries, query, now=NOW) is found


def test_approximately_now_is_the_date_itself() -> None:
    [comparison] = date.predicate(asked("ap2026-11-03")).comparisons
    assert (comparison.low, comparison.high) == date.span("2026-11-03")


def test_a_plus_that_the_url_made_a_space_is_a_plus_again() -> None:
    entries = indexed(date, "instant", "2026-11-03T10:00:00+02:00")
    assert finds(date, entries, "2026-11-03T10:00:00 02:00")
    assert not finds(date, entries, "2026-11-03T10:00:00-02:00")


def test_last_updated_is_asked_of_the_row() -> None:
    predicate = date.predicate(asked("ge2026", name="_lastUpdated"))
    assert isinstance(predicate, date.UpdatedWithin)
    assert predicate.matches(Entries(spans={Span("_lastUpdated", NOW, NOW + timedelta(milliseconds=1))}))


def holds(prefix: str, span: Span, low: datetime, high: datetime) -> bool:
    return date.Within("name", (date.Comparison(prefix, low, high),)).matches(Entries(spans={span}))


@given(SPAN, SPAN)
def test_the_prefixes_of_one_value_belong_together(target: Span, search: Span) -> None:
    true = {prefix for prefix in date._HOLDS if holds(prefix, target, search.low, search.high)}
    assert ("ne" in true) != ("eq" in true)
    assert ("ge" in true) == bool(true & {"gt", "eq"})
    assert ("le" in true) == bool(true & {"lt", "eq"})
    assert "sa" not in true or {"gt", "ne"} <= true
    assert "eb" not in true or {"lt", "ne"} <= true
    assert ("ap" in true) == (not true & {"sa", "eb"})


@given(SPAN, st.sampled_from(INSTANTS))
def test_earlier_is_later_in_a_mirror(target: Span, search: datetime) -> None:
    def mirrored(low: datetime, high: datetime) -> tuple[datetime, datetime]:
        return date.EARLIEST + (date.LATEST - high), date.EARLIEST + (date.LATEST - low)

    low, high = search, search + timedelta(days=1)
    mirror = Span("name", *mirrored(target.low, target.high))
    for one, other in (("lt", "gt"), ("le", "ge"), ("eb", "sa"), ("eq", "eq"), ("ap", "ap")):
        assert holds(one, target, low, high) == holds(other, mirror, *mirrored(low, high))


def test_any_of_several_values_will_do_also_for_not_equal() -> None:
    entries = Entries()
    for text in ("2025", "2026"):
        entries.spans.add(Span("name", *(date.span(text) or ())))
    assert finds(date, entries, "2026")
    assert finds(date, entries, "ne2026")
    assert not finds(date, entries, "2027")
