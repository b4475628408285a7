"""What an access token stands for, asked at every request: from the database, and for at most 2 s from memory."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from psycopg.rows import dict_row

from fhir_server.auth.access import Access
from fhir_server.auth.scopes import parse_scopes
from fhir_server.identity.opaque import digest
from fhir_server.storage.database import Database

CACHE_SECONDS: Final = 2.0
"""Longest a token is believed without asking: a revoked one is refused by then (seconds)."""

CACHED_MAX: Final = 10_000
"""Tokens that are remembered (tokens)."""

TOKEN_CHARACTERS_MAX: Final = 200
"""No token of ours is longer (characters)."""

CHECK: Final = """
SELECT a.id::text, a.scopes, f.client_id, f.actor, f.role, coalesce(p.patients, f.patients) AS patients,
       f.context ->> 'patient' AS patient, f.purpose, f.reason,
       extract(epoch FROM a.expires - clock_timestamp())::float8 AS seconds
FROM access_token a JOIN token_family f ON f.id = a.family JOIN client c ON c.id = f.client_id
     LEFT JOIN person p ON p.id = f.person_id
WHERE a.hash = %s AND a.expires > clock_timestamp() AND a.revoked IS NULL AND f.revoked IS NULL AND c.disabled IS NULL
      AND (f.person_id IS NULL OR (p.role = f.role AND NOT p.disabled))
"""
"""Whom a person cares for is as it is now; who has another role by now has to log in again."""


@dataclass(frozen=True, slots=True)
class _Known:
    access: Access
    until: float


class TokenChecker:
    """One process's; belongs to its event loop."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: OrderedDict[bytes, _Known] = OrderedDict()

    async def check(self, token: str) -> Access | None:
        """None for a token that is unknown, expired or revoked, or whose client or person is not what they were."""
        if len(token) > TOKEN_CHARACTERS_MAX:
            return None
        key, asked = digest(token), self._monotonic()
        known = self._known.get(key)
        if known is not None and asked < known.until:
            return known.access
        row = await self._find(key)
        if row is None:
            self._known.pop(key, None)
            return None
        access = _access(row)
        self._remember(key, _Known(access, asked + min(CACHE_SECONDS, row["seconds"])))
        return access

    async def _find(self, key: bytes) -> dict[str, Any] | None:
        async with self._database.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(CHECK, (key,))
            return await cursor.fetchone()

    def _remember(self, key: bytes, known: _Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        if len(self._known) > CACHED_MAX:
            self._known.popitem(last=False)


def _access(row: dict[str, Any]) -> Access:
    return Access(
        actor=row["actor"],
        client=row["client_id"],
        role=row["role"],
        scopes=parse_scopes(row["scopes"]),
        patient=row["patient"],
        patients=tuple(row["patients"]),
        purpose=row["purpose"],
        reason=row["reason"],
        token_id=row["id"],
    )
