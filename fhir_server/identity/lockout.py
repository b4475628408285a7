"""Lock-out: attempts are counted before a password is looked at, so that many at once are no way around.

An attempt at a login is counted for the login and for the address it came from, one at a second factor for the person.
Success forgets the count of the login, and takes its own attempt off that of the address. Counts are in PostgreSQL: no
restart and no other process forgets them.
"""

import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from fhir_server.identity.transactions import Transaction

Kind = Literal["login", "address", "second-factor"]

LOCK_DOUBLINGS_MAX: Final = 6
"""How often a lock doubles: after that it grows no more (doublings)."""

FORGET_HOURS: Final = 24
"""A count is forgotten when nothing was attempted for so long (hours)."""

IPV6_PREFIX: Final = 64
"""As much of an IPv6 address as is counted (bits)."""

SWEEP_ROWS_MAX: Final = 20
"""Forgotten counts removed with each attempt (rows)."""

COUNT: Final = """
INSERT INTO login_failure AS f (kind, key, failures) VALUES (%(kind)s, %(key)s, 1)
ON CONFLICT (kind, key) DO UPDATE SET
    failures = CASE WHEN f.locked_until > clock_timestamp() THEN f.failures
                    WHEN f.last < clock_timestamp() - make_interval(hours => %(forget)s) THEN 1
                    ELSE f.failures + 1 END,
    refused = CASE WHEN f.locked_until > clock_timestamp() THEN f.refused + 1 ELSE 0 END,
    last = clock_timestamp()
RETURNING failures, refused, locked_until, clock_timestamp() AS now
"""
LOCK: Final = "UPDATE login_failure SET locked_until = %(until)s WHERE kind = %(kind)s AND key = %(key)s"
TAKE_BACK: Final = """
UPDATE login_failure SET failures = failures - 1, locked_until = CASE WHEN %(locks)s THEN NULL ELSE locked_until END
WHERE kind = %(kind)s AND key = %(key)s AND failures > 0
"""
FORGIVE: Final = "DELETE FROM login_failure WHERE kind = %(kind)s AND key = %(key)s"
SWEEP: Final = """
DELETE FROM login_failure WHERE (kind, key) IN (
    SELECT kind, key FROM login_failure WHERE last < clock_timestamp() - make_interval(hours => %(forget)s)
    AND (locked_until IS NULL OR locked_until < clock_timestamp())
    ORDER BY last LIMIT %(rows)s FOR UPDATE SKIP LOCKED)
"""


@dataclass(frozen=True, slots=True)
class LockoutLimits:
    """`lock_seconds` is the first lock, each further one is twice as long."""

    login_failures_max: int = 5
    address_failures_max: int = 50
    lock_seconds: int = 900


@dataclass(frozen=True, slots=True)
class Attempt:
    """`locked_until` is set where the attempt must not be looked at; `locks` where it is the last one for a while.

    `refused` counts the attempts since the lock began, this one included.
    """

    locked_until: datetime | None = None
    locks: bool = False
    refused: int = 0

    @property
    def recorded_as(self) -> int:
        """How many refused attempts its audit record stands for: one, 1, 2, 4, 8 …; 0 where it has none.

        Whoever keeps trying fills neither the audit trail nor the table.
        """
        return (self.refused + 1) // 2 if self.refused & (self.refused - 1) == 0 else 0


class Lockout:
    """Counts within the transaction it is handed."""

    def __init__(self, key: bytes, limits: LockoutLimits) -> None:
        self._key = key
        self._limits = limits

    def attempt(self, transaction: Transaction, kind: Kind, name: str) -> Attempt:
        """Counts one; the attempt that reaches the limit locks, and is still looked at."""
        values = {"kind": kind, "key": self._hashed(kind, name), "forget": FORGET_HOURS}
        row = transaction.execute(COUNT, values).fetchone()
        assert row is not None  # noqa: S101 - RETURNING of an upsert
        now, locked_until = row["now"], row["locked_until"]
        if locked_until is not None and locked_until > now:
            return Attempt(locked_until, refused=row["refused"])
        past = row["failures"] - self._failures_max(kind)
        if past < 0:
            return Attempt()
        period = self._limits.lock_seconds * 2 ** min(past, LOCK_DOUBLINGS_MAX)
        transaction.execute(LOCK, values | {"until": now + timedelta(seconds=period)})
        return Attempt(locks=True)

    def forgive(self, transaction: Transaction, kind: Kind, name: str) -> bool:
        """Forgets the count; whether there was one."""
        values = {"kind": kind, "key": self._hashed(kind, name)}
        return transaction.execute(FORGIVE, values).rowcount > 0

    def take_back(self, transaction: Transaction, kind: Kind, name: str, attempt: Attempt) -> None:
        """An attempt that succeeded was none."""
        values = {"kind": kind, "key": self._hashed(kind, name), "locks": attempt.locks}
        transaction.execute(TAKE_BACK, values)

    def sweep(self, transaction: Transaction) -> None:
        """Removes some forgotten counts; in a transaction of its own, for it locks rows in no order."""
        transaction.execute(SWEEP, {"forget": FORGET_HOURS, "rows": SWEEP_ROWS_MAX})

    def _failures_max(self, kind: Kind) -> int:
        return self._limits.address_failures_max if kind == "address" else self._limits.login_failures_max

    def _hashed(self, kind: Kind, name: str) -> bytes:
        counted = network_of(name) if kind == "address" else name
        return hmac.new(self._key, f"{kind}:{counted}".encode(), hashlib.sha256).digest()


def network_of(address: str) -> str:
    """What is counted as one address: of IPv6 the network that one customer has all to themselves."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
