"""`galenic client`: apps and systems, registered by an operator."""

import argparse
import json
from pathlib import Path
from typing import Any

from authlib.common.urls import add_params_to_uri

from fhir_server.cli.database import CommandFailed
from fhir_server.cli.identity import Desk, desk
from fhir_server.cli.terminal import say
from fhir_server.identity import clients, launches, minting, registry
from fhir_server.identity.launches import Launch
from fhir_server.identity.registry import NewClient
from fhir_server.settings import Settings


def run(settings: Settings, chosen: argparse.Namespace) -> int:
    actions = {
        "add": _add,
        "list": _list,
        "rotate": _rotate,
        "disable": _disable,
        "launch": _launch,
        "token": _token,
    }
    with desk(settings) as open_desk:
        lines = actions[chosen.action](open_desk, chosen)
    for line in lines:  # when it is committed: what is printed is true
        say(line)
    return 0


def _add(at: Desk, chosen: argparse.Namespace) -> list[str]:
    new = NewClient(
        name=chosen.name,
        kind=chosen.kind,
        scopes=chosen.scope,
        id=chosen.id,
        redirect_uris=tuple(chosen.redirect_uri),
        launch_uri=chosen.launch_uri,
        uri=chosen.uri,
        logo_uri=chosen.logo_uri,
        jwks=_jwks(chosen.jwks),
        jwks_uri=chosen.jwks_uri,
        origins=tuple(chosen.origin),
        may_introspect=chosen.introspect,
        may_launch=chosen.launch,
        role=chosen.role,
    )
    made = registry.add(at.transaction, new)
    at.record(f"client {made.id} registered for {new.scopes}")
    return [f"client_id: {made.id}", *_secret(made.secret)]


def _list(at: Desk, _chosen: argparse.Namespace) -> list[str]:
    return [
        f"{client.id}  {client.kind}  {client.role or '-'}  {'disabled' if client.disabled else 'active'}  "
        f"{client.name!r}  {client.scopes}"
        for client in registry.everyone(at.transaction)
    ]


def _rotate(at: Desk, chosen: argparse.Namespace) -> list[str]:
    if chosen.jwks or chosen.jwks_uri:
        registry.replace_keys(at.transaction, chosen.id, _jwks(chosen.jwks), chosen.jwks_uri)
        at.record(f"client {chosen.id} has other keys")
        return [f"{chosen.id} has other keys from now on"]
    secret = registry.rotate_secret(at.transaction, chosen.id)
    at.record(f"client {chosen.id} has another secret")
    return _secret(secret)


def _disable(at: Desk, chosen: argparse.Namespace) -> list[str]:
    registry.disable(at.transaction, chosen.id)
    at.record(f"client {chosen.id} disabled")
    return [f"{chosen.id} is disabled; its tokens end within 2 s"]


def _launch(at: Desk, chosen: argparse.Namespace) -> list[str]:
    given = {name: getattr(chosen, name) for name in ("patient", "encounter", "intent") if getattr(chosen, name)}
    context = given | {"need_patient_banner": not chosen.no_banner}
    client = clients.find(at.transaction, chosen.id)
    if client is None:
        raise CommandFailed(f"There is no client {chosen.id} that is not disabled")
    seconds = at.deployment.lifetimes.launch
    launch_id = launches.add(at.transaction, client.id, Launch(chosen.user, context), seconds)
    at.record(f"client {client.id} launched for {chosen.user}")
    issuer = at.deployment.issuer.base_url
    url = add_params_to_uri(client.launch_uri, {"iss": issuer, "launch": launch_id}) if client.launch_uri else ""
    return [f"launch: {launch_id}", *([f"url: {url}"] if url else []), f"It lives {seconds} s."]


def _token(at: Desk, chosen: argparse.Namespace) -> list[str]:
    """The token alone, so that a shell can catch it."""
    token, scopes = minting.mint(at.transaction, chosen.id, chosen.scope, chosen.seconds)
    at.record(f"token for client {chosen.id} with {scopes}")
    return [token]


def _jwks(file: Path | None) -> dict[str, Any] | None:
    if file is None:
        return None
    try:
        jwks = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CommandFailed(f"{file} cannot be read as a JWKS: {error}") from error
    if not isinstance(jwks, dict):
        raise CommandFailed(f"{file} is no JWKS: a JSON object with keys is expected")
    return jwks


def _secret(secret: str) -> list[str]:
    return [f"client_secret: {secret}", "This is the only time that it is shown."] if secret else []
