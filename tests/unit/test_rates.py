"""A client that asks too often waits, and no other does."""

import pytest

from fhir_server.errors import TooMany
from fhir_server.rates import CLIENTS_MAX, Rates


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def taken(rates: Rates, client: str, tries: int) -> int:
    count = 0
    for _ in range(tries):
        try:
            rates.take(client)
        except TooMany:
            continue
        count += 1
    return count


def test_a_seconds_worth_passes_at_once_and_then_as_many_as_the_rate_allows() -> None:
    clock = Clock()
    rates = Rates(100, clock)
    assert taken(rates, "one", 500) == 100
    clock.now += 0.25
    assert taken(rates, "one", 500) == 25
    clock.now += 60
    assert taken(rates, "one", 500) == 100


def test_another_client_has_a_pace_of_its_own() -> None:
    rates = Rates(10, Clock())
    assert taken(rates, "one", 50) == 10
    assert taken(rates, "other", 50) == 10


def test_who_asks_while_refused_is_not_refused_for_longer() -> None:
    clock = Clock()
    rates = Rates(10, clock)
    taken(rates, "one", 10_000)
    clock.now += 1
    assert taken(rates, "one", 50) == 10


def test_a_refusal_says_when_to_come_back() -> None:
    rates = Rates(1, Clock())
    rates.take("one")
    with pytest.raises(TooMany) as refused:
        rates.take("one")
    assert refused.value.headers == {"Retry-After": "1"}


def test_without_a_rate_there_is_no_limit() -> None:
    assert taken(Rates(0, Clock()), "one", 10_000) == 10_000


def test_memory_stays_bounded_however_many_clients_ask() -> None:
    rates = Rates(10, Clock())
    for number in range(CLIENTS_MAX + 100):
        rates.take(str(number))
    assert len(rates._due) == CLIENTS_MAX
