"""The rules of Consents, written with them; and which versions they let a caller see.

A write of a Consent and its rules commit together, so what a patient denies is hidden from the moment it is told.
"""

from collections.abc import Sequence
from typing import Any, Final

from fhir_server.model.resource_types import type_number
from fhir_server.search.consent import CONSENT, SENSITIVE, Consented, ConsentRule, rules_of
from fhir_server.search.keys import KeyHasher
from fhir_server.search.predicate import Scope
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.version import NewVersion, Version

FORGET: Final = "DELETE FROM consent_rule WHERE rid = ANY(%s)"
REMEMBER: Final = f"""
INSERT INTO consent_rule (rid, {", ".join(ConsentRule._fields)})
VALUES (%s, {", ".join(["%s"] * len(ConsentRule._fields))})
"""
ROWS: Final = """
unnest(%(types)s::smallint[], %(owners)s::text[], %(security)s::text[]) WITH ORDINALITY AS r (type, owners, security, n)
"""


async def write_rules(connection: Connection, versions: Sequence[NewVersion], base_url: str) -> None:
    """Those of the Consents among the versions, in place of what they said before; in the open transaction."""
    consents = [version.stored for version in versions if version.stored.type_name == CONSENT]
    if not consents:
        return
    await connection.execute(FORGET, ([consent.rid for consent in consents],))
    rows = [(one.rid, *map(_plain, rule)) for one in consents if one.body for rule in rules_of(load(one), base_url)]
    if rows:
        await connection.cursor().executemany(REMEMBER, rows)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def is_asked(consented: Consented, version: Version) -> bool:
    """Whether it takes the database to say that no Consent hides a version: one of its patients denies, or a label."""
    if consented.exempts(version.compartments):
        return False
    denied = version.may_be_denied and bool(version.compartments)
    return denied or not set(version.labels).isdisjoint(SENSITIVE)


async def permitted(
    connection: Connection, consented: Consented, hasher: KeyHasher, versions: Sequence[Version]
) -> list[Version]:
    """Those of the versions that no Consent hides, in their order.

    Judged by the same condition as rows of a search, over the rights each version was stored with.
    """
    asked = [version for version in versions if is_asked(consented, version)]
    if not asked:
        return list(versions)
    scope = Scope("", "v", hasher)
    scope.values = {
        "types": [type_number(version.type_name) for version in asked],
        "owners": [_literal(version.compartments) for version in asked],
        "security": [_literal(version.labels) for version in asked],
    }
    rows = f"(SELECT r.n, r.type, r.owners::text[] AS compartments, r.security::text[] AS labels FROM {ROWS}) v"
    cursor = await connection.execute(f"SELECT v.n FROM {rows} WHERE {consented.condition(scope)}", scope.values)
    shown = {id(asked[number - 1]) for (number,) in await cursor.fetchall()}
    judged = {id(version) for version in asked}
    return [one for one in versions if id(one) in shown or id(one) not in judged]


def _literal(texts: Sequence[str]) -> str:
    return "{" + ",".join('"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for text in texts) + "}"
