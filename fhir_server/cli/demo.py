"""The demo: clients and people that a first start on the embedded database makes, for trying things out.

Their keys and passwords are made fresh and kept in the data folder; none is in the code.
"""

import json
import os
from pathlib import Path

from joserfc.jwk import ECKey

from fhir_server.cli import demo_people
from fhir_server.cli.database import CommandFailed
from fhir_server.cli.identity import Desk, desk_at
from fhir_server.cli.terminal import say
from fhir_server.identity import clients, minting, registry
from fhir_server.identity.registry import NewClient
from fhir_server.settings import Settings
from fhir_server.wiring import base_url

APP = "demo-app"
BACKEND = "demo-backend"
KEY_FILE = "demo-backend.jwk.json"

CALLBACKS = ("http://localhost:9000/callback", "http://127.0.0.1:9000/callback")
APP_SCOPES = (
    "openid fhirUser launch launch/patient launch/encounter online_access offline_access patient/*.cruds user/*.cruds"
)
LOADING_SECONDS = 120

LOUD = "*** FOR DEMONSTRATION ONLY: invented people, clients anybody may use. Never let real data in. ***"


def is_wanted(settings: Settings) -> bool:
    """Only on an embedded database: another may hold somebody's patients."""
    return settings.demo and settings.database_url is None


def refuse_in_production(settings: Settings, app_url: str) -> None:
    """In production, raises `CommandFailed` where the demo is or would be made, or tokens would go unencrypted."""
    if settings.env != "production":
        return
    if not base_url(settings).startswith("https://"):
        raise CommandFailed("Tokens and patients' data need TLS: set GALENIC_BASE_URL to an https URL")
    if is_wanted(settings):
        raise CommandFailed("The demo is not for production: set GALENIC_DEMO=false")
    with desk_at(settings, app_url) as at:
        found = [name for name in (APP, BACKEND) if clients.find(at.transaction, name)]
        found += demo_people.present(at.transaction)
    if found:
        raise CommandFailed(
            f"The demo's clients and people are in this database ({', '.join(found)}), which is not for production. "
            "Begin with an empty GALENIC_DATA_DIR, or disable them: galenic client disable, galenic user disable"
        )


def prepare(settings: Settings, app_url: str) -> None:
    """Registers what is not there yet."""
    with desk_at(settings, app_url) as at:
        _register_app(at)
        _register_backend(at, settings.data_dir / KEY_FILE)


def loading_token(settings: Settings, app_url: str) -> str:
    """A short token to load the demo's resources with."""
    with desk_at(settings, app_url) as at:
        token, _ = minting.mint(at.transaction, BACKEND, "", LOADING_SECONDS)
        at.record(f"token for client {BACKEND}, to load the demo set")
    return token


def greet(settings: Settings) -> None:
    say()
    say(LOUD)
    say(f"  app (public)      {APP}, back to {CALLBACKS[0]}")
    say(f"  system (key)      {BACKEND}, key in {settings.data_dir / KEY_FILE}")
    say(f"  a token for it    galenic client token {BACKEND}")
    demo_people.greet(settings)
    say()


def _register_app(at: Desk) -> None:
    if clients.find(at.transaction, APP) is None:
        new = NewClient("Demo app", "public", APP_SCOPES, APP, CALLBACKS, launch_uri="http://localhost:9000/launch")
        registry.add(at.transaction, new)
        at.record(f"client {APP} registered for the demo")


def _register_backend(at: Desk, file: Path) -> None:
    if clients.find(at.transaction, BACKEND) is not None:
        return
    key = ECKey.generate_key("P-384", auto_kid=True)
    identity = {"kid": key.kid, "alg": "ES384", "use": "sig"}
    _write(file, json.dumps({**key.as_dict(private=True), **identity}, indent=1))
    public = {"keys": [{**key.as_dict(private=False), **identity}]}
    new = NewClient(
        "Demo system", "confidential-asymmetric", "system/*.cruds", BACKEND, jwks=public, role="integration"
    )
    registry.add(at.transaction, new)
    at.record(f"client {BACKEND} registered for the demo")


def _write(file: Path, text: str) -> None:
    """Readable by its owner only, from its first byte on."""
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        opened.write(text + "\n")
