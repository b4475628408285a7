"""From a code to tokens, once. https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#obtain-access-token."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnsupportedResponseTypeError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant

from fhir_server.identity import families
from fhir_server.identity.clients import Client
from fhir_server.identity.families import Family
from fhir_server.identity.granting import within, words
from fhir_server.identity.oauth.authentication import CONFIDENTIAL
from fhir_server.identity.opaque import digest

FIND_CODE: Final = """
SELECT c.*, f.scopes, f.nonce FROM authorization_code c JOIN token_family f ON f.id = c.family
WHERE c.hash = %s FOR UPDATE OF c
"""
IS_ALIVE: Final = "SELECT %s > clock_timestamp() AS alive"
USE_CODE: Final = "UPDATE authorization_code SET used = clock_timestamp() WHERE hash = %s"

RESPONSE_TYPE: Final = "code"


@dataclass(frozen=True, slots=True)
class Code:
    """A row of `authorization_code` and what its family was granted, with the questions that authlib asks of it."""

    hash: bytes
    family: UUID
    client_id: str
    redirect_uri: str
    code_challenge: str
    created: datetime
    expires: datetime
    used: datetime | None
    scopes: str
    nonce: str | None

    @property
    def code_challenge_method(self) -> str:
        return "S256"

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scopes

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        """When the person decided, which takes being logged in (seconds since 1970)."""
        return int(self.created.timestamp())

    def get_acr(self) -> None:
        return

    def get_amr(self) -> None:
        return


class CodeGrant(AuthorizationCodeGrant):
    """authlib's, on our tables. `request.user` is the family: the decision a token comes from."""

    TOKEN_ENDPOINT_AUTH_METHODS = (*CONFIDENTIAL, "none")

    @classmethod
    def check_authorization_endpoint(cls, _request: Any) -> bool:
        """Always: a response_type other than `code` is refused by `Launching`, after the redirect_uri was checked."""
        return True

    @staticmethod
    def validate_authorization_redirect_uri(request: Any, client: Client) -> str:
        """authlib quotes the URI in its error, which fails for most URIs that are wrong."""
        asked = request.payload.redirect_uri
        if not asked or not client.check_redirect_uri(asked):
            raise InvalidRequestError("redirect_uri is not one that the client has registered")
        return str(asked)

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """A code that is used twice was stolen once: what came of it is revoked.

        https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2
        """
        transaction = self.server.transaction
        row = transaction.execute(FIND_CODE, (digest(code),)).fetchone()
        if row is None:
            return None
        found = Code(**row)
        if found.used is not None:
            self.server.revoke(found.family, "its code was used twice")
            return None
        alive = transaction.execute(IS_ALIVE, (found.expires,)).fetchone()["alive"]
        return found if alive and found.client_id == client.id else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """It stays, as used."""
        self.server.transaction.execute(USE_CODE, (authorization_code.hash,))

    def authenticate_user(self, authorization_code: Code) -> Family | None:
        family = families.find(self.server.transaction, authorization_code.family)
        return self.server.still_entitled(family) if family else None


class Launching:
    """What SMART asks of an authorization request beyond OAuth 2.0; an extension, as authlib has them."""

    def __init__(self, server: Any) -> None:
        self._server = server

    def __call__(self, grant: Any) -> None:
        grant.register_hook("after_validate_authorization_request_payload", self.validate)

    def validate(self, grant: Any, _result: Any) -> None:
        request = grant.request
        if request.payload.response_type != RESPONSE_TYPE:
            error = UnsupportedResponseTypeError(RESPONSE_TYPE)
            error.description = "The response_type is code"
            raise error
        if not self._server.issuer.is_audience(request.payload.data.get("aud")):
            raise InvalidRequestError("aud has to be the base URL of this server")
        request.scope = " ".join(within(words(request.payload.scope or ""), words(request.client.scopes)))
        if not request.scope:
            raise InvalidScopeError("None of the scopes is one that the client may ask for")
