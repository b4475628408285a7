"""Sessions: a random cookie, of which only the SHA-256 is stored, with an end that activity cannot move.

Automatic logoff: 45 CFR 164.312(a)(2)(iii).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from psycopg.rows import class_row

from fhir_server.identity.opaque import digest, fresh
from fhir_server.identity.transactions import Transaction

KEEP_DAYS: Final = 7
"""How long a session that is over stays, for the audit trail's reader (days)."""

SWEEP_ROWS_MAX: Final = 20
"""Sessions long over that are removed with each new one (rows)."""

OPEN: Final = """
INSERT INTO login_session (cookie_hash, person, request, expires)
VALUES (%(hash)s, %(person)s, %(request)s, clock_timestamp() + make_interval(secs => %(seconds)s)) RETURNING id::text
"""
FIND: Final = """
UPDATE login_session s SET last_seen = clock_timestamp() FROM person p
WHERE s.cookie_hash = %(hash)s AND s.ended IS NULL AND s.expires > clock_timestamp()
      AND s.last_seen > clock_timestamp() - make_interval(secs => %(idle)s)
      AND p.id = s.person AND NOT p.disabled
RETURNING s.id::text, s.person::text, s.request, s.authenticated, s.second_factor
"""
RENEW: Final = """
UPDATE login_session SET cookie_hash = %(new)s, second_factor = clock_timestamp()
WHERE id = %(id)s AND ended IS NULL
"""
END: Final = "UPDATE login_session SET ended = clock_timestamp() WHERE id = %s AND ended IS NULL"
END_ALL: Final = "UPDATE login_session SET ended = clock_timestamp() WHERE person = %s AND ended IS NULL"
END_OTHERS: Final = """
UPDATE login_session SET ended = clock_timestamp() WHERE person = %s AND id <> %s AND ended IS NULL
"""
ALIVE: Final = """
SELECT FROM login_session s JOIN person p ON p.id = s.person
WHERE s.id = %s AND s.ended IS NULL AND s.expires > clock_timestamp() AND NOT p.disabled
"""
SWEEP: Final = """
DELETE FROM login_session WHERE id IN (
    SELECT id FROM login_session WHERE expires < clock_timestamp() - make_interval(days => %(days)s)
    ORDER BY expires LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
"""
CHOOSE: Final = """
INSERT INTO launch_choice (session, request, patient, encounter)
VALUES (%(session)s, %(request)s, %(patient)s, %(encounter)s)
ON CONFLICT (session, request) DO UPDATE SET patient = excluded.patient, encounter = excluded.encounter
"""
CHOSEN: Final = "SELECT patient, encounter FROM launch_choice WHERE session = %s AND request = %s"


@dataclass(frozen=True, slots=True)
class Session:
    """`id` is no secret; `request` is the authorization request for which the person logged in, "" for none."""

    id: str
    person: str
    request: str
    authenticated: datetime
    second_factor: datetime | None


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """A session ends `idle_seconds` after its last request, and `seconds` after it began in any case."""

    idle_seconds: int = 900
    seconds: int = 43_200


@dataclass(frozen=True, slots=True)
class Choice:
    """Ids of the Patient and the Encounter that were chosen."""

    patient: str | None = None
    encounter: str | None = None


class Sessions:
    """Works within the transaction it is handed."""

    def __init__(self, limits: SessionLimits) -> None:
        self._limits = limits

    def open(self, transaction: Transaction, person: str, request: str) -> tuple[str, str]:
        """A new session: its id, and the cookie that nobody will see again."""
        transaction.execute(SWEEP, {"days": KEEP_DAYS, "rows": SWEEP_ROWS_MAX})
        cookie = fresh()
        values = {"hash": digest(cookie), "person": person, "request": request, "seconds": self._limits.seconds}
        row = transaction.execute(OPEN, values).fetchone()
        assert row is not None  # noqa: S101 - RETURNING of an insert
        return row["id"], cookie

    def find(self, transaction: Transaction, cookie: str) -> Session | None:
        """The session that is alive, which is thereby seen; None for any other cookie."""
        values = {"hash": digest(cookie), "idle": self._limits.idle_seconds}
        with transaction.cursor(row_factory=class_row(Session)) as cursor:
            return cursor.execute(FIND, values).fetchone()

    def renew(self, transaction: Transaction, session_id: str) -> str:
        """After a second factor: a new cookie for the same session; the old one is nothing any more."""
        cookie = fresh()
        transaction.execute(RENEW, {"new": digest(cookie), "id": session_id})
        return cookie


def end(transaction: Transaction, session_id: str) -> bool:
    """False where it had ended before."""
    return transaction.execute(END, (session_id,)).rowcount > 0


def end_all(transaction: Transaction, person: str) -> int:
    """Logs a person out everywhere; the number of sessions that were alive."""
    return transaction.execute(END_ALL, (person,)).rowcount


def end_others(transaction: Transaction, person: str, session_id: str) -> int:
    """All but one."""
    return transaction.execute(END_OTHERS, (person, session_id)).rowcount


def choose(transaction: Transaction, session_id: str, request: str, choice: Choice) -> None:
    values = {"session": session_id, "request": request, "patient": choice.patient, "encounter": choice.encounter}
    transaction.execute(CHOOSE, values)


def chosen(transaction: Transaction, session_id: str, request: str) -> Choice:
    row = transaction.execute(CHOSEN, (session_id, request)).fetchone()
    return Choice(**row) if row else Choice()
