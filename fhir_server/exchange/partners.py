"""Partners: who may send which messages, by which wire, and what their words mean."""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from fhir_server.errors import Conflict, Invalid, NotFound
from fhir_server.identity.transactions import Transaction
from fhir_server.storage.database import Database
from mappers.making import Making

CACHE_SECONDS: Final = 2.0
"""Longest a change of a partner goes unnoticed (seconds)."""

UTC: Final = "UTC"
ANY: Final = "*"

ALL: Final = "SELECT * FROM partner ORDER BY created, id"
LOCK: Final = "LOCK TABLE partner IN SHARE ROW EXCLUSIVE MODE"
ADD: Final = """
INSERT INTO partner (id, name, senders, kinds, networks, certificate, secret_hash, zone, authorities, address,
                     location)
VALUES (%(id)s, %(name)s, %(senders)s, %(kinds)s, %(networks)s, %(certificate)s, %(secret_hash)s, %(zone)s,
        %(authorities)s, %(address)s, %(location)s)
"""
DISABLE: Final = "UPDATE partner SET disabled = clock_timestamp() WHERE id = %s AND disabled IS NULL"

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,49}\Z")
_ADDRESS = re.compile(r"mllps?://[A-Za-z0-9.\-]+:\d{1,5}\Z")
_CERTIFICATE = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True, repr=False)
class Partner:
    """A row of the table `partner`; the columns are explained there."""

    id: str
    name: str
    senders: Sequence[str]
    kinds: Sequence[str]
    networks: Sequence[str] = ()
    certificate: str = ""
    secret_hash: str | None = None
    zone: str = ""
    authorities: Mapping[str, str] | None = None
    address: str = ""
    location: str = ""
    created: datetime | None = None
    disabled: datetime | None = None

    def may_send(self, kind: str) -> bool:
        """`RDE^O11`, `NewRx`."""
        return any(kind == one or (one.endswith(ANY) and kind.startswith(one[:-1])) for one in self.kinds)

    def may_come_from(self, address: str, certificate: str) -> bool:
        """By network address, and by the SHA-256 of the client certificate where the partner has one."""
        from_network = not self.networks or any(ip_address(address) in ip_network(one) for one in self.networks)
        return from_network and self.certificate in ("", certificate)

    @property
    def clock_zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone or UTC)

    def making(self, digest: bytes, now: datetime) -> Making:
        """What a mapping of its message is handed; `digest` is the message's SHA-256."""
        return Making(self.id, now, UUID(bytes=digest[:16]), self.clock_zone, self.authorities or {})


class Partners:
    """Those that are not disabled, as they were at most CACHE_SECONDS ago. One event loop's."""

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._known: dict[str, Partner] = {}
        self._until = 0.0

    async def of_sender(self, sender: str) -> Partner | None:
        """`MSH-3|MSH-4` of HL7 v2, qualifier and id (`D:123`) of SCRIPT."""
        return next((one for one in (await self._all()).values() if sender in one.senders), None)

    async def named(self, partner_id: str) -> Partner | None:
        return (await self._all()).get(partner_id)

    async def _all(self) -> dict[str, Partner]:
        asked = self._monotonic()
        if asked >= self._until:
            async with (
                self._database.connection() as connection,
                connection.cursor(row_factory=class_row(Partner)) as c,
            ):
                await c.execute(ALL)
                self._known = {one.id: one for one in await c.fetchall() if one.disabled is None}
            self._until = asked + CACHE_SECONDS
        return self._known


def add(transaction: Transaction, new: Partner) -> None:
    """Raises `Invalid` for what cannot be, `Conflict` where the id or a sender is somebody's already."""
    _check(new)
    transaction.execute(LOCK)
    taken = {sender for row in transaction.execute(ALL) if row["disabled"] is None for sender in row["senders"]}
    if both := taken.intersection(new.senders):
        raise Conflict(f"{', '.join(sorted(both))} is another partner's")
    words = ("id", "name", "certificate", "secret_hash", "zone", "address", "location")
    values = {name: getattr(new, name) for name in words}
    lists = {name: list(getattr(new, name)) for name in ("senders", "kinds", "networks")}
    try:
        transaction.execute(ADD, values | lists | {"authorities": Jsonb(dict(new.authorities or {}))})
    except UniqueViolation as error:
        raise Conflict(f"There is a partner {new.id} already") from error


def everyone(transaction: Transaction) -> list[Partner]:
    """Disabled ones included, in the order they were added."""
    return [Partner(**row) for row in transaction.execute(ALL)]


def disable(transaction: Transaction, partner_id: str) -> None:
    """Raises `NotFound`."""
    if transaction.execute(DISABLE, (partner_id,)).rowcount == 0:
        raise NotFound(f"There is no partner {partner_id} that is not disabled")


def _check(new: Partner) -> None:
    if not _ID.match(new.id):
        raise Invalid("A partner's id has small letters, digits and -, 50 at most")
    if not new.senders or not new.kinds:
        raise Invalid("A partner has a sender it is known by, and kinds of messages it may send")
    if new.certificate and not _CERTIFICATE.match(new.certificate):
        raise Invalid("A certificate is named by its SHA-256, 64 hexadecimal digits")
    try:
        _ = new.clock_zone
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(f"{new.zone} is no time zone such as Europe/Berlin") from error
    if new.address and not _ADDRESS.match(new.address):
        raise Invalid("An address is mllp://host:port, or mllps://host:port over TLS")
    try:
        for network in new.networks:
            ip_network(network)
    except ValueError as error:
        raise Invalid(f"A network is an address or a range of them such as 10.0.0.0/8: {error}") from error
