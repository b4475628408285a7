"""`galenic keys`: the keys that sign id_tokens."""

import argparse

from fhir_server.cli.identity import Desk, desk
from fhir_server.cli.terminal import say
from fhir_server.identity import signing_keys
from fhir_server.settings import Settings


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    with desk(settings) as open_desk:
        lines = _rotate(open_desk) if chosen.action == "rotate" else _list(open_desk)
    for line in lines:
        say(line)
    return 0


def _rotate(at: Desk) -> list[str]:
    key_id = at.deployment.signing_keys.rotate(at.transaction)
    at.record(f"signing key {key_id} is active")
    return [f"{key_id} signs from now on; the next key is announced"]


def _list(at: Desk) -> list[str]:
    rows = at.transaction.execute(signing_keys.LIST).fetchall()
    return [f"{row['id']}  {row['state']}  {row['created']:%Y-%m-%d %H:%M}" for row in rows]
