"""Dynamic registration: apps register themselves, as apps for people and as nothing more.

https://www.rfc-editor.org/rfc/rfc7591
"""

import time
from collections.abc import Mapping
from typing import Any, Final

from authlib.oauth2.rfc7591 import ClientMetadataClaims, ClientRegistrationEndpoint, InvalidClientMetadataError

from fhir_server.auth.scopes import parse_scope
from fhir_server.errors import GalenicError
from fhir_server.identity import registry
from fhir_server.identity.clients import Kind
from fhir_server.identity.granting import WORDS, words
from fhir_server.identity.oauth.exchange import RegistrationRequest, plain
from fhir_server.identity.registry import NewClient, Registered

REGISTRATION: Final = "client_registration"

KINDS: Final[Mapping[str, Kind]] = {
    "none": "public",
    "client_secret_basic": "confidential-symmetric",
    "client_secret_post": "confidential-symmetric",
    "private_key_jwt": "confidential-asymmetric",
}

GRANT_TYPES: Final = frozenset({"authorization_code", "refresh_token"})
TEXTS: Final = ("token_endpoint_auth_method", "client_name", "client_uri", "logo_uri", "scope", "jwks_uri")
LISTS: Final = ("redirect_uris", "grant_types", "response_types")


class Registration(ClientRegistrationEndpoint):
    """authlib's, with our checks: what an operator could not register, an app cannot."""

    def __init__(self, server: Any) -> None:
        super().__init__(server, [ClientMetadataClaims])
        self._metadata: dict[str, Any] = {}
        self._registered: Registered | None = None

    def authenticate_token(self, _request: RegistrationRequest) -> bool:
        """Open to everybody where GALENIC_DYNAMIC_REGISTRATION is on; there is no such endpoint where it is off."""
        return True

    def get_server_metadata(self) -> dict[str, Any]:
        return {
            "grant_types_supported": sorted(GRANT_TYPES),
            "response_types_supported": ["code"],
            "token_endpoint_auth_methods_supported": sorted(KINDS),
        }

    def extract_client_metadata(self, request: RegistrationRequest) -> dict[str, Any]:
        """authlib takes values of any JSON type, and refuses scopes it does not know instead of leaving them out."""
        _check_types(request.payload.data)
        metadata: dict[str, Any] = super().extract_client_metadata(request)
        asked = words(str(metadata.get("scope", "")))
        metadata["scope"] = " ".join(word for word in asked if _is_for_people(word))
        self._metadata = metadata
        return metadata

    def generate_client_info(self, _request: RegistrationRequest) -> dict[str, Any]:
        """Registers the client: its id and secret are the registry's."""
        metadata = self._metadata
        new = NewClient(
            name=metadata.get("client_name", "An app that gave no name"),
            kind=KINDS[metadata["token_endpoint_auth_method"]],
            scopes=metadata["scope"],
            redirect_uris=tuple(metadata.get("redirect_uris", ())),
            uri=metadata.get("client_uri"),
            logo_uri=metadata.get("logo_uri"),
            jwks=metadata.get("jwks"),
            jwks_uri=metadata.get("jwks_uri"),
            self_registered=True,
        )
        try:
            self._registered = registry.add(self.server.transaction, new)
        except GalenicError as error:
            raise InvalidClientMetadataError(plain(error.message)) from error
        info: dict[str, Any] = {"client_id": self._registered.id, "client_id_issued_at": int(time.time())}
        if self._registered.secret:
            info |= {"client_secret": self._registered.secret, "client_secret_expires_at": 0}
        return info

    def save_client(self, _info: Any, _metadata: Any, _request: RegistrationRequest) -> Registered | None:
        """It is saved."""
        return self._registered


def _check_types(data: Mapping[str, Any]) -> None:
    for name in TEXTS:
        if not isinstance(data.get(name, ""), str):
            raise InvalidClientMetadataError(f"{name} is a text")
    for name in LISTS:
        values = data.get(name, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            raise InvalidClientMetadataError(f"{name} is a list of texts")
    if not isinstance(data.get("jwks", {}), dict):
        raise InvalidClientMetadataError("jwks is an object")


def _is_for_people(word: str) -> bool:
    """Systems are registered by an operator."""
    scope = parse_scope(word)
    return word in WORDS if scope is None else scope.level != "system"
