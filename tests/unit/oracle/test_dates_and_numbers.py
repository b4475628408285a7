"""Dates, numbers, quantities and places against one value. https://hl7.org/fhir/R4/search.html#prefix"""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tests.oracle.dates import DAY, SECOND, date_range, date_test
from tests.oracle.extraction import Element
from tests.oracle.intervals import PREFIXES
from tests.oracle.near import kilometres, near_test
from tests.oracle.numbers import half_width, number_test
from tests.oracle.quantities import CURRENCIES, UCUM, quantity_test


@pytest.mark.parametrize(
    ("text", "same", "width"),
    [
        ("2024", "2024-01-01T00:00:00Z", 366 * DAY),
        ("2023", "2023-01-01", 365 * DAY),
        ("2024-02", "2024-02-01", 29 * DAY),
        ("9999-12", "9999-12-01", 31 * DAY),
        ("2024-02-29", "2024-02-29T00:00Z", DAY),
        ("2024-02-29T23:30", "2024-02-29T23:30Z", 60 * SECOND),
        ("2024-03-01T01:30:00+02:00", "2024-02-29T23:30:00Z", SECOND),
        ("2024-02-29T23:30:00-05:00", "2024-03-01T04:30:00Z", SECOND),
        ("2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.500Z", 1000),
        ("2024-01-01T00:00:00.1234567Z", "2024-01-01T00:00:00.123456Z", 1),
    ],
)
def test_a_date_covers_its_precision(text: str, same: str, width: int) -> None:
    assert date_range(text).low == date_range(same).low
    assert date_range(text).high == date_range(text).low + width


@pytest.mark.parametrize("text", ["2024-13", "2023-02-29", "24", "2024-01-01T10", "2024-01-01T10:00:00.Z", "now"])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        date_range(text)


MARCH = ("Period", {"start": "2024-03-01", "end": "2024-03-31"})
DATES: list[tuple[str, tuple[str, Any], str]] = [
    ("2024", ("date", "2024-02-29"), "eq ge le ap"),
    ("2024-02-29", ("date", "2024"), "ne gt lt ge le ap"),
    ("2024-03-10", ("date", "2024-03-11"), "ne gt ge sa"),
    ("2024-03-10", ("date", "2024-03-09"), "ne lt le eb"),
    ("2024-03", MARCH, "eq ge le ap"),
    ("2024-03-31", MARCH, "ne lt le ap"),
    ("2024-04-01", MARCH, "ne lt le eb"),
    ("2024-03-15", MARCH, "ne gt lt ge le ap"),
    ("2024-03-15", ("Period", {"start": "2024-03-15"}), "ne gt ge ap"),
    ("2024-03-14", ("Period", {"start": "2024-03-15"}), "ne gt ge sa"),
    ("2024-03-15", ("Period", {"end": "2024-03-15"}), "ne lt le ap"),
    ("2024", ("Timing", {"event": ["2024-01-02", "2024-12-31"]}), "eq ge le ap"),
    ("2024-01-02", ("Timing", {"event": ["2024-01-02", "2024-12-31"]}), "ne gt ge ap"),
    ("2024", ("Timing", {"repeat": {"boundsPeriod": {"start": "2024-06"}}}), "ne gt ge ap"),
    ("2024", ("Timing", {"repeat": {"frequency": 1}}), ""),
]


@pytest.mark.parametrize(("asked", "stored", "prefixes"), DATES)
def test_each_prefix_says_where_a_range_lies(asked: str, stored: tuple[str, Any], prefixes: str) -> None:
    now = date_range("2024").low
    holding = [prefix for prefix in PREFIXES if date_test(prefix + asked, now, widening=0)(Element(*stored))]
    assert " ".join(holding) == prefixes


def test_approximately_widens_by_a_tenth_of_the_distance_from_now() -> None:
    now = date_range("2024-01-11").low
    assert date_test("ap2024-01-21", now)(Element("date", "2024-01-23T01:00:00Z")) is False
    assert date_test("ap2024-01-21", now)(Element("date", "2024-01-20T01:00:00Z")) is True
    assert date_test("ap2024-01-21", now, widening=0)(Element("date", "2024-01-20T01:00:00Z")) is False


@pytest.mark.parametrize(
    ("text", "half"),
    [("100", "0.5"), ("100.00", "0.005"), ("1e2", "50"), ("1.50e3", "5"), ("-5.0", "0.05"), ("0", "0.5")],
)
def test_a_number_is_as_wide_as_its_last_digit(text: str, half: str) -> None:
    assert half_width(text) == Fraction(half)


NUMBERS = [
    ("100", "99.5", "eq lt le eb ap"),
    ("100", "100.5", "ne gt ge sa ap"),
    ("100", "100", "eq ge le ap"),
    ("1e2", "149", "eq gt ge sa"),
    ("-10", "-9", "ne gt ge sa ap"),
    ("0.30", "0.33", "ne gt ge sa ap"),
    ("0.30", "0.3301", "ne gt ge sa"),
]


@pytest.mark.parametrize(("asked", "stored", "prefixes"), NUMBERS)
def test_a_number_lies_where_its_prefix_says(asked: str, stored: str, prefixes: str) -> None:
    element = Element("decimal", Decimal(stored))
    assert " ".join(prefix for prefix in PREFIXES if number_test(prefix + asked)(element)) == prefixes


def test_a_range_is_open_where_an_end_is_missing() -> None:
    element = Element("Range", {"low": {"value": 3}})
    assert [p for p in ("eq", "gt", "lt", "sa", "eb") if number_test(p + "5")(element)] == ["gt", "lt"]


def quantity(value: str, code: str = "mg", **more: str) -> Element:
    return Element("Quantity", {"value": Decimal(value), "unit": code, "system": UCUM, "code": code, **more})


QUANTITIES = [
    ("5.4", quantity("5.4", "kg"), True),
    ("5.4|http://unitsofmeasure.org|mg", quantity("0.0054", "g"), True),
    ("5.4|http://unitsofmeasure.org|mg", quantity("5.44"), True),
    ("5.4|http://unitsofmeasure.org|mg", quantity("5.45"), False),
    ("5.4|http://unitsofmeasure.org|mg", quantity("5.4", "mL"), False),
    ("5.4|http://example.org|mg", quantity("5.4"), False),
    ("5.4||mg", quantity("5.4"), True),
    ("5.4||mg", quantity("0.0054", "g"), False),
    ("5.4||milli", quantity("5.4", unit="milli"), True),
    ("gt1|http://unitsofmeasure.org|h", quantity("61", "min"), True),
    ("lt1|http://unitsofmeasure.org|h", quantity("61", "min"), False),
    ("ge2|http://unitsofmeasure.org|mg", quantity("2"), True),
    ("gt9|http://unitsofmeasure.org|mg", quantity("2", comparator=">"), True),
    ("eq2|http://unitsofmeasure.org|mg", quantity("2", comparator="<="), False),
    ("ap100|http://unitsofmeasure.org|mg", quantity("90"), True),
    ("ap100|http://unitsofmeasure.org|mg", quantity("89"), False),
    (f"10|{CURRENCIES}|EUR", Element("Money", {"value": 10, "currency": "EUR"}), True),
    (f"10|{CURRENCIES}|USD", Element("Money", {"value": 10, "currency": "EUR"}), False),
]


@pytest.mark.parametrize(("asked", "stored", "expected"), QUANTITIES)
def test_a_quantity_is_compared_in_its_unit(asked: str, stored: Element, expected: bool) -> None:
    assert quantity_test(asked)(stored) is expected


def test_places_are_near_by_the_great_circle() -> None:
    assert round(kilometres(52.52, 13.405, 48.8566, 2.3522)) == 877
    berlin = Element("Location.position", {"latitude": Decimal("52.52"), "longitude": Decimal("13.405")})
    assert near_test("52.6|13.4")(berlin)
    assert not near_test("52.6|13.4|8|km")(berlin)
    assert near_test("48.8566|2.3522|546|mi")(berlin)
    assert not near_test("48.8566|2.3522|876000|m")(berlin)
