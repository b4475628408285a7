"""Families: one decision each, with all the tokens that descend from it, which live and die together.

https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from psycopg.types.json import Jsonb

from fhir_server.auth.access import TREATMENT
from fhir_server.auth.roles import Role
from fhir_server.identity.opaque import digest
from fhir_server.identity.transactions import Transaction

ADD: Final = """
INSERT INTO token_family (id, client_id, person_id, actor, role, scopes, patients, context, session_id, purpose,
                          reason, nonce)
VALUES (%(id)s, %(client_id)s, %(person_id)s, %(actor)s, %(role)s, %(scopes)s, %(patients)s, %(context)s,
        %(session_id)s, %(purpose)s, %(reason)s, %(nonce)s)
"""
FIND: Final = "SELECT * FROM token_family WHERE id = %s AND revoked IS NULL"
FOLLOW: Final = "UPDATE token_family SET patients = %(patients)s WHERE id = %(id)s"
REVOKE: Final = """
UPDATE token_family SET revoked = clock_timestamp(), revoked_because = %(because)s
WHERE id = %(id)s AND revoked IS NULL
"""
REVOKE_PERSONS: Final = """
UPDATE token_family SET revoked = clock_timestamp(), revoked_because = %(because)s
WHERE person_id = %(person_id)s AND revoked IS NULL
"""
ADD_ACCESS: Final = """
INSERT INTO access_token (hash, id, family, scopes, expires)
VALUES (%(hash)s, gen_random_uuid(), %(family)s, %(scopes)s, clock_timestamp() + make_interval(secs => %(seconds)s))
RETURNING id
"""
FIND_ACCESS: Final = """
SELECT a.*, f.client_id FROM access_token a JOIN token_family f ON f.id = a.family
WHERE a.hash = %s AND a.revoked IS NULL AND f.revoked IS NULL AND a.expires > clock_timestamp()
"""
REVOKE_ACCESS: Final = "UPDATE access_token SET revoked = clock_timestamp() WHERE hash = %s AND revoked IS NULL"
ADD_REFRESH: Final = """
INSERT INTO refresh_token (hash, family, generation, expires)
VALUES (%(hash)s, %(family)s, %(generation)s, clock_timestamp() + make_interval(secs => %(seconds)s))
"""
FIND_REFRESH: Final = """
SELECT r.*, f.client_id, f.scopes, f.revoked, r.expires <= clock_timestamp() AS expired
FROM refresh_token r JOIN token_family f ON f.id = r.family WHERE r.hash = %s
"""
USE_REFRESH: Final = "UPDATE refresh_token SET used = clock_timestamp() WHERE hash = %s"


@dataclass(frozen=True, slots=True)
class NewFamily:
    """`context` is what the token response says of the launch; `patients` are ids; `person_id` is None for a system."""

    client_id: str
    actor: str
    role: Role
    scopes: tuple[str, ...]
    person_id: str | None = None
    patients: tuple[str, ...] = ()
    context: dict[str, Any] | None = None
    session_id: str | None = None
    purpose: str = TREATMENT
    reason: str = ""
    nonce: str | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """A row of `token_family`; `scopes` are separated by blanks."""

    id: UUID
    client_id: str
    person_id: UUID | None
    actor: str
    role: Role
    scopes: str
    patients: list[str]
    context: dict[str, Any]
    session_id: str | None
    purpose: str
    reason: str
    nonce: str | None
    created: datetime
    revoked: datetime | None
    revoked_because: str | None

    def is_of(self, scope: str) -> bool:
        """Whether `scope` was granted."""
        return scope in self.scopes.split()


def add(transaction: Transaction, new: NewFamily) -> UUID:
    family = uuid4()
    values = {
        "id": family,
        "client_id": new.client_id,
        "person_id": new.person_id,
        "actor": new.actor,
        "role": new.role,
        "scopes": " ".join(new.scopes),
        "patients": list(new.patients),
        "context": Jsonb(new.context or {}),
        "session_id": new.session_id,
        "purpose": new.purpose,
        "reason": new.reason,
        "nonce": new.nonce,
    }
    transaction.execute(ADD, values)
    return family


def find(transaction: Transaction, family: UUID) -> Family | None:
    """None for one that was revoked."""
    row = transaction.execute(FIND, (family,)).fetchone()
    return Family(**row) if row else None


def follow(transaction: Transaction, family: UUID, patients: tuple[str, ...]) -> None:
    """Whom the person is, or cares for, has changed."""
    transaction.execute(FOLLOW, {"id": family, "patients": list(patients)})


def revoke(transaction: Transaction, family: UUID, because: str) -> bool:
    """All tokens of the family, those that will be asked for included; False where it was revoked before."""
    return transaction.execute(REVOKE, {"id": family, "because": because}).rowcount > 0


def revoke_persons(transaction: Transaction, person_id: str, because: str) -> int:
    """All tokens of a person; returns how many families were alive."""
    return transaction.execute(REVOKE_PERSONS, {"person_id": person_id, "because": because}).rowcount


def add_access(transaction: Transaction, token: str, family: UUID, scopes: str, seconds: int) -> UUID:
    """Returns the token's id for the audit trail."""
    values = {"hash": digest(token), "family": family, "scopes": scopes, "seconds": seconds}
    row = transaction.execute(ADD_ACCESS, values).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of an insert
    token_id: UUID = row["id"]
    return token_id


def add_refresh(transaction: Transaction, token: str, family: UUID, generation: int, seconds: int) -> None:
    values = {"hash": digest(token), "family": family, "generation": generation, "seconds": seconds}
    transaction.execute(ADD_REFRESH, values)
