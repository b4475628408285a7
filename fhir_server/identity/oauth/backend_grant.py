"""A token for a system itself. https://hl7.org/fhir/smart-app-launch/STU2.2/backend-services.html."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant

from fhir_server.identity import families
from fhir_server.identity.granting import for_role, within, words
from fhir_server.identity.oauth.assertion import METHOD


class BackendGrant(ClientCredentialsGrant):
    """authlib's, for clients with keys only, and with as much of the asked scopes as the client may have."""

    TOKEN_ENDPOINT_AUTH_METHODS = (METHOD,)

    def create_token_response(self) -> Any:
        """authlib grants what is asked."""
        client = self.request.client
        scopes = for_role(within(words(self.request.payload.scope or ""), words(client.scopes)), client.role)
        if not scopes:
            raise InvalidScopeError("None of the scopes is one that the client may have")
        new = families.NewFamily(client.id, f"Client/{client.id}", client.role, scopes)
        transaction = self.server.transaction
        self.request.user = families.find(transaction, families.add(transaction, new))
        token = self.generate_token(user=self.request.user, scope=" ".join(scopes), include_refresh_token=False)
        self.save_token(token)
        return 200, token, self.TOKEN_RESPONSE_HEADER
