"""Registering clients, by an operator or by themselves; what can be registered, and what cannot.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#step-1-register
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final, get_args
from urllib.parse import SplitResult, urlsplit
from uuid import uuid4

from authlib.oauth2.rfc6749 import InvalidClientError
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb

from fhir_server.auth.roles import ROLES, Role
from fhir_server.auth.scopes import parse_scope
from fhir_server.errors import Conflict, Invalid, NotFound
from fhir_server.identity.clients import Client, Kind, hashed_secret
from fhir_server.identity.granting import WORDS, words
from fhir_server.identity.oauth.assertion import candidates, imported
from fhir_server.identity.opaque import fresh
from fhir_server.identity.transactions import Transaction

NAME_CHARACTERS_MAX: Final = 200
"""Longest name of a client (characters)."""

URI_CHARACTERS_MAX: Final = 2_000
"""Longest URI of a client (characters)."""

PRIVATE_MEMBERS: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
"""Members of a JWK that only its owner may know."""

ADD: Final = """
INSERT INTO client (id, name, kind, redirect_uris, launch_uri, uri, logo_uri, scopes, jwks, jwks_uri, secret_hash,
                    origins, may_introspect, may_launch, role, self_registered)
VALUES (%(id)s, %(name)s, %(kind)s, %(redirect_uris)s, %(launch_uri)s, %(uri)s, %(logo_uri)s, %(scopes)s, %(jwks)s,
        %(jwks_uri)s, %(secret_hash)s, %(origins)s, %(may_introspect)s, %(may_launch)s, %(role)s, %(self_registered)s)
"""
LIST: Final = "SELECT * FROM client ORDER BY created, id"
RENEW: Final = """
UPDATE client SET secret_hash = %(secret_hash)s WHERE id = %(id)s AND kind = 'confidential-symmetric'
"""
CHANGE_KEYS: Final = """
UPDATE client SET jwks = %(jwks)s, jwks_uri = %(jwks_uri)s WHERE id = %(id)s AND kind = 'confidential-asymmetric'
"""
DISABLE: Final = "UPDATE client SET disabled = clock_timestamp() WHERE id = %(id)s AND disabled IS NULL"

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,99}\Z")
_URI = re.compile(r"[\x21-\x7e]+\Z")
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-\[\]:]+\Z")
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+\Z")


@dataclass(frozen=True, slots=True)
class NewClient:
    """`scopes` are the most it may be granted; `role` is of a system that acts for itself, None for one that does not.

    `origins` are those of its pages; where none is given, those of its redirect_uris.
    """

    name: str
    kind: Kind
    scopes: str
    id: str = ""
    redirect_uris: tuple[str, ...] = ()
    launch_uri: str | None = None
    uri: str | None = None
    logo_uri: str | None = None
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None
    origins: tuple[str, ...] = ()
    may_introspect: bool = False
    may_launch: bool = False
    role: Role | None = None
    self_registered: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Registered:
    """`secret` is shown once; "" for a client that has none."""

    id: str
    secret: str


def add(transaction: Transaction, new: NewClient) -> Registered:
    """Raises `Invalid` for what cannot be registered, `Conflict` where the id is taken."""
    _check(new)
    client_id, secret = new.id or str(uuid4()), fresh() if new.kind == "confidential-symmetric" else ""
    values = {
        **{name: getattr(new, name) for name in NewClient.__dataclass_fields__},
        "id": client_id,
        "redirect_uris": list(new.redirect_uris),
        "origins": list(new.origins or dict.fromkeys(_origins(new.redirect_uris))),
        "scopes": " ".join(words(new.scopes)),
        "jwks": Jsonb(new.jwks) if new.jwks else None,
        "secret_hash": hashed_secret(secret) if secret else None,
    }
    try:
        with transaction.transaction():
            transaction.execute(ADD, values)
    except UniqueViolation as error:
        raise Conflict(f"The client id {client_id} is taken") from error
    return Registered(client_id, secret)


def everyone(transaction: Transaction) -> list[Client]:
    """All clients, disabled ones included, in the order they were registered."""
    return [Client(**row) for row in transaction.execute(LIST)]


def rotate_secret(transaction: Transaction, client_id: str) -> str:
    """A new secret, from now on the only one; raises `NotFound` where there is no such client with a secret."""
    secret = fresh()
    if transaction.execute(RENEW, {"id": client_id, "secret_hash": hashed_secret(secret)}).rowcount == 0:
        raise NotFound(f"There is no client {client_id} with a secret")
    return secret


def replace_keys(
    transaction: Transaction, client_id: str, jwks: Mapping[str, Any] | None, jwks_uri: str | None
) -> None:
    """Its keys from now on; raises `Invalid`, or `NotFound` where there is no such client with keys."""
    _check_keys(jwks, jwks_uri)
    values = {"id": client_id, "jwks": Jsonb(jwks) if jwks else None, "jwks_uri": jwks_uri}
    if transaction.execute(CHANGE_KEYS, values).rowcount == 0:
        raise NotFound(f"There is no client {client_id} with keys")


def disable(transaction: Transaction, client_id: str) -> None:
    """Its tokens end with it; raises `NotFound`."""
    if transaction.execute(DISABLE, {"id": client_id}).rowcount == 0:
        raise NotFound(f"There is no client {client_id} that is not disabled")


def _check(new: NewClient) -> None:
    if new.id and not _ID.match(new.id):
        raise Invalid("A client id has letters, digits and . _ ~ -, 100 at most")
    if not 1 <= len(new.name) <= NAME_CHARACTERS_MAX or not new.name.isprintable():
        raise Invalid(f"A client has a name of 1 to {NAME_CHARACTERS_MAX} characters that can be shown")
    if new.kind not in get_args(Kind):
        raise Invalid(f"A client is of the kind {', '.join(get_args(Kind))}")
    if unknown := [word for word in words(new.scopes) if word not in WORDS and parse_scope(word) is None]:
        raise Invalid(f"There is no scope {', '.join(unknown)}")
    if not words(new.scopes):
        raise Invalid("A client has the scopes it may be granted at most")
    _check_uris(new)
    _check_rights(new)
    if new.kind == "confidential-asymmetric":
        _check_keys(new.jwks, new.jwks_uri)
    elif new.jwks or new.jwks_uri:
        raise Invalid(f"A client of the kind {new.kind} has no keys")


def _check_rights(new: NewClient) -> None:
    if new.role is not None and (new.role not in ROLES or new.kind != "confidential-asymmetric"):
        raise Invalid(f"A role is one of {', '.join(ROLES)}, for systems that authenticate with a key")
    if (new.may_introspect or new.may_launch) and new.kind == "public":
        raise Invalid("A public client cannot prove who it is: it can neither introspect tokens nor launch apps")
    if not (new.redirect_uris or new.role or new.may_introspect or new.may_launch):
        raise Invalid("A client has a redirect_uri for people to come back to, or a role to act for itself")


def _check_uris(new: NewClient) -> None:
    for uri in new.redirect_uris:
        if not _is_safe(uri) or not (_is_web(urlsplit(uri)) or _PRIVATE_SCHEME.match(urlsplit(uri).scheme)):
            raise Invalid(f"{uri} cannot be a redirect_uri: https, http of this machine, or a scheme like com.example")
    for pointer in (new.launch_uri, new.uri, new.logo_uri):
        if pointer is not None and not (_is_safe(pointer) and _is_web(urlsplit(pointer))):
            raise Invalid(f"{pointer} is no https URL")
    for origin in new.origins:
        if not _ORIGIN.match(origin):
            raise Invalid(f"{origin} is no origin such as https://app.example.org")


def _check_keys(jwks: Mapping[str, Any] | None, jwks_uri: str | None) -> None:
    if bool(jwks) == bool(jwks_uri):
        raise Invalid("A client with keys has a JWKS, or the URL of one")
    if jwks_uri is not None and not (_is_safe(jwks_uri) and urlsplit(jwks_uri).scheme in ("https", "http")):
        raise Invalid(f"{jwks_uri} is no URL of a JWKS")
    if jwks:
        _check_jwks(jwks)


def _check_jwks(jwks: Mapping[str, Any]) -> None:
    keys = candidates(jwks)
    kids = [key.get("kid") for key in keys]
    if not keys or not all(isinstance(kid, str) and kid for kid in kids) or len(set(kids)) < len(kids):
        raise Invalid("Each key of a JWKS has a kid of its own")
    if any(PRIVATE_MEMBERS.intersection(key) for key in keys):
        raise Invalid("The JWKS has a private key, which nobody but its owner may know: make another one")
    try:
        for key in keys:
            imported(key)
    except InvalidClientError as error:
        raise Invalid("A key is RSA of 2048 bits or more, or EC, and for signatures") from error


def _is_safe(uri: str) -> bool:
    """An absolute URI without a fragment or a user name in it, of characters that need no second thought."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    return bool(
        len(uri) <= URI_CHARACTERS_MAX
        and _URI.match(uri)
        and parts.scheme
        and "#" not in uri
        and "\\" not in uri
        and "@" not in parts.netloc
    )


def _is_web(parts: SplitResult) -> bool:
    """https, or http on the machine of the browser. https://www.rfc-editor.org/rfc/rfc8252#section-7.3."""
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts)))


def _is_loopback(parts: SplitResult) -> bool:
    try:
        return parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _origins(uris: tuple[str, ...]) -> Iterator[str]:
    for uri in uris:
        parts = urlsplit(uri)
        if parts.scheme in ("https", "http"):
            yield f"{parts.scheme}://{parts.netloc.lower()}"
