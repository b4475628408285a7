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
    assert (controlled("C48679"), controlled("C48678"), controlled("C38046")) == (True, False, False)


def test_there_are_ten_reasons_for_a_product() -> None:
    assert list(DISPENSE_AS_WRITTEN) == [str(code) for code in range(10)]


def test_the_list_is_compiled_by_element() -> None:
    head = "NCIt Subset Code\tNCPDP Subset Preferred Term\tNCIt Code\tNCPDP Preferred Term\tNCPDP Synonym"
    made = compiled([head, "C89510\tNCPDP QuantityUnitOfMeasure Terminology\tC48542\tTablet\t"])
    assert made == {table: {} for table in SUBSETS.values()} | {"QuantityUnitOfMeasure": {"C48542": "Tablet"}}
