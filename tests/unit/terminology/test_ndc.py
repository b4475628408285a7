"""NDCs in eleven digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terminology.ndc.eleven import ndc11


@pytest.mark.parametrize(
    ("text", "eleven"),
    [
        ("0002-3102-01", "00002310201"),
        ("50090-347-01", "50090034701"),
        ("50090-3471-1", "50090347101"),
        ("00002-3102-01", "00002310201"),
        ("00002310201", "00002310201"),
        ("0002310201", None),
        ("0002-310-01", None),
        ("0002-3102-0A", None),
        ("０0002310201", None),
        ("0002-3102", None),
        ("", None),
    ],
)
def test_digits_are_added_only_where_it_is_said_which_are_missing(text: str, eleven: str | None) -> None:
    assert ndc11(text) == eleven


@given(st.sampled_from([(4, 4, 2), (5, 3, 2), (5, 4, 1)]), st.text("0123456789", min_size=10, max_size=10))
def test_ten_digits_and_a_zero_are_eleven(shape: tuple[int, int, int], digits: str) -> None:
    labeler, product, _ = shape
    parts = (digits[:labeler], digits[labeler : labeler + product], digits[labeler + product :])
    made = ndc11("-".join(parts))
    assert made is not None
    assert (len(made), int(made[:5]), int(made[5:9]), int(made[9:])) == (11, *map(int, parts))
