"""Refused credentials: each counted, few recorded, memory bounded."""

from typing import Any

import pytest

from fhir_server.audit import refusals as module
from fhir_server.audit.record import Record
from fhir_server.audit.refusals import OTHERS, SINGLY, Refusals, source_of
from fhir_server.errors import Unavailable
from tests.builders.audit import a_context, a_record


class Recorded:
    def __init__(self) -> None:
        self.records: list[Record] = []
        self.is_away = False

    async def record(self, *records: Record) -> None:
        if self.is_away:
            raise Unavailable("away")
        self.records += records


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def refusals(recorded: Recorded, clock: Clock) -> Refusals:
    return Refusals(recorded, clock)


def refused(address: str, **fields: Any) -> Record:
    return a_record("refused", 401, context=a_context(address=address, actor="anonymous"), **fields)


async def test_a_few_are_recorded_one_by_one_and_the_rest_is_one_record_with_a_count(refusals, recorded) -> None:
    for _ in range(500):
        await refusals.refuse(refused("10.0.0.1", detail="bad token"))
    assert [(r.count, r.detail) for r in recorded.records] == [(1, "bad token")] * SINGLY
    await refusals.flush()
    assert sum(record.count for record in recorded.records) == 500
    assert len(recorded.records) == SINGLY + 1
    assert recorded.records[-1].context.address == "10.0.0.1"


async def test_one_source_does_not_hide_another(refusals, recorded) -> None:
    for _ in range(50):
        await refusals.refuse(refused("10.0.0.1"))
    await refusals.refuse(refused("10.0.0.2"))
    assert recorded.records[-1].context.address == "10.0.0.2"


async def test_each_minute_begins_anew(refusals, recorded, clock) -> None:
    for _ in range(50):
        await refusals.refuse(refused("10.0.0.1"))
    clock.now = 60.0
    await refusals.refuse(refused("10.0.0.1"))
    assert len(recorded.records) == SINGLY + 1


async def test_memory_is_bounded_and_nothing_is_lost_whatever_addresses_come(refusals, recorded, monkeypatch) -> None:
    monkeypatch.setattr(module, "SOURCES_MAX", 20)
    monkeypatch.setattr(module, "SINGLY_IN_ALL", 5)
    for number in range(1_000):
        await refusals.refuse(refused(f"10.0.{number // 250}.{number % 250}"))
    assert len(refusals._seen) <= 21
    assert len(refusals._counted) <= 21
    await refusals.close()
    assert sum(record.count for record in recorded.records) == 1_000
    assert len(recorded.records) <= 5 + 21
    assert OTHERS in {record.context.address for record in recorded.records}


async def test_what_cannot_be_recorded_stays_counted(refusals, recorded) -> None:
    for _ in range(SINGLY + 5):
        await refusals.refuse(refused("10.0.0.1"))
    recorded.is_away = True
    await refusals.flush()
    await refusals.refuse(refused("10.0.0.1"))
    recorded.is_away = False
    await refusals.flush()
    await refusals.flush()
    assert [record.count for record in recorded.records[SINGLY:]] == [6]


async def test_what_is_counted_at_the_end_of_the_process_is_recorded(refusals, recorded) -> None:
    refusals.start()
    for _ in range(SINGLY + 5):
        await refusals.refuse(refused("10.0.0.1"))
    await refusals.close()
    assert sum(record.count for record in recorded.records) == SINGLY + 5


def test_addresses_of_one_ipv6_network_are_one_source() -> None:
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert source_of("2001:db8:0:1::1") != source_of("2001:db8::1")
    assert source_of("10.0.0.1") == "10.0.0.1"
    assert source_of("::ffff:10.0.0.1") == "::ffff:10.0.0.1"
    assert source_of("") == ""
