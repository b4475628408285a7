"""id_tokens: who the person is, signed RS256.

https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#scopes-for-requesting-identity-data
"""

from typing import Any

from authlib.oidc.core import OpenIDCode
from joserfc.jwk import RSAKey

from fhir_server.identity.clients import Client
from fhir_server.identity.families import Family
from fhir_server.identity.granting import FHIR_USER


class IdToken(OpenIDCode):
    """authlib's, with the key that signs now. The nonce is the client's to check."""

    def __init__(self, server: Any) -> None:
        super().__init__()
        self._server = server

    def exists_nonce(self, _nonce: str, _request: Any) -> bool:
        """Never: a code is used once, and so is its nonce."""
        return False

    def resolve_client_private_key(self, _client: Client) -> RSAKey:
        key: RSAKey = self._server.signing_key().key
        return key

    def get_encode_header(self, _client: Client) -> dict[str, str]:
        return {"alg": "RS256", "kid": self._server.signing_key().id}

    def get_client_algorithm(self, _client: Client) -> str:
        return "RS256"

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": self._server.issuer.base_url, "aud": client.id}

    def generate_user_info(self, user: Family, _scope: str) -> dict[str, str]:
        return identity_claims(user, self._server.issuer.base_url)


def identity_claims(family: Family, base_url: str) -> dict[str, str]:
    """`sub` is the person's id here, `fhirUser` the URL of who they are in FHIR."""
    claims = {"sub": str(family.person_id)}
    if family.is_of(FHIR_USER):
        claims["fhirUser"] = f"{base_url}/{family.actor}"
    return claims
