"""`galenic partner`: who may send what, by an operator."""

import argparse
from typing import Any, Final

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
    new = Partner(id=chosen.id, **{"senders": (), "kinds": (), **_given(chosen, secret)})
    partners.add(at.transaction, new)
    at.record(f"partner {new.id} may send {', '.join(new.kinds)}")
    return [f"{new.id} may send {', '.join(new.kinds)} from now on", *_told(secret)]


def _change(at: Desk, chosen: argparse.Namespace) -> list[str]:
    secret = fresh() if chosen.http else ""
    given = _given(chosen, secret)
    if not given:
        raise CommandFailed("Nothing is to be changed: `galenic partner change --help` shows what can be")
    changed = partners.change(at.transaction, chosen.id, given)
    at.record(f"partner {changed.id} changed: {', '.join(sorted(given))}; it may send {', '.join(changed.kinds)}")
    return [*_lines(changed), *_told(secret)]


def _show(at: Desk, chosen: argparse.Namespace) -> list[str]:
    found = next((one for one in partners.everyone(at.transaction) if one.id == chosen.id), None)
    if found is None:
        raise CommandFailed(f"There is no partner {chosen.id}")
    return _lines(found)


def _given(chosen: argparse.Namespace, secret: str) -> dict[str, Any]:
    """What was said, as a partner has it; an empty text ends what it is said of."""
    said: dict[str, Any] = {name: getattr(chosen, name) for name in ("name", "zone", "address")}
    said |= {f"{name}s": _list_of(getattr(chosen, name)) for name in ("sender", "kind", "network")}
    if chosen.certificate is not None:
        said["certificate"] = chosen.certificate.lower().replace(":", "")
    if chosen.authority is not None:
        said["authorities"] = dict(_pair(text) for text in _list_of(chosen.authority) or ())
    if chosen.location is not None:
        said["location"] = " ".join(_list_of(chosen.location) or ())
    if secret:
        said["secret_hash"] = hashed_secret(secret)
    return {name: value for name, value in said.items() if value is not None}


def _list_of(texts: list[str] | None) -> list[str] | None:
    return None if texts is None else [text for text in texts if text]


def _told(secret: str) -> list[str]:
    return [f"secret: {secret}", "This is the only time that it is shown."] if secret else []


def _lines(one: Partner) -> list[str]:
    """All of it but its secret."""
    named = [f"{name}={system}" for name, system in (one.authorities or {}).items()]
    shown = {
        "name": [one.name],
        "sender": one.senders,
        "kind": one.kinds,
        "network": one.networks,
        "certificate": [one.certificate],
        "http": ["has a secret" if one.secret_hash else ""],
        "zone": [one.zone],
        "authority": named,
        "address": [one.address],
        "location": one.location.split(),
    }
    state = "disabled" if one.disabled else "active"
    return [f"{one.id}  {state}", *(f"{name}: {text}" for name, texts in shown.items() for text in texts if text)]


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


ACTIONS: Final = {"add": _add, "change": _change, "show": _show, "list": _list, "disable": _disable}
