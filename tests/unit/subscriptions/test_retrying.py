"""When what did not arrive is sent again."""

from itertools import accumulate, count, takewhile
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.retrying import FIRST_SECONDS, GIVE_UP_SECONDS, MOST_SECONDS, ceiling, delay

draws = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 10**6)


def test_the_first_wait_is_about_two_seconds() -> None:
    assert (delay(1, lambda: 0), delay(1, lambda: 1)) == (1, 2)
    assert ceiling(1) == FIRST_SECONDS


def test_the_ceiling_doubles_up_to_a_quarter_of_an_hour() -> None:
    assert [ceiling(one) for one in range(1, 12)] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


@given(attempts, draws)
def test_a_wait_is_between_half_the_ceiling_and_the_ceiling(attempt: int, draw: float) -> None:
    assert ceiling(attempt) / 2 <= delay(attempt, lambda: draw) <= ceiling(attempt) <= MOST_SECONDS


@given(attempts)
def test_the_ceiling_never_falls(attempt: int) -> None:
    assert ceiling(attempt) <= ceiling(attempt + 1)


@given(attempts, draws, draws)
def test_another_draw_is_another_wait(attempt: int, one: float, other: float) -> None:
    longer, shorter = delay(attempt, lambda: max(one, other)), delay(attempt, lambda: min(one, other))
    assert longer - shorter == pytest.approx(abs(one - other) * ceiling(attempt) / 2)


@given(st.integers())
def test_three_days_are_reached_in_hundreds_of_attempts(seed: int) -> None:
    random = Random(seed).random
    waits = (delay(attempt, random) for attempt in count(1))
    tried = sum(1 for _ in takewhile(lambda waited: waited < GIVE_UP_SECONDS, accumulate(waits)))
    assert GIVE_UP_SECONDS / MOST_SECONDS <= tried <= GIVE_UP_SECONDS / MOST_SECONDS * 2 + 10
