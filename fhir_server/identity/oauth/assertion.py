"""private_key_jwt: a client proves who it is by a JWT signed with its key, used once and alive for 5 minutes at most.

https://hl7.org/fhir/smart-app-launch/STU2.2/client-confidential-asymmetric.html, RFC 7523.
"""

import json
import re
import time
from collections.abc import Mapping
from typing import Any, Final, NoReturn, TypeGuard

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey, import_key

from fhir_server.identity import sweeping
from fhir_server.identity.clients import Client
from fhir_server.identity.opaque import digest
from fhir_server.identity.transactions import Transaction

METHOD: Final = "private_key_jwt"

ALGORITHMS: Final = {"RS384": "RSA", "ES384": "EC", "ES256": "EC", "ES512": "EC"}
"""Signature algorithms, with their types of key."""

ASSERTION_BYTES_MAX: Final = 8 * 1024
"""A longer assertion is none (bytes)."""

HEADER_BYTES_MAX: Final = 4 * 1024
"""Longest header (bytes); a jku is part of it."""

LIFETIME_SECONDS_MAX: Final = 300
"""Furthest an assertion may expire in the future (seconds)."""

SKEW_SECONDS: Final = 10
"""How far ahead of ours a client's clock may be (seconds)."""

RSA_BITS_MIN: Final = 2048
"""Shortest RSA key (bits)."""

TIME_MAX: Final = 2**53
"""No time is larger (seconds since 1970)."""

REFUSED_HEADERS: Final = frozenset({"crit", "jwk", "x5u", "x5c", "x5t", "x5t#S256", "b64", "zip", "enc"})
"""Nobody who signs with a registered key needs them; some of them have let keys of strangers in."""

USE_JTI: Final = """
INSERT INTO used_jti (client_id, hash, expires) VALUES (%(client_id)s, %(hash)s, to_timestamp(%(expires)s))
ON CONFLICT DO NOTHING
"""

_CLIENT_ID = re.compile(r"[\x21-\x7e]{1,200}\Z")


class _Registry(jws.JWSRegistry):
    max_header_length = HEADER_BYTES_MAX


class AssertionMethod(JWTBearerClientAssertion):
    """authlib takes any of its algorithms, any key of the set, any expiry and a jti of any kind: this is narrower.

    `keys` are those that were registered by the client of the assertion, or that its JWKS URL holds now: fetching them
    waits on the network and was done before the transaction began.
    """

    CLIENT_AUTH_METHOD = METHOD

    def __init__(self, transaction: Transaction, token_url: str, keys: Mapping[str, Any] | None) -> None:
        super().__init__(leeway=0)
        self._transaction = transaction
        self._token_url = token_url
        self._keys = keys
        self._header: dict[str, Any] = {}

    def __call__(self, query_client: Any, request: Any) -> Client | None:
        """A client that does not exist and a key that it does not have look the same."""
        found: Client | None = super().__call__(lambda client_id: query_client(client_id) or _unknown(), request)
        return found

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        self._header, claims = unverified(assertion)
        return self._header, claims

    def resolve_client_public_key(self, client: Client) -> RSAKey | ECKey:
        return key_of(self._header, client, self._keys)

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> dict[str, Any]:
        try:
            token = jwt.decode(assertion, resolve_key, registry=_Registry(algorithms=list(ALGORITHMS)))
        except (JoseError, ValueError, RecursionError) as error:
            raise _invalid("The signature is not that of the registered key") from error
        self.verify_claims(token)
        return token.claims

    def verify_claims(self, token: Any) -> None:
        claims = token.claims
        if claims.get("iss") != claims.get("sub"):
            raise _invalid("Issuer and Subject MUST match")
        audiences = claims.get("aud") if isinstance(claims.get("aud"), list) else [claims.get("aud")]
        if self._token_url not in audiences:
            raise _invalid("The audience is not the token endpoint")
        _check_times(claims, time.time())
        self._use_jti(claims)

    def _use_jti(self, claims: dict[str, Any]) -> None:
        """Kept past its expiry by the skew; a second one waits for the transaction of the first."""
        jti = claims.get("jti")
        if not isinstance(jti, str) or not jti:
            raise _invalid("Missing JWT ID")
        values = {
            "client_id": claims["sub"],
            "hash": digest(jti.encode("utf-8", "surrogatepass").hex()),
            "expires": claims["exp"] + 2 * SKEW_SECONDS,
        }
        sweeping.jtis(self._transaction)
        if self._transaction.execute(USE_JTI, values).rowcount == 0:
            raise _invalid("JWT ID is used before")


def unverified(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, the latter not to be believed yet; raises `InvalidClientError`."""
    if len(assertion) > ASSERTION_BYTES_MAX or not assertion.isascii():
        raise _invalid("The assertion is too long")
    try:
        found = jws.extract_compact(assertion.encode(), registry=_Registry(algorithms=list(ALGORITHMS)))
        claims = json.loads(found.payload)
    except (JoseError, ValueError, RecursionError) as error:
        raise _invalid("Invalid JWT assertion") from error
    if not isinstance(claims, dict) or not isinstance(claims.get("sub"), str) or not _CLIENT_ID.match(claims["sub"]):
        raise _invalid("Invalid JWT payload")
    header = found.headers()
    if header.get("alg") not in ALGORITHMS or REFUSED_HEADERS.intersection(header):
        raise _invalid("The header has an algorithm or a parameter that is not accepted")
    return header, claims


def key_of(header: Mapping[str, Any], client: Client, keys: Mapping[str, Any] | None) -> RSAKey | ECKey:
    """The one key that SMART's algorithm leaves; raises `InvalidClientError` where it leaves none, or several."""
    if "jku" in header and header["jku"] != client.jwks_uri:
        _unknown()
    kid, kty = header.get("kid"), ALGORITHMS[header["alg"]]
    found = [key for key in candidates(keys) if kid and key.get("kid") == kid and key.get("kty") == kty]
    if len(found) != 1:
        _unknown()
    return imported(found[0])


def candidates(keys: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The keys of a JWKS, whatever was made of it."""
    found = keys.get("keys") if isinstance(keys, Mapping) else None
    return [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []


def imported(key: Mapping[str, Any]) -> RSAKey | ECKey:
    """A public key for signatures, or `InvalidClientError`."""
    try:
        made = import_key({name: key[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in key})
    except (JoseError, ValueError, TypeError) as error:
        raise _invalid("The registered key is not a public key") from error
    long_enough = isinstance(made, ECKey) or (isinstance(made, RSAKey) and made.raw_value.key_size >= RSA_BITS_MIN)
    if key.get("use", "sig") != "sig" or not isinstance(made, RSAKey | ECKey) or not long_enough:
        raise _invalid("The registered key is not for signatures, or too short")
    return made


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    expires = claims.get("exp")
    if not _is_time(expires) or not now < expires <= now + LIFETIME_SECONDS_MAX + SKEW_SECONDS:
        raise _invalid("The assertion has expired, or expires more than 5 minutes from now")
    for name in ("nbf", "iat"):
        if name in claims and not (_is_time(claims[name]) and claims[name] <= now + SKEW_SECONDS):
            raise _invalid(f"{name} is in the future")


def _is_time(value: Any) -> TypeGuard[float]:
    """A NumericDate: a text is none, nor is NaN, which would be neither before nor after anything."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < TIME_MAX


def _unknown() -> NoReturn:
    raise _invalid("iss, kid and jku do not name one key of a registered client")


def _invalid(description: str) -> InvalidClientError:
    return InvalidClientError(description=description, status_code=401)
