"""Numbers of prescribers and pharmacies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.identifiers import CHECKS, dea, ncpdp_provider_id, npi

DIGITS = st.text("0123456789", min_size=8, max_size=8)


@pytest.mark.parametrize("text", ["1234567893", "1999999984", "2000000002"])
def test_a_good_npi(text: str) -> None:
    assert npi(text)


@pytest.mark.parametrize("text", ["1234567890", "123456789", "12345678934", "3234567893", "12345６7893", "", "NONE"])
def test_a_bad_npi(text: str) -> None:
    assert not npi(text)


@pytest.mark.parametrize("text", ["FA1234563", "fa1234563", "BL8426529", "A91234563", "FA1234563-12"])
def test_a_good_dea_number(text: str) -> None:
    assert dea(text)


@pytest.mark.parametrize("text", ["FA1234567", "1A1234563", "FA123456", "FA12345630", "IA1234563", "FA1234563-", ""])
def test_a_bad_dea_number(text: str) -> None:
    assert not dea(text)


def test_a_pharmacys_number_has_seven_digits() -> None:
    assert ncpdp_provider_id("1400010")
    assert not any(map(ncpdp_provider_id, ("140001", "14000100", "140001X", "１400010", "")))


@given(DIGITS)
def test_of_ten_npis_that_differ_in_the_last_digit_one_is_good(digits: str) -> None:
    assert sum(npi(f"1{digits}{last}") for last in range(10)) == 1


@given(DIGITS, st.integers(0, 9), st.integers(0, 7))
def test_one_wrong_digit_fails_an_npi(digits: str, wrong: int, place: int) -> None:
    (good,) = [f"1{digits}{last}" for last in range(10) if npi(f"1{digits}{last}")]
    other = good[: place + 1] + str(wrong) + good[place + 2 :]
    assert npi(other) == (other == good)


@given(st.text("0123456789", min_size=6, max_size=6))
def test_of_ten_dea_numbers_that_differ_in_the_last_digit_one_is_good(digits: str) -> None:
    assert sum(dea(f"BC{digits}{last}") for last in range(10)) == 1


def test_every_check_is_by_the_name_of_its_element() -> None:
    assert set(CHECKS) == {"NPI", "DEANumber", "NCPDPID"}
