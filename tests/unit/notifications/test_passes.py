"""A token binds for its time, by its key, and for whoever it was given to."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Unauthorized
from fhir_server.identity.sealed import StateSealer
from fhir_server.notifications.passes import LIFE_SECONDS, Holder, Pass, Passes, holder_of


class FixedClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


CLOCK = FixedClock()
PASSES = Passes(b"key", CLOCK)
ONE = Pass(Holder("client", "person"), "token", ((1, 10), (2, 20)))


@given(*[st.text(max_size=40)] * 3, st.lists(st.tuples(st.integers(0, 2**53), st.integers(0, 2**53))))
def test_a_token_says_who_it_is_for_and_which_subscriptions(
    client: str, person: str, token_id: str, subscriptions: list[tuple[int, int]]
) -> None:
    one = Pass(Holder(client, person), token_id, tuple(subscriptions))
    assert PASSES.open(PASSES.seal(one)[0]) == one


def test_a_token_is_good_until_the_moment_it_is_said_to_expire() -> None:
    clock = FixedClock()
    token, expires = Passes(b"key", clock).seal(ONE)
    assert expires == clock.moment + timedelta(seconds=LIFE_SECONDS)
    clock.moment = expires
    assert Passes(b"key", clock).open(token) == ONE
    clock.moment += timedelta(seconds=1)
    with pytest.raises(Unauthorized):
        Passes(b"key", clock).open(token)


@given(st.text(max_size=200))
def test_what_was_made_up_is_no_token(text: str) -> None:
    with pytest.raises(Unauthorized):
        PASSES.open(text)


def test_neither_another_key_nor_another_purpose_makes_a_token() -> None:
    for token in (
        Passes(b"other", CLOCK).seal(ONE)[0],
        StateSealer(b"key", LIFE_SECONDS, CLOCK).seal("a paging link", ["client", "person", "token", [[1, 10]]]),
    ):
        with pytest.raises(Unauthorized):
            PASSES.open(token)


def test_whoever_has_no_token_is_nobody_and_a_system_is_no_person() -> None:
    assert holder_of(None) == Holder("", "")
    assert holder_of({"client": "c", "person": None}) == Holder("c", "")
