"""The audit trail under processes that write at once and processes that are killed."""

import asyncio
import random
import signal
from typing import Any

from psycopg import AsyncConnection

from fhir_server.audit import seal as sealing
from fhir_server.audit.anchor import current_anchor
from fhir_server.audit.recorder import insert_records
from fhir_server.audit.seal import Sealer, seal
from fhir_server.audit.verify import Verified, verify
from tests.builders.audit import a_record
from tests.conftest import Cluster, Database
from tests.running.recording import recording

RELEASES_BEFORE_A_KILL = (50, 400)


async def verified(url: str) -> Verified:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        return await verify(connection)


def test_nothing_is_released_without_its_record_when_processes_are_killed(database, ask, at_full_counts):
    released: set[str] = set()
    for kill in range(50 if at_full_counts else 3):
        with recording(database.app_url) as process:
            wanted = random.Random(kill).randint(*RELEASES_BEFORE_A_KILL)
            lines = [process.stdout.readline() for _ in range(wanted)]
            process.send_signal(signal.SIGKILL)
            lines += process.stdout.readlines()
        released |= {line.decode().strip() for line in lines if line.endswith(b"\n")}
        assert len(released) > wanted // 2
    recorded = [key for (key,) in ask("SELECT id FROM audit")]
    assert released <= set(recorded)
    assert len(recorded) == len(set(recorded))


async def test_the_chain_is_whole_after_two_processes_wrote_at_once_and_two_sealed(
    database, ask, at_full_counts, monkeypatch
):
    """Sealed more often than elsewhere: however fast the machine, some is written after the first seal."""
    monkeypatch.setattr(sealing, "POLL_SECONDS", 0.02)
    each = 5_000 if at_full_counts else 500
    sealers = [asyncio.create_task(Sealer(database.app_url).run()) for _ in range(2)]
    rolled_back = asyncio.create_task(roll_back(database))
    with recording(database.app_url, each) as one, recording(database.app_url, each) as other:
        for process in (one, other):
            assert len((await asyncio.to_thread(process.stdout.read)).splitlines()) == each
    rolled_back.cancel()
    for sealer in sealers:
        sealer.cancel()
    await asyncio.gather(rolled_back, *sealers, return_exceptions=True)
    async with await AsyncConnection.connect(database.app_url, autocommit=True) as connection:
        await seal(connection)
    found = await verified(database.app_url)
    assert found.problems == []
    assert found.records == 2 * each
    assert found.batches > 1
    assert ask("SELECT max(number) > count(*) FROM audit") == [(True,)], "no number was rolled back"


async def roll_back(database: Database) -> None:
    async with await AsyncConnection.connect(database.app_url) as connection:
        while True:
            await insert_records(connection, [a_record()])
            await asyncio.sleep(0.01)
            await connection.rollback()


async def test_a_restored_copy_verifies_like_the_original_and_goes_on(cluster: Cluster, database: Database) -> None:
    await sealed(database.app_url)
    before = await verified(database.app_url)
    name = f"{database.app_url.rpartition('/')[2].partition('?')[0]}_copy"
    original = name.removesuffix("_copy")
    cluster.execute(f"CREATE DATABASE {name} TEMPLATE {original}")
    copy = cluster.database(name)
    after = await sealed(copy.app_url)
    assert (before.problems, after.problems) == ([], [])
    assert (after.records, after.head) == (before.records + 10, before.head + 1)
    cluster.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def sealed(url: str) -> Verified:
    async with await AsyncConnection.connect(url, autocommit=True) as connection:
        await insert_records(connection, [a_record() for _ in range(10)])
        await seal(connection)
        anchor: Any = await current_anchor(connection)
        found = await verify(connection)
        assert (anchor.batch, anchor.hash, anchor.records) == (found.head, found.head_hash, found.records)
        return found
