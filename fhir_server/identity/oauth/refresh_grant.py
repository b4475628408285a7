"""A new access token for a refresh token, which is thereby used up and has one successor.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#refresh-access-token
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from fhir_server.identity import families
from fhir_server.identity.clients import Client
from fhir_server.identity.families import Family
from fhir_server.identity.granting import within, words
from fhir_server.identity.oauth.authentication import CONFIDENTIAL, REFRESH_TOKEN
from fhir_server.identity.opaque import digest

LOCK: Final = families.FIND_REFRESH + " FOR UPDATE OF r"


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A row of `refresh_token` with what its family was granted, and the questions that authlib asks of it."""

    hash: bytes
    family: UUID
    generation: int
    created: datetime
    expires: datetime
    used: datetime | None
    client_id: str
    scopes: str
    revoked: datetime | None
    expired: bool

    def check_client(self, client: Client) -> bool:
        return self.client_id == client.id

    def get_scope(self) -> str:
        return self.scopes

    def is_expired(self) -> bool:
        return self.expired

    def is_revoked(self) -> bool:
        return self.revoked is not None or self.used is not None


class RefreshGrant(RefreshTokenGrant):
    """authlib's, on our tables."""

    TOKEN_ENDPOINT_AUTH_METHODS = (*CONFIDENTIAL, "none", REFRESH_TOKEN)
    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        """A token that is shown again was stolen, and the thief or the app has its successor: the family dies.

        Not so where two requests were under way at once, one waiting for the other: that is one app in a hurry. The
        second gets nothing, the first keeps what it got. https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
        """
        transaction = self.server.transaction
        row = transaction.execute(LOCK, (digest(refresh_token),)).fetchone()
        token = RefreshToken(**row) if row else None
        if token is not None and token.used is not None and token.used < self.request.exchange.arrived:
            self.server.revoke(token.family, "a refresh token was used twice")
        return token if token is not None and not token.is_revoked() and not token.is_expired() else None

    def _validate_token_scope(self, token: RefreshToken) -> None:
        """authlib compares words; a scope within a granted one is none of them and asks for less."""
        asked = words(self.request.payload.scope or "")
        if within(asked, words(token.scopes)) != asked:
            raise InvalidScopeError("A refresh can narrow what was granted, and not widen it")

    def authenticate_user(self, refresh_token: RefreshToken) -> Family:
        family = families.find(self.server.transaction, refresh_token.family)
        entitled: Family | None = self.server.still_entitled(family) if family else None
        if entitled is None:
            raise InvalidGrantError("The person is not entitled any more, or has logged out")
        return entitled

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        self.server.transaction.execute(families.USE_REFRESH, (refresh_token.hash,))
