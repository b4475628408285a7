"""Generated entries and predicates, with ends that meet: most comparisons are decided where two values touch."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from fhir_server.search.comparison import PREFIXES
from fhir_server.search.entries import Amount, Span
from fhir_server.search.types import date, number, special, string

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
STEPS = [
    timedelta(microseconds=1),
    timedelta(milliseconds=1),
    timedelta(hours=5),
    timedelta(days=1),
    timedelta(days=40),
]
INSTANTS = sorted({NOON + sign * step for step in STEPS for sign in (-1, 0, 1)})
ENDS = [date.EARLIEST, *INSTANTS, date.LATEST]

NUMBERS = [Decimal(text) for text in ("-10", "-0.5", "0", "0.000001", "4.5", "5", "5.5", "5.50000001", "10", "1e20")]
ALPHABET = "ab \u00e9\ud7ff\ue000\U0010ffff"
UNITS = ("", "label|mg", "ucum|g")
PLACES = st.tuples(st.sampled_from([-90, -45, 0, 0.2, 89.9, 90]), st.sampled_from([-180, -179.9, 0, 0.2, 90, 180]))


def spans(names: tuple[str, ...]) -> st.SearchStrategy[Span]:
    ends = st.lists(st.sampled_from(ENDS), min_size=2, max_size=2, unique=True).map(sorted)
    return st.builds(lambda name, pair: Span(name, *pair), st.sampled_from(names), ends)


def amounts(names: tuple[str, ...]) -> st.SearchStrategy[Amount]:
    return st.builds(
        lambda name, unit, ends: Amount(name, unit, *ends), st.sampled_from(names), st.sampled_from(UNITS), _ranges()
    )


def _ranges() -> st.SearchStrategy[tuple[Decimal, Decimal]]:
    points = st.sampled_from(NUMBERS).map(lambda value: (value, value))
    open_ends = [-number.INFINITY, *NUMBERS, number.INFINITY]
    ranges = st.tuples(st.sampled_from(open_ends), st.sampled_from(open_ends)).map(lambda ends: (min(ends), max(ends)))
    return points | ranges.filter(lambda ends: ends[0] != ends[1])


def texts() -> st.SearchStrategy[str]:
    return st.text(alphabet=ALPHABET, min_size=1, max_size=6)


def withins(name: str) -> st.SearchStrategy[date.Within]:
    return st.builds(lambda chosen: date.Within(name, chosen), _some(_date_comparisons()))


def updates() -> st.SearchStrategy[date.UpdatedWithin]:
    return st.builds(date.UpdatedWithin, _some(_date_comparisons()))


def _date_comparisons() -> st.SearchStrategy[date.Comparison]:
    return st.builds(lambda prefix, span: date.Comparison(prefix, *span[1:]), st.sampled_from(PREFIXES), spans(("",)))


def measures(name: str) -> st.SearchStrategy[number.Measures]:
    def comparison(prefix: str, value: Decimal, unit: str) -> number.Comparison:
        low_and_high = number.compared(prefix, value)
        return number.Comparison(prefix, low_and_high.low, low_and_high.high, unit)

    compared = st.builds(comparison, st.sampled_from(PREFIXES), st.sampled_from(NUMBERS), st.sampled_from(UNITS))
    return st.builds(lambda chosen: number.Measures(name, chosen), _some(compared))


def starts(name: str) -> st.SearchStrategy[string.StartsWith]:
    return st.builds(lambda chosen: string.StartsWith(name, chosen), _some(texts() | st.just("")))


def contents(name: str) -> st.SearchStrategy[string.Contains]:
    return st.builds(lambda chosen: string.Contains(name, chosen), _some(texts() | st.just("")))


def nearby(name: str) -> st.SearchStrategy[special.Near]:
    circle = st.builds(
        lambda place, kilometres: special.Circle(*map(float, place), kilometres),
        PLACES,
        st.sampled_from([0.0, 12.0, 25.0, 5_000.0, 30_000.0]),
    )
    return st.builds(lambda chosen: special.Near(name, chosen), _some(circle))


def _some(each: st.SearchStrategy) -> st.SearchStrategy[tuple]:
    return st.lists(each, min_size=1, max_size=3).map(tuple)
