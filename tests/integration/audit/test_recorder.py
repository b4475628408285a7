"""A record is in the table before whoever asked for it goes on; many share a statement."""

import asyncio
from typing import Any

import psycopg
import pytest

from fhir_server.audit import recorder as module
from fhir_server.audit.recorder import BATCH, STATEMENTS, Recorder
from fhir_server.audit.statements import INSERT, parameters
from fhir_server.errors import Unavailable
from fhir_server.model.resource_types import type_number
from tests.builders.audit import a_context, a_record
from tests.conftest import BREAK_OFF

KEPT = """
SELECT request_id, interaction, actor, client, purpose, type, id, version, patients, outcome, role, reason, token_id,
       address, query, count, detail
FROM audit ORDER BY number
"""


def a_full_record() -> Any:
    context = a_context(role="pharmacist", reason='said "help",\\ twice', token_id="t-1", address="10.0.0.9")
    fields = {"id": "5", "version": 3, "patients": ("a", "b,c", "a"), "query": "x=1", "count": 7, "detail": "{why}"}
    return a_record("vread", 200, context=context, type_name="Observation", **fields)


A_FULL_ROW = (
    *("request", "vread", "Practitioner/1", "app", "TREAT", type_number("Observation"), "5", 3, ["a", "b,c"], 200),
    *("pharmacist", 'said "help",\\ twice', "t-1", "10.0.0.9", "x=1", 7, "{why}"),
)


async def test_a_record_is_committed_with_all_it_says_when_recording_returns(store, ask):
    await Recorder(store).record(a_full_record())
    assert ask(KEPT) == [A_FULL_ROW]


def test_a_record_in_a_transaction_of_somebody_elses_says_the_same(database, ask):
    with psycopg.connect(database.app_url) as connection:
        connection.execute(INSERT, parameters(a_full_record()))
        connection.commit()
        connection.execute(INSERT, parameters(a_full_record()))
        connection.rollback()
    assert ask(KEPT) == [A_FULL_ROW]


async def test_what_a_database_cannot_store_is_recorded_as_near_as_it_can(store, ask):
    odd = a_record("read", 404, type_name="Nonsense", id="a\0b\udc80", version=10**12, query="é" * 30_000)
    await Recorder(store).record(odd, a_record("search-type"))
    (kind, key, version, query), _ = ask("SELECT type, id, version, query FROM audit ORDER BY number")
    assert (kind, key, version, len(query)) == (None, "a\N{REPLACEMENT CHARACTER}b?", None, 20_001)


async def test_many_waiters_share_few_statements_and_each_record_is_there_once(store, ask, monkeypatch):
    sizes: list[int] = []
    insert = module.insert_records

    async def counted(connection: Any, records: Any) -> None:
        sizes.append(len(records))
        await insert(connection, records)

    monkeypatch.setattr(module, "insert_records", counted)
    recorder = Recorder(store)
    await asyncio.gather(*(recorder.record(a_record(id=str(n))) for n in range(1_500)))
    assert sum(sizes) == 1_500
    assert len(sizes) <= STATEMENTS + 3
    assert max(sizes) <= BATCH
    assert ask("SELECT count(DISTINCT id), count(*) FROM audit") == [(1_500, 1_500)]


async def test_records_of_one_request_are_together_or_not_at_all(store, ask):
    recorder = Recorder(store)
    await recorder.record(*(a_record(id=str(n)) for n in range(BATCH + 5)))
    assert ask("SELECT count(*), count(DISTINCT xid::text) FROM audit") == [(BATCH + 5, 1)]


async def test_a_failure_of_the_database_reaches_every_waiter_and_the_next_record_works(store, database, ask):
    recorder = Recorder(store)
    await recorder.record(a_record())
    ask(BREAK_OFF)
    waiters = [recorder.record(a_record(id="lost")) for _ in range(50)]
    answers = await asyncio.gather(*waiters, return_exceptions=True)
    failed = [answer for answer in answers if answer is not None]
    assert failed
    assert {type(answer) for answer in failed} == {Unavailable}
    assert ask("SELECT count(*) FROM audit WHERE id = 'lost'") == [(50 - len(failed),)]
    await recovered(recorder)


async def recovered(recorder: Recorder) -> None:
    for _ in range(100):
        try:
            await recorder.record(a_record())
        except Unavailable:
            await asyncio.sleep(0.05)
        else:
            return
    pytest.fail("the pool did not recover")


async def test_what_is_refused_by_the_database_is_unavailable_too(store, ask):
    ask("ALTER TABLE audit ADD CONSTRAINT never CHECK (id IS DISTINCT FROM 'never') NOT VALID")
    with pytest.raises(Unavailable):
        await Recorder(store).record(a_record(id="never"))
    ask("ALTER TABLE audit DROP CONSTRAINT never")


async def test_who_gives_up_waiting_does_not_disturb_the_others(store, ask):
    recorder = Recorder(store)
    impatient = asyncio.create_task(recorder.record(a_record(id="impatient")))
    patient = asyncio.create_task(recorder.record(a_record(id="patient")))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert ask("SELECT count(*) FROM audit WHERE id = 'patient'") == [(1,)]
