"""Sealing: each committed record is in one batch, whatever commits when, and whoever seals."""

import asyncio
from typing import Any

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import AsyncConnection
from psycopg.errors import SerializationFailure, UniqueViolation

from fhir_server.audit import seal as module
from fhir_server.audit.recorder import insert_records
from fhir_server.audit.seal import BATCH, Sealer, seal
from fhir_server.audit.statements import INSERT, parameters
from fhir_server.audit.verify import verify
from tests.builders.audit import a_record
from tests.conftest import PROVE, Database
from tests.running.waiting import eventually

TRANSACTIONS = 3
TAKEOVER_SECONDS_MAX = 5.0
HOLDERS = """
SELECT l.pid FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE l.locktype = 'advisory' AND l.classid = 4 AND l.granted AND d.datname = current_database()
"""
SEALED = "SELECT n FROM audit_seal, unnest(numbers) span, generate_series(lower(span), upper(span) - 1) n ORDER BY n"
COMMITTED = "SELECT number FROM audit ORDER BY number"

STEPS = st.one_of(
    st.tuples(st.sampled_from(["insert", "insert", "commit", "rollback"]), st.integers(0, TRANSACTIONS - 1)),
    st.just(("seal", 0)),
)


def test_any_interleaving_of_commits_and_rollbacks_leaves_each_record_sealed_once(database, ask):
    writers = [psycopg.connect(database.app_url) for _ in range(TRANSACTIONS)]
    ends = {"commit": psycopg.Connection.commit, "rollback": psycopg.Connection.rollback}

    def take(step: str, writer: psycopg.Connection[Any]) -> None:
        if step == "insert":
            writer.execute(INSERT, parameters(a_record()))
        else:
            ends[step](writer)

    with asyncio.Runner() as runner:
        sealing = runner.run(AsyncConnection.connect(database.app_url, autocommit=True))

        @settings(max_examples=300 if PROVE else 25, derandomize=not PROVE)
        @given(st.lists(STEPS, max_size=25))
        def run(steps: list[tuple[str, int]]) -> None:
            for step, place in steps:
                if step == "seal":
                    runner.run(seal(sealing))
                else:
                    take(step, writers[place])
            for writer in writers:
                writer.commit()
            runner.run(seal(sealing))
            assert ask(SEALED) == ask(COMMITTED)

        run()
        assert runner.run(verify(sealing)).problems == []
        runner.run(sealing.close())
    for writer in writers:
        writer.close()


async def test_a_naive_sealer_by_numbers_misses_what_commits_late(database, ask):
    """Why snapshots: past a high-water mark lies everything but what committed late."""
    async with (
        await AsyncConnection.connect(database.app_url) as slow,
        await AsyncConnection.connect(database.app_url, autocommit=True) as quick,
    ):
        await insert_records(slow, [a_record(id="slow")])
        await insert_records(quick, [a_record(id="quick")])
        mark = ask("SELECT max(number) FROM audit")[0][0]
        assert (await seal(quick)).records == 1
        await slow.commit()
        assert ask("SELECT id FROM audit WHERE number > %s", mark) == []
        assert (await seal(quick)).records == 1


async def test_one_snapshot_may_take_several_seals(database, ask, monkeypatch):
    monkeypatch.setattr(module, "BATCH", 10)
    async with await AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        await insert_records(connection, [a_record() for _ in range(35)])
        assert (await seal(connection)).records == 35
        assert ask("SELECT count FROM audit_seal ORDER BY batch") == [(10,), (10,), (10,), (5,)]
        assert (await seal(connection)).records == 0
        assert (await verify(connection)).problems == []
    assert BATCH > 10


async def test_two_that_seal_at_once_make_no_fork(database, ask):
    """The lock is left out: the batch's number alone decides."""
    urls = [database.app_url] * 3
    writer, *sealers = [await AsyncConnection.connect(url, autocommit=True) for url in urls]
    collisions = 0
    for _ in range(40):
        await insert_records(writer, [a_record() for _ in range(5)])
        results = await asyncio.gather(*(seal(sealer) for sealer in sealers), return_exceptions=True)
        collisions += sum(isinstance(result, UniqueViolation | SerializationFailure) for result in results)
        assert not any(isinstance(r, Exception) and not isinstance(r, psycopg.Error) for r in results)
    await seal(writer)
    assert collisions > 0
    assert ask(SEALED) == ask(COMMITTED)
    assert (await verify(writer)).problems == []
    for connection in (writer, *sealers):
        await connection.close()


async def test_where_the_sealer_dies_another_goes_on(database, ask, store):
    sealers = [asyncio.create_task(Sealer(database.app_url).run()) for _ in range(2)]
    async with store.connection() as connection:
        for _ in range(3):
            await eventually(lambda: ask(HOLDERS))
            ((holder,),) = ask(HOLDERS)
            await insert_records(connection, [a_record()])
            ask("SELECT pg_terminate_backend(%s)", holder)
            await eventually(lambda gone=holder: ask(HOLDERS) not in ([], [(gone,)]), TAKEOVER_SECONDS_MAX)
            await insert_records(connection, [a_record()])
            await eventually(lambda: ask(SEALED) == ask(COMMITTED))
    for sealer in sealers:
        sealer.cancel()
    await asyncio.gather(*sealers, return_exceptions=True)
    await verified(database)


async def verified(database: Database) -> None:
    async with await AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        assert (await verify(connection)).problems == []


async def test_the_sealer_notices_that_its_last_seal_was_taken_away(database, ask, store):
    sealer = asyncio.create_task(Sealer(database.app_url).run())
    async with store.connection() as connection:
        await insert_records(connection, [a_record()])
    await eventually(lambda: ask("SELECT count(*) FROM audit_seal") == [(1,)])
    ask("SET session_replication_role = replica; DELETE FROM audit_seal")
    told = "SELECT detail FROM audit WHERE interaction = 'audit-interference'"
    noticed = [[("seal 1 is gone",)], [("seal 1 has been replaced",)]]  # it may have sealed anew by then
    await eventually(lambda: ask(told) in noticed)
    sealer.cancel()
    await asyncio.gather(sealer, return_exceptions=True)


async def test_what_is_new_is_found_by_an_index_also_where_nothing_is_known_of_the_table(database):
    """More than once a second: without it, each turn would read the trail of years."""
    async with await AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        await insert_records(connection, [a_record() for _ in range(3_000)])
        await seal(connection)
        (last,) = await (await connection.execute("SELECT snapshot FROM audit_seal")).fetchone() or ("",)
        async with connection.transaction():
            await connection.execute(module.BY_INDEX)
            rows = await (await connection.execute(f"EXPLAIN {module.UNSEALED}", {"last": last})).fetchall()
    plan = "\n".join(line for (line,) in rows)
    assert "xid_idx" in plan
    assert "Seq Scan on audit" not in plan
