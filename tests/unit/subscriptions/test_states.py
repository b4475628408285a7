"""What becomes of a subscription."""

from typing import get_args

import pytest

from subscriptions.states import STATES, Happening, State, next_state


@pytest.mark.parametrize(
    ("state", "event", "after"),
    [
        (None, "created", "requested"),
        ("requested", "handshake_accepted", "active"),
        ("requested", "handshake_failed", "error"),
        ("active", "delivery_given_up", "error"),
        ("active", "access_lost", "error"),
        ("requested", "access_lost", "error"),
        ("active", "expired", "off"),
        ("active", "switched_off", "off"),
        ("error", "renewed", "requested"),
        ("off", "renewed", "requested"),
        ("active", "renewed", "requested"),
    ],
)
def test_an_event_brings_a_subscription_into_its_next_state(
    state: State | None, event: Happening, after: State
) -> None:
    assert next_state(state, event) == after


@pytest.mark.parametrize("state", ["active", "error", "off"])
@pytest.mark.parametrize("event", ["handshake_accepted", "handshake_failed"])
def test_the_late_answer_to_a_handshake_changes_nothing(state: State, event: Happening) -> None:
    assert next_state(state, event) is None


@pytest.mark.parametrize("event", get_args(Happening))
def test_what_is_off_stays_off_until_its_client_asks_again(event: Happening) -> None:
    assert next_state("off", event) == ("requested" if event == "renewed" else None)


def test_only_an_accepted_handshake_makes_a_subscription_active() -> None:
    ways = [(state, event) for state, events in STATES.items() for event, after in events.items() if after == "active"]
    assert ways == [("requested", "handshake_accepted")]


def test_every_state_and_every_event_is_in_the_table() -> None:
    assert set(STATES) == {None, *get_args(State)}
    assert {event for events in STATES.values() for event in events} == set(get_args(Happening))
