"""Introspection and revocation. https://www.rfc-editor.org/rfc/rfc7662, https://www.rfc-editor.org/rfc/rfc7009."""

from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from fhir_server.identity import families
from fhir_server.identity.clients import Client
from fhir_server.identity.families import Family
from fhir_server.identity.granting import OPENID
from fhir_server.identity.oauth.authentication import BEARER, CONFIDENTIAL
from fhir_server.identity.oauth.id_token import identity_claims
from fhir_server.identity.oauth.refresh_grant import RefreshToken
from fhir_server.identity.opaque import digest
from fhir_server.identity.transactions import Transaction

INTROSPECTION: Final = "introspection"
REVOCATION: Final = "revocation"


@dataclass(frozen=True, slots=True)
class ShownToken:
    """An access or refresh token that is alive, and its family."""

    hash: bytes
    family: Family
    scopes: str
    expires: int
    issued: int
    is_refresh: bool

    def check_client(self, client: Client) -> bool:
        return self.family.client_id == client.id

    def is_expired(self) -> bool:
        """Never: `shown` finds none that is."""
        return False

    def is_revoked(self) -> bool:
        return False


def shown(transaction: Transaction, token: str) -> ShownToken | None:
    """The token, whatever it was hinted to be; None for one that is over."""
    row = transaction.execute(families.FIND_ACCESS, (digest(token),)).fetchone()
    is_refresh = row is None
    if row is None:
        row = transaction.execute(families.FIND_REFRESH, (digest(token),)).fetchone()
        alive = row is not None and not RefreshToken(**row).is_revoked() and not row["expired"]
        row = row if alive else None
    family = families.find(transaction, row["family"]) if row else None
    if row is None or family is None:
        return None
    expires, issued = int(row["expires"].timestamp()), int(row["created"].timestamp())
    return ShownToken(row["hash"], family, row["scopes"], expires, issued, is_refresh)


class Introspection(IntrospectionEndpoint):
    """For clients that an operator has given the right to; they see every token.

    https://hl7.org/fhir/smart-app-launch/STU2.2/token-introspection.html
    """

    CLIENT_AUTH_METHODS = (*CONFIDENTIAL, BEARER)

    def authenticate_endpoint_client(self, request: Any) -> Client:
        client: Client = super().authenticate_endpoint_client(request)
        if not client.may_introspect:
            raise InvalidClientError(description="The client may not introspect tokens", status_code=403)
        return client

    def query_token(self, token_string: str, _token_type_hint: str | None) -> ShownToken | None:
        return shown(self.server.transaction, token_string)

    def check_permission(self, _token: ShownToken, client: Client, _request: Any) -> bool:
        return client.may_introspect

    def introspect_token(self, token: ShownToken) -> dict[str, Any]:
        base_url = self.server.issuer.base_url
        claims = {"iss": base_url, **identity_claims(token.family, base_url)} if token.family.is_of(OPENID) else {}
        return {
            "active": True,
            "scope": token.scopes,
            "client_id": token.family.client_id,
            "exp": token.expires,
            "iat": token.issued,
            "aud": base_url,
            **({} if token.is_refresh else {"token_type": "Bearer"}),
            **token.family.context,
            **claims,
        }


class Revocation(RevocationEndpoint):
    """An access token alone, a refresh token with all of its family."""

    CLIENT_AUTH_METHODS = (*CONFIDENTIAL, "none")

    def query_token(self, token_string: str, _token_type_hint: str | None) -> ShownToken | None:
        return shown(self.server.transaction, token_string)

    def revoke_token(self, token: ShownToken, _request: Any) -> None:
        transaction = self.server.transaction
        if token.is_refresh:
            self.server.revoke(token.family.id, "the client revoked its refresh token")
        else:
            transaction.execute(families.REVOKE_ACCESS, (token.hash,))
