"""Dates on one column together, and what follows from them for where a walk begins and ends."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.entries import Entries, Span
from fhir_server.search.types import date
from fhir_server.search.types.window import Window, bounds_of
from tests.unit.search.types import drawing

PARTS = st.lists(drawing.withins("date"), min_size=1, max_size=3)


@given(drawing.spans(("date",)), PARTS)
def test_what_is_found_begins_within_the_bounds(span: Span, parts: list[date.Within]) -> None:
    if not Window(tuple(parts)).matches(Entries(spans={span})):
        return
    bounds = bounds_of(parts)
    assert bounds.low is None or span.low >= bounds.low
    assert bounds.high is None or span.low < bounds.high
    assert bounds.short_low is None or span.low >= bounds.short_low or span.high - span.low > date.DAY
    assert bounds.short_low is None or span.low >= bounds.short_low or span.high > bounds.short_low


@given(st.sampled_from(drawing.INSTANTS), PARTS)
def test_an_instant_is_updated_within_the_bounds(moment: datetime, parts: list[date.Within]) -> None:
    updated = [date.UpdatedWithin(part.comparisons) for part in parts]
    span = Span(date.LAST_UPDATED, moment, moment + date.MILLISECOND)
    if Window(tuple(updated)).matches(Entries(spans={span})):
        bounds = bounds_of(updated)
        assert bounds.low is None or span.low >= bounds.low
        assert bounds.high is None or span.low < bounds.high
