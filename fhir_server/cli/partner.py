"""`galenic partner`: who may send what, by an operator."""

import argparse
from typing import Final

from fhir_server.cli.database import CommandFailed
from fhir_server.cli.identity import Desk, desk
from fhir_server.cli.terminal import say
from fhir_server.exchange import partners
from fhir_server.exchange.partners import Partner
from fhir_server.identity.clients import hashed_secret
from fhir_server.identity.opaque import fresh
from fhir_server.settings import Settings


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    with desk(settings) as open_desk:
        lines = ACTIONS[chosen.action](open_desk, chosen)
    for line in lines:  # when it is committed: what is printed is true
        say(line)
    return 0


def _add(at: Desk, chosen: argparse.Namespace) -> list[str]:
    secret = fresh() if chosen.http else ""
    new = Partner(
        id=chosen.id,
        name=chosen.name,
        senders=chosen.sender,
        kinds=chosen.kind,
        networks=chosen.network,
        certificate=chosen.certificate.lower().replace(":", ""),
        secret_hash=hashed_secret(secret) if secret else None,
        zone=chosen.zone,
        authorities=dict(_pair(text) for text in chosen.authority),
        address=chosen.address,
        location=chosen.location,
    )
    partners.add(at.transaction, new)
    at.record(f"partner {new.id} may send {', '.join(new.kinds)}")
    shown = [f"secret: {secret}", "This is the only time that it is shown."] if secret else []
    return [f"{new.id} may send {', '.join(new.kinds)} from now on", *shown]


def _pair(text: str) -> tuple[str, str]:
    name, separator, system = text.partition("=")
    if not (name and separator and system):
        raise CommandFailed(f"{text} is no NAME=SYSTEM such as MRN=http://hospital.example/mrn")
    return name, system


def _list(at: Desk, _: argparse.Namespace) -> list[str]:
    return [
        f"{one.id}  {'disabled' if one.disabled else 'active'}  {one.name!r}  {', '.join(one.senders)}  "
        f"{', '.join(one.kinds)}"
        for one in partners.everyone(at.transaction)
    ]


def _disable(at: Desk, chosen: argparse.Namespace) -> list[str]:
    partners.disable(at.transaction, chosen.id)
    at.record(f"partner {chosen.id} disabled")
    return [f"Nothing more is taken from {chosen.id}; this takes {partners.CACHE_SECONDS:.0f} s at most"]


ACTIONS: Final = {"add": _add, "list": _list, "disable": _disable}
