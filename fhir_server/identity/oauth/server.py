"""authlib's server for one request: it has the transaction in which the request is answered.

https://docs.authlib.org/en/latest/oauth2/
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from authlib.oauth2.rfc6749 import AuthorizationServer

from fhir_server.auth.access import BREAK_GLASS
from fhir_server.identity import clients, families, people, sessions, sweeping
from fhir_server.identity.clients import Client
from fhir_server.identity.families import Family
from fhir_server.identity.granting import OFFLINE, ONLINE
from fhir_server.identity.issuer import Issuer, Lifetimes
from fhir_server.identity.oauth import authentication
from fhir_server.identity.oauth.assertion import METHOD as PRIVATE_KEY_JWT
from fhir_server.identity.oauth.assertion import AssertionMethod
from fhir_server.identity.oauth.backend_grant import BackendGrant
from fhir_server.identity.oauth.code_grant import CodeGrant, Launching
from fhir_server.identity.oauth.exchange import Answer, OAuthRequest, RegistrationRequest
from fhir_server.identity.oauth.id_token import IdToken
from fhir_server.identity.oauth.proof_key import ProofKey
from fhir_server.identity.oauth.refresh_grant import RefreshGrant
from fhir_server.identity.oauth.registration import Registration
from fhir_server.identity.oauth.token_endpoints import Introspection, Revocation
from fhir_server.identity.opaque import fresh
from fhir_server.identity.signing_keys import SigningKey, SigningKeys
from fhir_server.identity.transactions import Transaction

BACKEND: Final = "client_credentials"

logging.getLogger("authlib").setLevel(logging.WARNING)  # its debug lines hold the tokens it issues

Token = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is the same for all requests."""

    issuer: Issuer
    lifetimes: Lifetimes
    signing_keys: SigningKeys


class Server(AuthorizationServer):
    """`keys` is the JWKS of the client whose assertion is in the request, where there is one."""

    def __init__(self, deployment: Deployment, transaction: Transaction, keys: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.transaction = transaction
        self.issuer = deployment.issuer
        self.deployment = deployment
        self.has_revoked = False
        self.register_token_generator("default", self._bearer)
        self.register_grant(CodeGrant, [ProofKey(required=True), Launching(self), IdToken(self)])
        self.register_grant(RefreshGrant)
        self.register_grant(BackendGrant)
        self.register_endpoint(Introspection)
        self.register_endpoint(Revocation)
        self.register_endpoint(Registration)
        self._register_methods(keys)

    def _register_methods(self, keys: Mapping[str, Any] | None) -> None:
        for name, method in authentication.METHODS.items():
            self.register_client_auth_method(name, authentication.wary(method))
        by_assertion = AssertionMethod(self.transaction, self.issuer.endpoint("token"), keys)
        self.register_client_auth_method(PRIVATE_KEY_JWT, by_assertion)
        by_token = authentication.by_refresh_token(self.transaction)
        self.register_client_auth_method(authentication.REFRESH_TOKEN, by_token)
        self.register_client_auth_method(authentication.BEARER, authentication.by_bearer(self.transaction))

    def query_client(self, client_id: str) -> Client | None:
        return clients.find(self.transaction, client_id)

    def authenticate_client(self, request: OAuthRequest, methods: Sequence[str], endpoint: str = "token") -> Client:
        authentication.check_one_credential(request)
        client: Client = super().authenticate_client(request, methods, endpoint)
        authentication.check_same_client(request, client)
        request.client = client
        return client

    def signing_key(self) -> SigningKey:
        return self.deployment.signing_keys.active(self.transaction)

    def revoke(self, family: UUID, because: str) -> None:
        self.has_revoked = families.revoke(self.transaction, family, because) or self.has_revoked

    def still_entitled(self, family: Family) -> Family | None:
        """The family as the person is linked now; None where they are disabled, in another role, or logged out."""
        if family.person_id is None:
            return family
        person = people.one(self.transaction, people.FIND, (str(family.person_id),))
        if person is None or person.disabled or person.role != family.role:
            self.revoke(family.id, "the person is not entitled any more")
            return None
        if not family.is_of(OFFLINE) and family.is_of(ONLINE) and not self._is_logged_in(family):
            return None
        families.follow(self.transaction, family.id, person.patients)
        return families.find(self.transaction, family.id)

    def _is_logged_in(self, family: Family) -> bool:
        return self.transaction.execute(sessions.ALIVE, (family.session_id,)).fetchone() is not None

    def _bearer(self, grant_type: str, user: Family, scope: str, include_refresh_token: bool, **_: Any) -> Token:
        token = {
            "access_token": fresh(),
            "token_type": "Bearer",
            "expires_in": self._access_seconds(grant_type, user),
            "scope": scope,
            **user.context,
        }
        if "patient" in user.context:
            token["smart_style_url"] = self.issuer.endpoint("smart-style.json")
        if include_refresh_token and self._refresh_seconds(user):
            token["refresh_token"] = fresh()
        return token

    def save_token(self, token: Token, request: OAuthRequest) -> None:
        family: Family = request.user
        sweeping.tokens(self.transaction)
        seconds = token["expires_in"]
        families.add_access(self.transaction, token["access_token"], family.id, token["scope"], seconds)
        if "refresh_token" in token:
            generation = request.refresh_token.generation + 1 if request.refresh_token else 0
            seconds = self._refresh_seconds(family)
            families.add_refresh(self.transaction, token["refresh_token"], family.id, generation, seconds)

    def _access_seconds(self, grant_type: str, family: Family) -> int:
        lifetimes = self.deployment.lifetimes
        if family.purpose == BREAK_GLASS:
            return lifetimes.break_glass
        return lifetimes.backend_access if grant_type == BACKEND else lifetimes.access

    def _refresh_seconds(self, family: Family) -> int:
        """0: there is none. Whoever broke the glass has to do so again."""
        if family.purpose == BREAK_GLASS:
            return 0
        if family.is_of(OFFLINE):
            return self.deployment.lifetimes.offline_refresh
        return self.deployment.lifetimes.online_refresh if family.is_of(ONLINE) else 0

    def create_oauth2_request(self, request: OAuthRequest) -> OAuthRequest:
        return request

    def create_json_request(self, request: RegistrationRequest) -> RegistrationRequest:
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Answer:
        return Answer(status, body, dict(headers))

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens: endpoints.py records what happens."""
