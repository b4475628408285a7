"""Numbers: as precise as they are written."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.search.entries import Amount, Entries
from fhir_server.search.types import number
from tests.unit.search.types.asking import asked, finds, indexed
from tests.unit.search.types.asking import number as raw
from tests.unit.search.types.drawing import NUMBERS, amounts

AMOUNT = amounts(("name",))


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        # https://hl7.org/fhir/R4/search.html#number
        ("100", "99.5", "100.5"), ("100.00", "99.995", "100.005"), ("1e2", "50", "150"), ("0.50", "0.495", "0.505"),
        ("-5", "-5.5", "-4.5"), ("1.0e-2", "0.0095", "0.0105"), ("0", "-0.5", "0.5"),
    ],
)  # fmt: skip
def test_a_number_asks_for_what_rounds_to_it(text: str, low: str, high: str) -> None:
    [comparison] = number.predicate(asked(text)).comparisons
    assert (comparison.low, comparison.high) == (Decimal(low), Decimal(high))


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("99.5", True), ("100", True), ("99", False), ("eq1e2", True), ("ne100", False), ("ne99", True),
        ("gt99.5", False), ("gt99.4", True), ("lt99.5", False), ("lt99.6", True), ("ge99.5", True), ("ge99.6", False),
        ("le99.5", True), ("le99.4", False), ("sa99.4", True), ("sa99.5", False), ("eb99.6", True), ("eb99.5", False),
        ("ap109", True), ("ap111", False), ("ap91", True), ("ap90", False),
    ],
)  # fmt: skip
def test_a_number_is_found_by_each_prefix(query: str, found: bool) -> None:
    assert finds(number, indexed(number, "decimal", raw("99.50")), query) is found


def test_what_is_half_way_above_belongs_to_the_next_number() -> None:
    entries = indexed(number, "decimal", raw("100.5"))
    assert not finds(number, entries, "100")
    assert finds(number, entries, "101")


def test_a_tenth_more_or_less_is_approximately_the_same() -> None:
    assert all(finds(number, indexed(number, "decimal", raw(text)), "ap-100") for text in ("-90", "-110.0"))
    assert not finds(number, indexed(number, "decimal", raw("-89.9")), "ap-100")


@pytest.mark.parametrize("text", ["1" * 41, "1e301", "1e-301", "NaN", "Infinity", "1_0", "1e", ".5", "0x1"])
def test_what_is_past_the_limits_is_no_number(text: str) -> None:
    assert number.read(text) is None


@given(st.integers(-(10**39), 10**39), st.integers(-300, 300))
def test_within_the_limits_a_number_is_read_exactly(digits: int, exponent: int) -> None:
    text = f"{digits}e{exponent}"
    assert number.read(text) == Decimal(text)


@pytest.mark.parametrize(
    ("type_name", "value", "stored"),
    [
        ("integer", 5, "5"),
        ("decimal", raw("-0"), "0"),
        ("decimal", raw("1.50"), "1.5"),
        ("positiveInt", 10**20, "1e20"),
    ],
)
def test_a_number_is_a_point(type_name: str, value: object, stored: str) -> None:
    point = Decimal(stored)
    assert indexed(number, type_name, value).amounts == {Amount("name", "", point, point)}


def test_a_range_is_open_where_an_end_is_missing() -> None:
    probability = {"low": {"value": raw("0.5"), "unit": "%"}}
    assert indexed(number, "Range", probability).amounts == {Amount("name", "", Decimal("0.5"), number.INFINITY)}
    assert indexed(number, "Range", {"low": {"unit": "%"}}) == Entries()


@pytest.mark.parametrize(
    ("type_name", "value"),
    [("boolean", True), ("decimal", True), ("decimal", "5"), ("string", "5"), ("decimal", raw("1e999")), ("Range", [])],
)
def test_what_is_no_number_adds_nothing(type_name: str, value: object) -> None:
    assert indexed(number, type_name, value) == Entries()


def test_a_number_of_the_parser_is_read_as_it_was_sent() -> None:
    assert str(number.number_of(msgspec.Raw(b"1.00"))) == "1.00"


def true_prefixes(target: Amount, searched: Decimal) -> set[str]:
    entries = Entries(amounts={target})
    alike = {
        p: number.Comparison(p, c.low, c.high, target.unit)
        for p in number._HOLDS
        for c in [number.compared(p, searched)]
    }
    return {prefix for prefix, c in alike.items() if number.Measures("name", (c,)).matches(entries)}


@given(AMOUNT, st.sampled_from(NUMBERS))
def test_the_prefixes_of_one_amount_belong_together(target: Amount, searched: Decimal) -> None:
    true = true_prefixes(target, searched)
    point = target.low == target.high
    assert ("ne" in true) != ("eq" in true)
    assert "sa" not in true or "gt" in true
    assert "eb" not in true or "lt" in true
    assert "gt" not in true or "ge" in true
    assert "lt" not in true or "le" in true
    assert {"ge", "le"} & true
    assert not point or (("gt" in true) == ("sa" in true) and ("lt" in true) == ("eb" in true))
    assert not (point and target.low == searched) or {"eq", "ge", "le", "ap"} <= true


@given(AMOUNT, st.sampled_from(NUMBERS))
def test_an_amount_in_another_unit_is_no_answer(target: Amount, searched: Decimal) -> None:
    other = number.Measures("name", (number.Comparison("ge", searched, searched, target.unit + "x"),))
    elsewhere = number.Measures("named", (number.Comparison("ge", -number.INFINITY, -number.INFINITY, target.unit),))
    assert not other.matches(Entries(amounts={target}))
    assert not elsewhere.matches(Entries(amounts={target}))
