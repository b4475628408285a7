"""Partners: who may send which messages, by which wire, and what their words mean."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_address, ip_network
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg.errors import UniqueViolation
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from fhir_server.errors import Conflict, Invalid, NotFound
from fhir_server.exchange import partner_values as values_of
from fhir_server.exchange.partner_values import ANY
from fhir_server.identity.transactions import Transaction
from fhir_server.storage.database import Database
from mappers.making import Making

CACHE_SECONDS: Final = 2.0
"""Longest a change of a partner goes unnoticed (seconds)."""

UTC: Final = "UTC"

ALL: Final = "SELECT * FROM partner ORDER BY created, id"
LOCK: Final = "LOCK TABLE partner IN SHARE ROW EXCLUSIVE MODE"
ADD: Final = """
INSERT INTO partner (id, name, senders, kinds, networks, certificate, secret_hash, zone, authorities, address,
                     location)
VALUES (%(id)s, %(name)s, %(senders)s, %(kinds)s, %(networks)s, %(certificate)s, %(secret_hash)s, %(zone)s,
        %(authorities)s, %(address)s, %(location)s)
"""
CHANGE: Final = """
UPDATE partner
SET name = %(name)s, senders = %(senders)s, kinds = %(kinds)s, networks = %(networks)s, certificate = %(certificate)s,
    secret_hash = %(secret_hash)s, zone = %(zone)s, authorities = %(authorities)s, address = %(address)s,
    location = %(location)s
WHERE id = %(id)s
"""
EXISTS: Final = """
SELECT FROM directory d JOIN resource r ON r.rid = d.rid JOIN resource_type t ON t.number = d.type
WHERE t.name = %s AND d.id = %s AND r.body IS NOT NULL
"""
DISABLE: Final = "UPDATE partner SET disabled = clock_timestamp() WHERE id = %s AND disabled IS NULL"


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

    @property
    def places(self) -> Mapping[str, str]:
        """References to where what it sends belongs, by type."""
        return {one.partition("/")[0]: one for one in self.location.split()}

    def making(self, message_id: UUID, now: datetime) -> Making:
        """What a mapping of its message is handed.

        Ids are drawn from the message's id in the ledger, which nobody can foretell: what the message says may be known
        to somebody who would take them first.
        """
        return Making(self.id, now, message_id, self.clock_zone, self.authorities or {}, self.places)


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
    _check(transaction, new)
    try:
        transaction.execute(ADD, _row(new))
    except UniqueViolation as error:
        raise Conflict(f"There is a partner {new.id} already") from error


def change(transaction: Transaction, partner_id: str, given: Mapping[str, Any]) -> Partner:
    """As it is now; what is not given stays. Raises `NotFound`, and what `add` raises."""
    changed = replace(active(transaction, partner_id), **given)
    _check(transaction, changed)
    transaction.execute(CHANGE, _row(changed))
    return changed


def active(transaction: Transaction, partner_id: str) -> Partner:
    """Raises `NotFound`, also where it was disabled."""
    found = next((one for one in everyone(transaction) if one.id == partner_id and one.disabled is None), None)
    if found is None:
        raise _not_found(partner_id)
    return found


def everyone(transaction: Transaction) -> list[Partner]:
    """Disabled ones included, in the order they were added."""
    return [Partner(**row) for row in transaction.execute(ALL)]


def disable(transaction: Transaction, partner_id: str) -> None:
    """Raises `NotFound`."""
    if transaction.execute(DISABLE, (partner_id,)).rowcount == 0:
        raise _not_found(partner_id)


def _not_found(partner_id: str) -> NotFound:
    return NotFound(f"There is no partner {partner_id} that is not disabled")


def _row(partner: Partner) -> dict[str, Any]:
    words = ("id", "name", "certificate", "secret_hash", "zone", "address", "location")
    values = {name: getattr(partner, name) for name in words}
    lists = {name: list(getattr(partner, name)) for name in ("senders", "kinds", "networks")}
    return values | lists | {"authorities": Jsonb(dict(partner.authorities or {}))}


def _check(transaction: Transaction, one: Partner) -> None:
    """By itself, against the others, and against what is in the store."""
    _check_values(one)
    transaction.execute(LOCK)
    others = (row for row in transaction.execute(ALL) if row["disabled"] is None and row["id"] != one.id)
    taken = {sender for row in others for sender in row["senders"]}
    if both := taken.intersection(one.senders):
        raise Conflict(f"{', '.join(sorted(both))} is another partner's")
    for place in one.places.values():
        if transaction.execute(EXISTS, place.split("/")).fetchone() is None:
            raise Invalid(f"--location: there is no {place}")


def _check_values(one: Partner) -> None:
    values_of.check_id(one.id)
    values_of.check_name(one.name)
    if not one.senders or not one.kinds:
        raise Invalid("A partner has a sender it is known by, and kinds of messages it may send")
    values_of.check_senders(one.senders)
    values_of.check_kinds(one.kinds)
    values_of.check_networks(one.networks)
    values_of.check_certificate(one.certificate)
    values_of.check_zone(one.zone)
    values_of.check_address(one.address)
    values_of.check_authorities(one.id, one.authorities or {})
    values_of.check_location(one.location)
