"""Registered clients: apps and systems, what they may be granted, and how they prove who they are.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#step-1-register
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, Literal

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from authlib.oauth2.rfc6749 import ClientMixin

from fhir_server.auth.roles import Role
from fhir_server.identity.opaque import fresh
from fhir_server.identity.transactions import Transaction

Kind = Literal["public", "confidential-symmetric", "confidential-asymmetric"]

METHODS: Final[Mapping[str, frozenset[str]]] = {
    "public": frozenset({"none", "refresh_token"}),
    "confidential-symmetric": frozenset({"client_secret_basic", "client_secret_post", "bearer"}),
    "confidential-asymmetric": frozenset({"private_key_jwt", "bearer"}),
}
"""By kind of client, how it authenticates.

`refresh_token` is a public client known by the token it shows; `bearer` an access token, for introspection alone.
"""

FIND: Final = "SELECT * FROM client WHERE id = %(id)s AND disabled IS NULL"

# Secrets are 256 random bits: argon2id's least cost is plenty, and keeps what a stranger can make us spend small.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=8 * 1024, parallelism=1)


@dataclass(frozen=True, slots=True, repr=False)
class Client(ClientMixin):
    """A row of the table `client`, with the questions that authlib asks of it."""

    id: str
    name: str
    kind: Kind
    redirect_uris: list[str]
    launch_uri: str | None
    uri: str | None
    logo_uri: str | None
    scopes: str
    jwks: dict[str, Any] | None
    jwks_uri: str | None
    secret_hash: str | None
    origins: list[str]
    may_introspect: bool
    may_launch: bool
    role: Role | None
    self_registered: bool
    created: datetime
    disabled: datetime | None

    @property
    def client_id(self) -> str:
        return self.id

    def get_client_id(self) -> str:
        return self.id

    def get_default_redirect_uri(self) -> None:
        """None: the request has to name it."""
        return

    def get_allowed_scope(self, scope: str) -> str:
        """As it is: granting.py cuts it."""
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Character by character. https://www.rfc-editor.org/rfc/rfc9700#section-2.1."""
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """As slow for a client without a secret as for one with another."""
        return is_secret(self.secret_hash, client_secret)

    def check_endpoint_auth_method(self, method: str, _endpoint: str) -> bool:
        return method in METHODS[self.kind]

    def check_response_type(self, _response_type: str) -> bool:
        """Always: launching.py refuses all but `code`, with a sentence authlib cannot stumble over."""
        return True

    def check_grant_type(self, grant_type: str) -> bool:
        if grant_type == "client_credentials":
            return self.role is not None and self.kind != "public"
        return bool(self.redirect_uris)


def find(transaction: Transaction, client_id: str) -> Client | None:
    """A client that is registered and not disabled."""
    row = transaction.execute(FIND, {"id": client_id}).fetchone() if "\0" not in client_id else None
    return Client(**row) if row else None


def hashed_secret(secret: str) -> str:
    return _HASHER.hash(secret)


def is_secret(secret_hash: str | None, secret: str) -> bool:
    """False for a wrong one; takes as long where there is no hash."""
    try:
        return _HASHER.verify(secret_hash or _nobodys_hash(), secret) and secret_hash is not None
    except VerificationError:
        return False


def waste_time(secret: str) -> None:
    """What checking the secret of a client takes that does not exist."""
    is_secret(None, secret)


@cache
def _nobodys_hash() -> str:
    return _HASHER.hash(fresh())
