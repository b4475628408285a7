"""Identifiers as CX and EI, their systems as HD."""

from typing import Final
from urllib.parse import unquote

from mappers.hl7v2.from_fhir.sending import Sending
from mappers.hl7v2.message import Component
from mappers.hl7v2.tables import IDENTIFIER_SYSTEMS, IDENTIFIER_TYPES, OIDS
from mappers.hl7v2.times import timestamp
from mappers.making import LOCAL_SYSTEM
from mappers.mapped import Resource

OIDS_OF: Final = {system: oid for oid, system in OIDS.items()}
TYPES_OF: Final = {system: code for code, system in reversed(IDENTIFIER_SYSTEMS.items())}
PREFIXES: Final = (("urn:oid:", "ISO"), ("urn:uuid:", "UUID"))

Components = tuple[Component, ...]


def authority(system: str, sending: Sending) -> tuple[str, str, str]:
    """A system as an HD: the partner's word for it where there is one, else what it is everywhere."""
    if system in sending.authorities:
        return sending.authorities[system], "", ""
    if system in OIDS_OF:
        return "", OIDS_OF[system], "ISO"
    for prefix, kind in PREFIXES:
        if system.startswith(prefix):
            return "", system.removeprefix(prefix), kind
    if system.startswith(LOCAL_SYSTEM):
        return word_of(system), "", ""
    return ("", system, "URI") if system else ("", "", "")


def word_of(system: str) -> str:
    """The partner's word that one of its own systems is made of; "" of the partner's own."""
    words = system.removeprefix(LOCAL_SYSTEM).lstrip(":").split(":")
    return unquote(words[1]) if len(words) > 1 else ""


def cx(identifier: Resource, sending: Sending) -> Components:
    system, value = str(identifier.get("system", "")), str(identifier.get("value", ""))
    code = type_code(identifier) or TYPES_OF.get(system, "")
    period = identifier.get("period", {})
    dates = (timestamp(period.get("start", ""))[:8], timestamp(period.get("end", ""))[:8])
    assigner: Component = "" if IDENTIFIER_SYSTEMS.get(code) == system else authority(system, sending)
    return value, "", "", assigner, code, "", *dates


def ei(identifier: Resource, sending: Sending) -> Components:
    return str(identifier.get("value", "")), *authority(str(identifier.get("system", "")), sending)


def type_code(identifier: Resource) -> str:
    """Of table 0203; "" where it has none."""
    codings = identifier.get("type", {}).get("coding", ())
    return next((str(one["code"]) for one in codings if one.get("code") in IDENTIFIER_TYPES), "")
