"""Advisory locks on what decides identity: the criteria of conditional interactions, and identifiers.

A lock is a statement of its own before the check it guards: a statement sees the snapshot of its start. Plain writes
share the lock of the identifiers they carry; who decides by a search takes it alone.
"""

from collections.abc import Iterable
from typing import Final

from fhir_server.storage.database import Connection

LOCK_CLASS: Final = 1
"""First key of the advisory locks on identities; the second is the bucket."""

TAKE = """
SELECT CASE WHEN alone THEN pg_advisory_xact_lock(1, bucket) ELSE pg_advisory_xact_lock_shared(1, bucket) END
FROM unnest(%(buckets)s::integer[], %(alone)s::boolean[]) AS wanted(bucket, alone)
"""


async def lock_identities(connection: Connection, alone: Iterable[int], shared: Iterable[int]) -> None:
    """Takes every bucket once, in rising order, so that two transactions cannot wait for each other."""
    exclusive = set(alone)
    buckets = sorted(exclusive | set(shared))
    if buckets:
        await connection.execute(TAKE, {"buckets": buckets, "alone": [b in exclusive for b in buckets]})
