"""PKCE, S256 and nothing else, for every client.

https://www.rfc-editor.org/rfc/rfc7636, https://www.rfc-editor.org/rfc/rfc9700#section-2.1.1
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7636 import CodeChallenge


class ProofKeyRefused(InvalidRequestError):
    """Shown to the person, not sent to the app: an app without PKCE would not know whose code it got."""


class ProofKey(CodeChallenge):
    """authlib asks it of public clients only, takes `plain`, and takes a challenge without a method for it."""

    SUPPORTED_CODE_CHALLENGE_METHOD = ("S256",)

    def validate_code_challenge(self, grant: Any, redirect_uri: Any) -> None:
        asked = grant.request.payload.data
        if not asked.get("code_challenge"):
            raise ProofKeyRefused("Missing 'code_challenge'")
        if not asked.get("code_challenge_method"):
            raise ProofKeyRefused("Missing 'code_challenge_method': it has to be S256")
        try:
            super().validate_code_challenge(grant, redirect_uri)
        except InvalidRequestError as error:
            raise ProofKeyRefused(error.description) from error

    def validate_code_verifier(self, grant: Any, result: Any) -> None:
        if not grant.request.form.get("code_verifier"):
            raise InvalidRequestError("Missing 'code_verifier'")
        super().validate_code_verifier(grant, result)
