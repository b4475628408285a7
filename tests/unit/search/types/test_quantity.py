"""Quantities: numbers in whatever unit they are asked for."""

from decimal import Decimal

import pytest

from fhir_server.search.entries import Amount, Entries
from fhir_server.search.types import quantity
from tests.unit.search.types.asking import UCUM, finds, indexed, number

DOSE = {"value": number("5.4"), "unit": "milligram", "system": UCUM, "code": "mg"}


@pytest.mark.parametrize(
    ("query", "found"),
    [
        # https://hl7.org/fhir/R4/search.html#quantity
        ("5.4", True), ("5.40", True), ("5", True), ("5.5", False), ("5.40e-3", False),
        ("5.4||mg", True), ("5.4||milligram", True), ("5.4||g", False),
        (f"5.4|{UCUM}|mg", True), (f"5.40e-3|{UCUM}|g", True), (f"5400|{UCUM}|ug", True), (f"0.0054|{UCUM}|g", True),
        (f"5.4|{UCUM}|g", False), (f"5.4|{UCUM}|mL", False), ("5.4|http://other.example|mg", False),
        (f"le5.4|{UCUM}|mg", True), (f"lt5.4|{UCUM}|mg", False), (f"gt5399|{UCUM}|ug", True), (f"ap6|{UCUM}|mg", True),
    ],
)  # fmt: skip
def test_a_quantity_is_found_by_number_unit_and_base_unit(query: str, found: bool) -> None:
    assert finds(quantity, indexed(quantity, "Quantity", DOSE), query) is found


@pytest.mark.parametrize(("query", "found"), [("0.01|{}|g", True), ("0.005|{}|g", False), ("0.0050|{}|g", False)])
def test_the_precision_asked_for_is_that_of_the_unit_asked_for(query: str, found: bool) -> None:
    entries = indexed(quantity, "Quantity", {"value": number("5.6"), "system": UCUM, "code": "mg"})
    assert finds(quantity, entries, query.format(UCUM)) is found


def test_what_is_equal_in_two_units_stays_equal_where_the_factor_has_no_end() -> None:
    once_a_second = indexed(quantity, "Quantity", {"value": 60, "system": UCUM, "code": "/min"})
    assert finds(quantity, once_a_second, f"le1|{UCUM}|/s")
    assert finds(quantity, once_a_second, f"ge1|{UCUM}|/s")
    assert not finds(quantity, once_a_second, f"gt1|{UCUM}|/s")


@pytest.mark.parametrize("code", ["[iU]", "{tablet}", "Cel", "[pH]", "bogus"])
def test_a_unit_that_no_factor_converts_stands_for_itself(code: str) -> None:
    entries = indexed(quantity, "Quantity", {"value": 5, "system": UCUM, "code": code})
    assert finds(quantity, entries, f"5|{UCUM}|{code}")
    assert not finds(quantity, entries, f"5|{UCUM}|1")


def test_international_units_are_comparable_with_their_multiples_only() -> None:
    entries = indexed(quantity, "Quantity", {"value": 1000, "system": UCUM, "code": "[iU]/L"})
    assert finds(quantity, entries, f"1.000|{UCUM}|[iU]/mL")
    assert not finds(quantity, entries, f"1.000|{UCUM}|[arb'U]/mL")


@pytest.mark.parametrize(
    ("comparators", "found"),
    [(("<", "<="), {"lt1", "lt10", "gt1", "eb10"}), ((">", ">="), {"gt10", "gt1", "lt10", "sa1"})],
)
def test_a_comparator_leaves_one_end_open(comparators: tuple[str, str], found: set[str]) -> None:
    queries = {"lt1", "lt10", "gt1", "gt10", "sa1", "sa10", "eb1", "eb10", "5"}
    for comparator in comparators:
        entries = indexed(quantity, "Quantity", {"value": 5, "comparator": comparator})
        assert {query for query in queries if finds(quantity, entries, query)} == found


def test_money_is_asked_for_in_its_currency() -> None:
    entries = indexed(quantity, "Money", {"value": number("9.99"), "currency": "EUR"})
    assert finds(quantity, entries, "9.99||EUR")
    assert finds(quantity, entries, "9.99|urn:iso:std:iso:4217|EUR")
    assert not finds(quantity, entries, "9.99||USD")


def test_the_ends_of_a_range_may_be_in_different_units() -> None:
    grams = {"low": {"value": 500, "system": UCUM, "code": "mg"}, "high": {"value": 2, "system": UCUM, "code": "g"}}
    amount = Amount("name", "ucum|g", Decimal("0.5"), Decimal(2))
    assert amount in indexed(quantity, "Range", grams).amounts


def test_an_end_of_a_range_without_a_unit_has_the_others() -> None:
    entries = indexed(quantity, "Range", {"low": {"value": 1}, "high": {"value": 2, "unit": "mg"}})
    assert entries.amounts == {Amount("name", unit, Decimal(1), Decimal(2)) for unit in ("", "label|mg")}
    entries = indexed(quantity, "Range", {"low": {"value": 1, "unit": "mg"}})
    assert Amount("name", "label|mg", Decimal(1), quantity.INFINITY) in entries.amounts


@pytest.mark.parametrize(
    "type_name", ["Quantity", "Age", "Duration", "Distance", "Count", "SimpleQuantity", "MoneyQuantity"]
)
def test_the_kin_of_a_quantity_are_quantities(type_name: str) -> None:
    assert finds(quantity, indexed(quantity, type_name, {"value": 5, "unit": "a"}), "5||a")


@pytest.mark.parametrize(
    ("type_name", "value"),
    [("Quantity", {"unit": "mg"}), ("Quantity", 5), ("Range", {}), ("decimal", 5), ("Money", {"currency": "EUR"})],
)
def test_what_has_no_number_adds_nothing(type_name: str, value: object) -> None:
    assert indexed(quantity, type_name, value) == Entries()


def test_an_escaped_bar_is_part_of_the_unit() -> None:
    assert finds(quantity, indexed(quantity, "Quantity", {"value": 5, "unit": "a|b"}), "5||a\\|b")
