"""Logging in at an outside OpenID provider, by code, PKCE and nonce; whoever comes back is matched, not made.

authlib's client asks, joserfc checks what it is told. https://openid.net/specs/openid-connect-core-1_0.html
"""

import hmac
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.oauth2.client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from fhir_server.audit.interactions import LOGIN
from fhir_server.audit.record import Record
from fhir_server.identity.opaque import digest, fresh
from fhir_server.identity.people import FIND_LINKED, one
from fhir_server.identity.sign_in import Entered, Entrance
from fhir_server.identity.trail import REFUSED, Visitor, record

SCOPE: Final = "openid"

SIGNATURES: Final = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]
"""None of them is made with a secret that we share, and `none` is no signature."""

SECONDS_MAX: Final = 5.0
"""Longest wait for one answer of the provider (seconds)."""

LOGIN_SECONDS_MAX: Final = 600
"""Longest a person may take there (seconds)."""

KEEP_SECONDS: Final = 600.0
"""How long the provider's endpoints and keys are believed (seconds)."""

CLOCK_SECONDS: Final = 60
"""How far the provider's clock may be off (seconds)."""

TOKEN_CHARACTERS_MAX: Final = 16_384
"""A longer id_token is refused (characters)."""

SUBJECT_CHARACTERS_MAX: Final = 255
"""https://openid.net/specs/openid-connect-core-1_0.html#IDToken (characters)."""

SWEEP: Final = "DELETE FROM outside_login WHERE expires < clock_timestamp()"
BEGIN: Final = """
INSERT INTO outside_login (state_hash, visit_hash, nonce, verifier, expires)
VALUES (%(state)s, %(visit)s, %(nonce)s, %(verifier)s, clock_timestamp() + make_interval(secs => %(seconds)s))
"""
TAKE: Final = """
DELETE FROM outside_login WHERE state_hash = %s
RETURNING visit_hash, nonce, verifier, expires > clock_timestamp() AS valid
"""


class OutsideFailed(Exception):
    """The login elsewhere came to nothing; the message is for the log, and has no part of what was answered."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What we are at the provider; `redirect_uri` is where it sends people back to."""

    issuer: str
    client_id: str
    secret: str | None
    redirect_uri: str


@dataclass(slots=True)
class _Known:
    """What the provider says of itself, and when it said so."""

    at: float
    metadata: Mapping[str, Any]
    keys: KeySet


@dataclass(slots=True)
class Provider:
    """Synchronous: call it in a thread."""

    registration: Registration
    entrance: Entrance
    make_client: Callable[[], httpx.Client] = lambda: httpx.Client(timeout=SECONDS_MAX)
    _known: _Known | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def name(self) -> str:
        """What people are shown: the provider's host."""
        return urlsplit(self.registration.issuer).hostname or self.registration.issuer

    def begin(self, cookie: str, request_id: str) -> str:
        """The URL to send the browser to; the state brings back the authorization request that waits."""
        state, nonce, verifier = f"{fresh()}.{request_id}", fresh(), fresh()
        with self.make_client() as http:
            endpoint = self._ask(http).metadata["authorization_endpoint"]
            url, _ = self._client(http).create_authorization_url(
                endpoint, state=state, code_verifier=verifier, nonce=nonce
            )
        values = {"state": digest(state), "visit": digest(cookie), "nonce": nonce, "verifier": verifier}
        with self.entrance.transactions.begin() as transaction:
            transaction.execute(SWEEP)
            transaction.execute(BEGIN, values | {"seconds": LOGIN_SECONDS_MAX})
        return str(url)

    def finish(self, visitor: Visitor, cookie: str, answer: Mapping[str, str], request_key: str) -> Entered | None:
        """A session of the person who is linked to whoever came back; None where nobody is.

        Raises `OutsideFailed` for what did not begin in this browser, or is not what the provider vouches for.
        """
        nonce, verifier = self._taken(cookie, answer.get("state", ""))
        if "error" in answer or "code" not in answer:
            raise OutsideFailed("the provider let nobody in")
        if answer.get("iss", self.registration.issuer) != self.registration.issuer:
            raise OutsideFailed("the answer is another provider's")
        subject = self._subject(answer["code"], nonce, verifier)
        issuer = self.registration.issuer
        with self.entrance.transactions.begin() as transaction:
            person = one(transaction, FIND_LINKED, (issuer, subject))
            if person is None or person.disabled:
                what = f"nobody, or nobody who may log in, is linked to subject {subject!r} of {issuer}"
                record(transaction, Record(visitor.context(None), LOGIN, REFUSED, detail=what))
                return None
            return self.entrance.open(transaction, visitor, person, request_key, f"login at {issuer}")

    def _taken(self, cookie: str, state: str) -> tuple[str, str]:
        """Nonce and verifier of a login that began here; each is taken once."""
        with self.entrance.transactions.begin() as transaction:
            row = transaction.execute(TAKE, (digest(state),)).fetchone()
        if row is None or not row["valid"] or not hmac.compare_digest(bytes(row["visit_hash"]), digest(cookie)):
            raise OutsideFailed("no login with this state began in this browser")
        return row["nonce"], row["verifier"]

    def _subject(self, code: str, nonce: str, verifier: str) -> str:
        try:
            with self.make_client() as http:
                known = self._ask(http)
                token = self._token(http, known, code, verifier)
                claims = self._claims(http, known, token.get("id_token"))
        except (httpx.HTTPError, AuthlibBaseError, JoseError, ValueError, KeyError, TypeError) as error:
            raise OutsideFailed(f"the provider's answer is not one we take: {type(error).__name__}") from error
        if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
            raise OutsideFailed("the id_token is of another login")
        subject = claims["sub"]
        if not isinstance(subject, str) or not 1 <= len(subject) <= SUBJECT_CHARACTERS_MAX:
            raise OutsideFailed("the id_token names nobody")
        return subject

    def _token(self, http: httpx.Client, known: _Known, code: str, verifier: str) -> Mapping[str, Any]:
        found = self._client(http).fetch_token(
            known.metadata["token_endpoint"],
            grant_type="authorization_code",
            code=code,
            redirect_uri=self.registration.redirect_uri,
            code_verifier=verifier,
            **self._authentication(),
        )
        return dict(found)

    def _authentication(self) -> dict[str, Any]:
        """https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1."""
        registered = self.registration
        if registered.secret is None:
            return {"client_id": registered.client_id, "auth": _as_it_is}
        return {"auth": (registered.client_id, registered.secret)}

    def _claims(self, http: httpx.Client, known: _Known, id_token: object) -> Mapping[str, Any]:
        """https://openid.net/specs/openid-connect-core-1_0.html#IDTokenValidation."""
        if not isinstance(id_token, str) or len(id_token) > TOKEN_CHARACTERS_MAX:
            raise OutsideFailed("there is no id_token")
        try:
            token = jwt.decode(id_token, known.keys, algorithms=SIGNATURES)
        except (JoseError, ValueError):  # its keys may be others by now
            token = jwt.decode(id_token, self._ask(http, anew=True).keys, algorithms=SIGNATURES)
        registry = jwt.JWTClaimsRegistry(
            leeway=CLOCK_SECONDS,
            iss={"essential": True, "value": self.registration.issuer},
            aud={"essential": True, "value": self.registration.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True},
        )
        registry.validate(token.claims)
        if token.claims.get("azp", self.registration.client_id) != self.registration.client_id:
            raise OutsideFailed("the id_token is for another client")
        return token.claims

    def _client(self, http: httpx.Client) -> OAuth2Client:
        return OAuth2Client(
            http,
            client_id=self.registration.client_id,
            scope=SCOPE,
            redirect_uri=self.registration.redirect_uri,
            code_challenge_method="S256",
        )

    def _ask(self, http: httpx.Client, *, anew: bool = False) -> _Known:
        """Raises `OutsideFailed` where the provider is away, or speaks for another issuer."""
        with self._lock:
            if self._known is None or anew or time.monotonic() - self._known.at > KEEP_SECONDS:
                self._known = self._discovered(http)
            return self._known

    def _discovered(self, http: httpx.Client) -> _Known:
        try:
            url = f"{self.registration.issuer.rstrip('/')}/.well-known/openid-configuration"
            metadata = http.get(url).raise_for_status().json()
            if metadata["issuer"] != self.registration.issuer:
                raise OutsideFailed("the provider speaks for another issuer")
            for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                self._check(str(metadata[name]))
            keys = KeySet.import_key_set(http.get(metadata["jwks_uri"]).raise_for_status().json())
        except (httpx.HTTPError, httpx.InvalidURL, JoseError, ValueError, KeyError, TypeError) as error:
            raise OutsideFailed(f"the provider does not answer: {type(error).__name__}") from error
        return _Known(time.monotonic(), metadata, keys)

    def _check(self, endpoint: str) -> None:
        """By HTTPS, as the issuer: nothing else is downgraded."""
        if urlsplit(endpoint).scheme != urlsplit(self.registration.issuer).scheme:
            raise OutsideFailed("an endpoint of the provider is not reached as its issuer is")


def _as_it_is(request: httpx.Request) -> httpx.Request:
    """A public client shows no secret."""
    return request
