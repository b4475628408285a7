"""The public codes of prescriptions."""

import pytest

from terminology.ncpdp.compile_ncit import SUBSETS, compiled
from terminology.ncpdp.tables import (
    DEA_SCHEDULES,
    DISPENSE_AS_WRITTEN,
    NCIT_OF_UCUM,
    UCUM_OF_NCIT,
    codes,
    controlled,
    name,
    schedule,
)
from terminology.ucum.canonical import canonical

SPECIAL = {"Cel", "[degF]"}
"""Temperatures, which UCUM converts by more than a factor."""


def test_every_subset_of_the_list_is_a_table() -> None:
    assert {table: len(entries) for table, entries in codes().items()} == {
        "DEASchedule": 6,
        "StrengthForm": 380,
        "StrengthUnitOfMeasure": 36,
        "QuantityUnitOfMeasure": 28,
        "DoseUnitOfMeasure": 63,
        "MeasurementUnitCode": 30,
    }


@pytest.mark.parametrize("code", sorted(UCUM_OF_NCIT))
def test_every_equivalent_is_of_a_code_that_there_is_and_a_unit_that_ucum_knows(code: str) -> None:
    assert name(code)
    assert UCUM_OF_NCIT[code] in SPECIAL or canonical(UCUM_OF_NCIT[code]) is not None


def test_no_two_codes_have_one_equivalent() -> None:
    assert len(NCIT_OF_UCUM) == len(UCUM_OF_NCIT)


@pytest.mark.parametrize("counted", ["C48542", "C48480", "C48524", "C64933", "C38046"])
def test_what_is_counted_has_no_unit_of_measure(counted: str) -> None:
    assert counted not in UCUM_OF_NCIT


def test_the_schedules_are_those_of_the_table() -> None:
    assert set(DEA_SCHEDULES) == set(codes()["DEASchedule"]) - {"C38046"}


@pytest.mark.parametrize(
    ("code", "spellings"),
    [
        ("C48672", "I CI C-I 1 C48672"),
        ("C48675", "II CII C-II C.II c-ii 2 C2 2N CIIN C48675 c48675"),
        ("C48676", "III CIII C-III 3 3N"),
        ("C48677", "IV CIV C-IV iv 4"),
        ("C48679", "V CV C-V 5"),
    ],
)
def test_a_schedule_is_known_by_its_spellings(code: str, spellings: str) -> None:
    assert {schedule(spelling) for spelling in spellings.split()} == {code}
    assert schedule(f" {codes()['DEASchedule'][code]}\n") == code


@pytest.mark.parametrize("text", ["", " ", "C38046", " c38046 ", "Unspecified", "UNSPECIFIED"])
def test_only_what_says_no_schedule_is_not_controlled(text: str) -> None:
    assert not controlled(text)


@pytest.mark.parametrize("text", [*DEA_SCHEDULES, "II", "C48678", "C38047", "VI", "0", "6", "-", "none", "C 38046"])
def test_whatever_else_is_said_is_controlled(text: str) -> None:
    assert controlled(text)


def test_there_are_ten_reasons_for_a_product() -> None:
    assert list(DISPENSE_AS_WRITTEN) == [str(code) for code in range(10)]


def test_the_list_is_compiled_by_element() -> None:
    head = "NCIt Subset Code\tNCPDP Subset Preferred Term\tNCIt Code\tNCPDP Preferred Term\tNCPDP Synonym"
    made = compiled([head, "C89510\tNCPDP QuantityUnitOfMeasure Terminology\tC48542\tTablet\t"])
    assert made == {table: {} for table in SUBSETS.values()} | {"QuantityUnitOfMeasure": {"C48542": "Tablet"}}
