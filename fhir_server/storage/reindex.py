"""Re-indexing: search rows made again from the stored bytes, until all of them are of the newest generation.

A generation is built in passes. The first meets nearly all rows. Writers that had not yet noticed the generation may
add older rows behind it, so the job waits until each of them is done and passes once more; then the generation is
searched.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, Final

from psycopg.types.json import Jsonb
from sqlalchemy import ARRAY, BigInteger, bindparam, cast, func, select

from fhir_server import tables
from fhir_server.model.resource_types import type_number
from fhir_server.search.index import INDEX_VERSION, IndexRow
from fhir_server.search.indexer import Indexer
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.generations import Added, encoded, read_generations
from fhir_server.storage.jobs import OPEN, Job, advance, enqueue, finish, supersede
from fhir_server.storage.read import RESOURCE_COLUMNS, to_version
from fhir_server.storage.statements import compile_template
from fhir_server.storage.version import NewVersion, Version
from fhir_server.storage.write import rewrite_search_rows

LOG = logging.getLogger(__name__)

KIND: Final = "reindex"
REINDEX_LOCK: Final = 3
"""Held by whoever changes the generations."""

BATCH_RESOURCES: Final = 50
"""Resources locked and rewritten in one transaction at most (resources)."""

BATCH_BYTES: Final = 8 * 2**20
"""A batch that has this much takes no further resource (bytes)."""

SEARCH_PARAMETERS_MAX: Final = 5_000
"""SearchParameter resources that are looked at, the oldest first (resources)."""

LOCK: Final = "SELECT pg_advisory_xact_lock(%s, 0)"
COUNTED_ROWS_MAX: Final = 5_000_000
"""Stores larger than this are not counted: all of their rows are expected to be rewritten (rows)."""

SPAN: Final = 100_000
"""Internal ids one statement looks through for rows to rewrite: it is over long before a lease is (ids)."""

EXPECTED: Final = """
SELECT CASE WHEN reltuples > %(counted)s THEN reltuples::bigint
            ELSE (SELECT count(*) FROM search WHERE generation < %(generation)s OR index_version < %(index_version)s)
       END
FROM pg_class WHERE oid = 'search'::regclass
"""
LAST_RID: Final = "SELECT coalesce(max(rid), 0) FROM search"
ANY_STALE: Final = """
SELECT EXISTS (SELECT FROM search WHERE generation < %(generation)s OR index_version < %(index_version)s)
"""
PICK: Final = """
SELECT rid FROM (
    SELECT s.rid, sum(octet_length(r.body)) OVER (ORDER BY s.rid) - octet_length(r.body) AS before
    FROM (SELECT rid FROM search
          WHERE rid > %(after)s AND rid <= %(after)s + %(span)s
                AND (generation < %(generation)s OR index_version < %(index_version)s)
          ORDER BY rid LIMIT %(most)s) s
    JOIN resource r ON r.rid = s.rid
) picked WHERE before < %(bytes)s ORDER BY rid
"""
_BY_RID = tables.resource.c.rid == func.any(cast(bindparam("rids"), ARRAY(BigInteger)))
LOCK_BATCH: Final = compile_template(
    select(*RESOURCE_COLUMNS)
    .where(_BY_RID, tables.resource.c.body.is_not(None))
    .order_by(tables.resource.c.rid)
    .with_for_update(key_share=True)
)
OF_TYPE: Final = compile_template(
    select(*RESOURCE_COLUMNS)
    .where(tables.resource.c.type == bindparam("type"), tables.resource.c.body.is_not(None))
    .order_by(tables.resource.c.rid)
    .limit(bindparam("most"))
)

LAST_JOB: Final = """
SELECT (count(*) OVER ())::int, key, state FROM job WHERE kind = %(kind)s AND payload @> %(generation)s
ORDER BY created DESC LIMIT 1
"""
SUPERSEDE_BUILDING: Final = "UPDATE search_generation SET state = 'superseded' WHERE state = 'building'"
BUILD: Final = """
INSERT INTO search_generation (generation, definitions, state)
SELECT max(generation) + 1, %s::jsonb, 'building' FROM search_generation RETURNING generation
"""
SUPERSEDE_ACTIVE: Final = """
UPDATE search_generation SET state = 'superseded' WHERE state = 'active'
       AND EXISTS (SELECT FROM search_generation WHERE generation = %(generation)s AND state = 'building')
"""
ACTIVATE: Final = """
UPDATE search_generation SET state = 'active' WHERE generation = %(generation)s AND state = 'building'
"""
ABANDON: Final = """
UPDATE search_generation SET state = 'superseded' WHERE generation = %(generation)s AND state = 'building'
"""
AGE: Final = """
SELECT extract(epoch FROM clock_timestamp() - created)::float FROM search_generation WHERE generation = %s
"""

# A transaction has a virtual id from its first statement on, but a transaction id only from its first write: one that
# waits for a lock before it writes is not in any snapshot's list, and would be missed there.
UNDER_WAY: Final = """
SELECT l.virtualtransaction FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'virtualxid' AND a.datname = current_database() AND a.usename = current_user
      AND l.pid <> pg_backend_pid()
"""


async def lock_generations(connection: Connection) -> None:
    """Until the transaction ends nobody else changes the generations."""
    await connection.execute(LOCK, (REINDEX_LOCK,))


async def current_of_type(connection: Connection, type_name: str) -> list[dict[str, Any]]:
    """The current resources of a type, the oldest first; at most SEARCH_PARAMETERS_MAX."""
    cursor = connection.cursor(binary=True)
    await cursor.execute(OF_TYPE, {"type": type_number(type_name), "most": SEARCH_PARAMETERS_MAX})
    return [load(to_version(row)) for row in await cursor.fetchall()]


async def build(connection: Connection, definitions: Added) -> Job:
    """The job that makes `definitions` searchable: the one there is, or a new one; within `lock_generations`."""
    newest = (await read_generations(connection)).newest
    if encoded(newest.definitions) == encoded(definitions):
        return await _job_of(connection, newest.number)
    await connection.execute(SUPERSEDE_BUILDING)
    await supersede(connection, KIND)
    row = await (await connection.execute(BUILD, (encoded(definitions),))).fetchone()
    return await _job_of(connection, row[0] if row else 0)


async def repair(connection: Connection) -> None:
    """Enqueues the job where rows are of an older generation, or of an older release's INDEX_VERSION."""
    newest = (await read_generations(connection)).newest.number
    row = await (await connection.execute(ANY_STALE, _newest(newest))).fetchone()
    if row == (True,):
        async with connection.transaction():
            await lock_generations(connection)
            newest = (await read_generations(connection)).newest.number
            await _job_of(connection, newest)


async def _job_of(connection: Connection, generation: int) -> Job:
    """The open job of a generation, or another one after those that have ended."""
    values = {"kind": KIND, "generation": Jsonb({"generation": generation})}
    last = await (await connection.execute(LAST_JOB, values)).fetchone()
    before, last_key, state = last or (0, "", "")
    key = last_key if state in OPEN else f"{KIND}/{generation}/{before + 1}"
    return await enqueue(connection, KIND, key, _newest(generation))


def _newest(generation: int) -> dict[str, int]:
    return {"generation": generation, "index_version": INDEX_VERSION}


async def expected_rows(connection: Connection, generation: int) -> int:
    """Rows that are to be rewritten, about."""
    return await _number(connection, EXPECTED, _newest(generation) | {"counted": COUNTED_ROWS_MAX})


async def last_rid(connection: Connection) -> int:
    """The largest internal id with a search row, 0 where there is none."""
    return await _number(connection, LAST_RID, {})


async def rewrite_batch(connection: Connection, job: Job, indexer: Indexer, after_rid: int) -> int:
    """Rewrites some rows past `after_rid`; the internal id up to which none is left. Raises `LeaseLost`.

    Locked in the order of their ids, rows cannot change while they are indexed: a concurrent update waits, or is
    waited for and its body indexed.
    """
    limits = {"after": after_rid, "span": SPAN, "most": BATCH_RESOURCES, "bytes": BATCH_BYTES}
    picked = await connection.execute(PICK, _newest(indexer.registry.generation) | limits)
    rids = [rid for (rid,) in await picked.fetchall()]
    async with connection.transaction():
        rewritten = await _locked(connection, indexer, rids) if rids else []
        if rewritten:
            await rewrite_search_rows(connection, rewritten)
        await advance(connection, job, len(rewritten))
    return max(rids, default=after_rid + SPAN)


async def _locked(connection: Connection, indexer: Indexer, rids: list[int]) -> list[NewVersion]:
    cursor = connection.cursor(binary=True)
    await cursor.execute(LOCK_BATCH, {"rids": rids})
    versions = [to_version(row) for row in await cursor.fetchall()]
    return await asyncio.to_thread(_indexed, indexer, versions)


async def _number(connection: Connection, statement: str, values: dict[str, int]) -> int:
    row = await (await connection.execute(statement, values)).fetchone()
    return int(row[0]) if row else 0


def _indexed(indexer: Indexer, versions: Sequence[Version]) -> list[NewVersion]:
    return [NewVersion(version, None, _row(indexer, version), 0) for version in versions]


def _row(indexer: Indexer, version: Version) -> IndexRow:
    try:
        return indexer.index(load(version))
    except Exception as error:
        LOG.error("%s/%s cannot be indexed: %s", version.type_name, version.id, type(error).__name__)  # noqa: TRY400
        raise


async def transactions_under_way(connection: Connection) -> set[str]:
    """The virtual ids of all transactions of this server, in every process."""
    rows = await (await connection.execute(UNDER_WAY)).fetchall()
    return {virtual_id for (virtual_id,) in rows}


async def age_seconds(connection: Connection, generation: int) -> float:
    """How long ago the generation was made (seconds)."""
    row = await (await connection.execute(AGE, (generation,))).fetchone()
    return float(row[0]) if row else 0.0


async def abandon(connection: Connection, job: Job, problem: str) -> None:
    """The job has failed, and nobody indexes by its generation any more; raises `LeaseLost`."""
    async with connection.transaction():
        await lock_generations(connection)
        await connection.execute(ABANDON, {"generation": job.payload["generation"]})
        await finish(connection, job, "failed", problem)


async def activate(connection: Connection, job: Job) -> None:
    """From now on the generation is searched, and the job is done; raises `LeaseLost`."""
    generation = {"generation": job.payload["generation"]}
    async with connection.transaction():
        await lock_generations(connection)
        await connection.execute(SUPERSEDE_ACTIVE, generation)
        await connection.execute(ACTIVATE, generation)
        await finish(connection, job, "done")
