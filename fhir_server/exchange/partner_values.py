"""What a partner may be configured with: each value is judged before it is kept, and named where it cannot be."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fhir_server.errors import Invalid
from mappers.making import Making
from mappers.script.kinds import KINDS as TRANSACTIONS

ANY: Final = "*"
PLACES: Final = ("Location", "Organization")
"""Types of where what a partner sends belongs."""
SHOWN: Final = 60
"""Characters of a value that a complaint repeats."""

_ID: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,49}")
_ADDRESS: Final = re.compile(r"mllps?://[A-Za-z0-9.\-]+:\d{1,5}")
_CERTIFICATE: Final = re.compile(r"[0-9a-f]{64}")
_HL7_KIND: Final = re.compile(r"[A-Z][A-Z0-9]{2}(?:\^(?:[A-Z][A-Z0-9]{2}|[A-Z]?\d{0,2}\*))?", re.ASCII)
_SCRIPT_SENDER: Final = re.compile(r"[^\s|]+")
_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s]+")
_REFERENCE: Final = re.compile(r"([A-Z][A-Za-z]+)/[A-Za-z0-9.-]{1,64}", re.ASCII)


def check_id(value: str) -> None:
    if not _ID.fullmatch(value):
        raise Invalid("A partner's id has small letters, digits and -, 50 at most")


def check_name(value: str) -> None:
    if not value.strip() or not value.isprintable():
        raise Invalid("--name: what people call it, without line breaks")


def check_senders(values: Sequence[str]) -> None:
    """`MSH-3|MSH-4`, either of which may be empty, or qualifier and id of SCRIPT, which may have no qualifier."""
    for number, value in enumerate(values, start=1):
        if not value.isprintable() or not (value.count("|") == 1 or _SCRIPT_SENDER.fullmatch(value)):
            why = "MSH-3|MSH-4 with one bar between them, or the qualifier and id of SCRIPT such as D:1234567890"
            raise Invalid(f"--sender {number}, {_shown(value)}: {why}")


def check_kinds(values: Sequence[str]) -> None:
    for number, value in enumerate(values, start=1):
        if not _is_kind(value):
            why = "a kind is RDE^O11, ADT^* or a transaction of SCRIPT such as NewRx; * alone is all"
            raise Invalid(f"--kind {number}, {_shown(value)}: {why}")


def check_networks(values: Sequence[str]) -> None:
    for value in values:
        try:
            ip_network(value)
        except ValueError as error:
            raise Invalid(f"A network is an address or a range of them such as 10.0.0.0/8: {error}") from error


def check_certificate(value: str) -> None:
    if value and not _CERTIFICATE.fullmatch(value):
        raise Invalid("A certificate is named by its SHA-256, 64 hexadecimal digits")


def check_zone(value: str) -> None:
    try:
        ZoneInfo(value or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise Invalid(f"{value} is no time zone such as Europe/Berlin") from error


def check_address(value: str) -> None:
    if value and not _ADDRESS.fullmatch(value):
        raise Invalid("An address is mllp://host:port, or mllps://host:port over TLS")


def check_authorities(partner_id: str, systems: Mapping[str, str]) -> None:
    """Absolute URIs, and none that is another partner's own: who has it speaks in that one's name."""
    own = Making(partner_id, datetime.now(UTC), UUID(int=0))
    for name, system in systems.items():
        if not name.strip() or not name.isprintable() or not _URI.fullmatch(system) or not system.isprintable():
            raise Invalid(f"--authority {_shown(name)}: a word and an absolute URI, without blanks")
        if not own.may_name(system):
            raise Invalid(f"--authority {_shown(name)}: that system is another partner's own")


def check_location(value: str) -> None:
    """At most one of each type."""
    kinds = [found[1] if (found := _REFERENCE.fullmatch(one)) else "" for one in value.split()]
    if any(kind not in PLACES for kind in kinds) or len(set(kinds)) < len(kinds):
        raise Invalid(f"--location {_shown(value)}: a reference such as Location/1 or Organization/1, one of each")


def _is_kind(value: str) -> bool:
    if value == ANY or _HL7_KIND.fullmatch(value):
        return True
    if value.endswith(ANY):
        return any(one.startswith(value[:-1]) for one in TRANSACTIONS)
    return value in TRANSACTIONS


def _shown(value: str) -> str:
    """Of what may be anything, as it may be printed."""
    return ascii(value[:SHOWN])
