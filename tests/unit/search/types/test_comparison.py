"""The prefixes of ordered values, and how values and modifiers are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Invalid, NotSupported
from fhir_server.search.comparison import PREFIXES, split_prefix
from fhir_server.search.types import date, number, quantity, special
from tests.unit.search.types.asking import asked

ORDERED = (date, number, quantity, special)


@given(st.sampled_from(PREFIXES), st.text(alphabet="0123456789-.T", max_size=8))
def test_a_prefix_is_the_two_letters_before_the_value(prefix: str, value: str) -> None:
    assert split_prefix(prefix + value) == (prefix, value)


def test_a_value_without_a_prefix_asks_for_what_is_equal() -> None:
    assert split_prefix("2026-11") == ("eq", "2026-11")
    assert split_prefix("xx5") == ("eq", "xx5")


@pytest.mark.parametrize("kind", ORDERED)
@pytest.mark.parametrize("value", ["", "ge", "x", "gege5", "5 6", "٥", "5\n", "|", "5|mg", "5|a|b|c"])
def test_what_is_no_value_is_refused_under_the_parameters_name(kind, value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        kind.predicate(asked(value, name="taken"))
    [issue] = refusal.value.issues
    assert issue.code == "invalid"
    assert "'taken'" in issue.diagnostics


@pytest.mark.parametrize("kind", ORDERED)
def test_ordered_types_have_no_modifiers(kind) -> None:
    with pytest.raises(NotSupported, match="':exact'"):
        kind.predicate(asked("5", modifier="exact"))


@pytest.mark.parametrize(("kind", "value"), [(date, "2026"), (number, "5"), (quantity, "5||mg")])
def test_searches_that_ask_the_same_are_equal(kind, value: str) -> None:
    assert kind.predicate(asked(value, f"ge{value}", value)) == kind.predicate(asked(f"ge{value}", value))
