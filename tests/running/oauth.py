"""Tokens for tests: whole launches without a browser, and systems with keys of their own.

    token = access_token(galenic, scopes="patient/*.rs", patient="1")
    token = backend_token(galenic, scopes="system/*.cruds")

What the pages for people do is done in the database, by `Authorizations`.
"""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit
from uuid import uuid4

import httpx
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from fhir_server.auth.roles import SECOND_FACTOR, Role
from fhir_server.identity import people, registry
from fhir_server.identity.authorization import Authorizations, Decision
from fhir_server.identity.issuer import Issuer, Lifetimes
from fhir_server.identity.opaque import fresh
from fhir_server.identity.people import NewPerson, Person
from fhir_server.identity.registry import NewClient, Registered
from fhir_server.identity.transactions import Transaction, Transactions
from tests.running.galenic import Galenic

CALLBACK = "https://app.example.org/callback"
EVERYTHING = (
    "openid fhirUser launch launch/patient launch/encounter online_access offline_access patient/*.cruds user/*.cruds"
)
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # loads no certificates, which takes longer than a request
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@contextmanager
def transactions(galenic: Galenic) -> Iterator[Transactions]:
    made = Transactions(galenic.environment["GALENIC_DATABASE_URL"], 2)
    made.open()
    try:
        yield made
    finally:
        made.close()


@contextmanager
def transaction(galenic: Galenic) -> Iterator[Transaction]:
    with transactions(galenic) as made, made.begin() as one:
        yield one


def issuer(galenic: Galenic) -> Issuer:
    return Issuer(galenic.environment.get("GALENIC_BASE_URL", galenic.base_url))


def endpoint(galenic: Galenic, name: str) -> str:
    return f"{galenic.root_url}/auth/{name}"


def send(method: str, url: str, source: str | None = None, **more: Any) -> httpx.Response:
    """One request on a connection of its own, from an address of this machine's that may be chosen."""
    with httpx.Client(timeout=30, transport=httpx.HTTPTransport(NO_TLS, local_address=source)) as client:
        return client.request(method, url, **more)


def register(galenic: Galenic, **values: Any) -> Registered:
    """A public app that may ask for everything, unless told otherwise."""
    given = {"name": "A test app", "kind": "public", "scopes": EVERYTHING, "redirect_uris": (CALLBACK,), **values}
    with transaction(galenic) as one:
        return registry.add(one, NewClient(**given))


def a_person(galenic: Galenic, role: Role, patient: str | None = None) -> Person:
    """Somebody new in a role; a patient is the one whose id is given, a caregiver cares for them."""
    own = {"patient": f"Patient/{patient}", "caregiver": f"RelatedPerson/{uuid4()}"}
    new = NewPerson(
        login=f"{role}-{uuid4()}",
        display_name="Test Person",
        role=role,
        fhir_user=own.get(role, f"Practitioner/{uuid4()}"),
        patients=(str(patient),) if role in own else (),
    )
    with transaction(galenic) as one:
        return people.add(one, new, None)


def a_session(galenic: Galenic, person: Person) -> str:
    """The id of a session of a person who is logged in."""
    with transaction(galenic) as one:
        row = one.execute(
            "INSERT INTO login_session (cookie_hash, person, request, expires, second_factor) VALUES (%s, %s, '',"
            " clock_timestamp() + interval '1 hour', %s) RETURNING id::text",
            (fresh().encode(), person.id, "now" if person.role in SECOND_FACTOR else None),
        ).fetchone()
    assert row is not None
    return str(row["id"])


@dataclass
class App:
    """An app of a registered client, in the hands of a person."""

    galenic: Galenic
    client_id: str
    redirect_uri: str = CALLBACK
    secret: str = ""
    verifier: str = field(default_factory=lambda: fresh() + fresh())
    source: str | None = None

    def request(self, scopes: str, **more: str | None) -> dict[str, str]:
        """The parameters of an authorization request; None leaves one out."""
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": scopes,
            "state": "a state",
            "aud": issuer(self.galenic).base_url,
            "code_challenge": create_s256_code_challenge(self.verifier),
            "code_challenge_method": "S256",
            **more,
        }
        return {name: value for name, value in asked.items() if value is not None}

    def authorize(self, scopes: str, **more: str | None) -> httpx.Response:
        asked = self.request(scopes, **more)
        return send("GET", endpoint(self.galenic, "authorize"), self.source, params=asked)

    def ask(self, scopes: str, **more: str | None) -> str:
        """The id of an authorization request."""
        answer = self.authorize(scopes, **more)
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))["request"]

    def approve(self, request_id: str, person: Person, **chosen: Any) -> dict[str, str]:
        """What comes back to the app when the person grants all of it, or `chosen`."""
        with transactions(self.galenic) as made:
            authorizations = Authorizations(made, issuer(self.galenic), Lifetimes())
            pending = authorizations.pending(request_id)
            assert pending is not None
            given = {
                "person_id": person.id,
                "actor": person.fhir_user,
                "role": person.role,
                "patients": person.patients,
                "patient": None,
                "encounter": None,
                "scopes": pending.scopes,
                "session_id": a_session(self.galenic, person),
                **chosen,
            }
            url = authorizations.approve(request_id, Decision(**given))
        assert url.startswith(self.redirect_uri)
        return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))

    def code(self, scopes: str, person: Person, patient: str | None = None, **more: str | None) -> str:
        back = self.approve(self.ask(scopes, **more), person, patient=patient)
        return back["code"]

    def exchange(self, code: str, **more: str | None) -> httpx.Response:
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "client_id": self.client_id,
            "code_verifier": self.verifier,
            **more,
        }
        return self.token(**asked)

    def refresh(self, refresh_token: str, **more: str | None) -> httpx.Response:
        asked = {"grant_type": "refresh_token", "refresh_token": refresh_token, "client_id": self.client_id, **more}
        return self.token(**asked)

    def token(self, **asked: str | None) -> httpx.Response:
        credentials = (self.client_id, self.secret) if self.secret else None
        form = {name: value for name, value in asked.items() if value is not None}
        return send("POST", endpoint(self.galenic, "token"), self.source, data=form, auth=credentials)

    def tokens(self, scopes: str, person: Person, patient: str | None = None, **more: str | None) -> dict[str, Any]:
        """The token response of a whole launch."""
        answer = self.exchange(self.code(scopes, person, patient, **more))
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@dataclass
class Backend:
    """A system with a key, registered with its JWKS."""

    galenic: Galenic
    client_id: str
    key: RSAKey | ECKey

    @property
    def algorithm(self) -> str:
        return "RS384" if isinstance(self.key, RSAKey) else "ES384"

    def claims(self, **more: Any) -> dict[str, Any]:
        """Of an assertion; None leaves one out."""
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": f"{issuer(self.galenic).origin}/auth/token",
            "exp": int(time.time()) + 290,
            "jti": fresh(),
            **more,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def assertion(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        made = {"alg": self.algorithm, "kid": self.key.kid, "typ": "JWT", **(header or {})}
        return jwt.encode(made, self.claims(**claims), self.key, algorithms=[made["alg"]])

    def form(self, scopes: str, assertion: str | None = None, **more: str) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "scope": scopes,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": assertion or self.assertion(),
            **more,
        }

    def ask(self, scopes: str, assertion: str | None = None, **more: str) -> httpx.Response:
        return send("POST", endpoint(self.galenic, "token"), data=self.form(scopes, assertion, **more))


def jwks(*keys: RSAKey | ECKey) -> dict[str, Any]:
    return {"keys": [{**key.as_dict(private=False), "kid": key.kid} for key in keys]}


def a_backend(galenic: Galenic, key: RSAKey | ECKey | None = None, **values: Any) -> Backend:
    key = key or ECKey.generate_key("P-384", auto_kid=True)
    given = {
        "name": "A test system",
        "kind": "confidential-asymmetric",
        "scopes": "system/*.cruds",
        "redirect_uris": (),
        "role": "integration",
        "jwks": jwks(key),
        **values,
    }
    return Backend(galenic, register(galenic, **given).id, key)


def access_token(
    galenic: Galenic, scopes: str = "user/*.cruds", patient: str | None = None, role: Role = "pharmacist"
) -> str:
    """Of a person in a role, with a patient in the launch context where one is named."""
    app = App(galenic, register(galenic).id)
    return str(app.tokens(scopes, a_person(galenic, role, patient), patient)["access_token"])


def backend_token(galenic: Galenic, scopes: str = "system/*.cruds") -> str:
    """Of a system in the role `integration`."""
    answer = a_backend(galenic).ask(scopes)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])
