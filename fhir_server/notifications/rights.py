"""What whoever wrote a Subscription may see now: judged when an event gets its number, and again when it leaves.

A websocket is told it only where whoever bound it may see as much.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html#safety-and-security
"""

from collections.abc import Sequence
from typing import Any, Final

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from fhir_server.auth.access import Access
from fhir_server.auth.grant import EVERYTHING, Grant, grant_of
from fhir_server.auth.scopes import parse_scopes
from fhir_server.identity.granting import within, words
from fhir_server.storage.database import Connection
from fhir_server.storage.subscriptions import Row

STANDING: Final = """
SELECT s.rid, s.access, c.scopes AS allowed, p.patients
FROM {} s JOIN client c ON c.id = s.access ->> 'client'
     LEFT JOIN person p ON p.id = (s.access ->> 'person')::uuid
     JOIN token_family f ON f.id = (s.access ->> 'family')::uuid
WHERE c.disabled IS NULL AND f.revoked IS NULL
      AND (s.access ->> 'person' IS NULL OR (p.role = s.access ->> 'role' AND NOT p.disabled))
"""
OF_WRITERS: Final = STANDING.format("subscription") + " AND s.rid = ANY(%s)"
"""Families that a Subscription rests on are not tidied away: identity/sweeping.py."""

OF_BINDER: Final = STANDING.format("(SELECT 0 AS rid, %s::jsonb AS access)")
"""Families that nothing rests on are: then nothing more is seen by what they allowed."""


async def grants(connection: Connection, rows: Sequence[Row], *, is_open: bool) -> dict[int, Grant]:
    """By the internal ids of the Subscriptions; those whose writer may see nothing any more are not there.

    `is_open`: a server without authorization, where everybody may see everything.
    """
    if is_open:
        return {row.rid: EVERYTHING for row in rows}
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(OF_WRITERS, ([row.rid for row in rows],))
        return {found["rid"]: grant_of(_access(found)) for found in await cursor.fetchall()}


async def binders_grant(connection: Connection, access: dict[str, Any] | None, *, is_open: bool) -> Grant | None:
    """Of whoever binds a websocket, by what their token stood for (`access_of`); None: they see nothing any more."""
    if is_open:
        return EVERYTHING
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(OF_BINDER, (Jsonb(access),))
        found = await cursor.fetchone()
    return grant_of(_access(found)) if found else None


def _access(found: dict[str, Any]) -> Access:
    """As it was when the Subscription was written, or bound, cut to what the client and the person have now."""
    then = found["access"]
    return Access(
        actor=then["actor"],
        client=then["client"],
        role=then["role"],
        scopes=parse_scopes(" ".join(within(words(then["scopes"]), words(found["allowed"])))),
        patient=then["patient"],
        patients=tuple(then["patients"] if found["patients"] is None else found["patients"]),
        purpose=then["purpose"],
    )
