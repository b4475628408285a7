"""How clients say who they are. authlib's methods, each kept from saying which clients exist, one at a time.

https://www.rfc-editor.org/rfc/rfc6749#section-2.3
"""

from collections.abc import Callable
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidClientError, InvalidRequestError
from authlib.oauth2.rfc6749.authenticate_client import (
    authenticate_client_secret_basic,
    authenticate_client_secret_post,
    authenticate_none,
)

from fhir_server.identity import families
from fhir_server.identity.clients import Client, waste_time
from fhir_server.identity.oauth.assertion import METHOD as PRIVATE_KEY_JWT
from fhir_server.identity.oauth.exchange import OAuthRequest
from fhir_server.identity.opaque import digest
from fhir_server.identity.transactions import Transaction

CONFIDENTIAL: Final = (PRIVATE_KEY_JWT, "client_secret_basic", "client_secret_post")
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - the name of a method
BEARER: Final = "bearer"

Find = Callable[[str], Client | None]
Method = Callable[[Find, OAuthRequest], Client | None]

METHODS: Final[dict[str, Method]] = {
    "none": authenticate_none,
    "client_secret_basic": authenticate_client_secret_basic,
    "client_secret_post": authenticate_client_secret_post,
}


def wary(method: Method) -> Method:
    """authlib answers at once for a client that does not exist, and fails on a header that is not UTF-8."""

    def authenticate(find: Find, request: OAuthRequest) -> Client | None:
        def find_slowly(client_id: str) -> Client | None:
            client = find(client_id)
            if client is None:
                waste_time(client_id)
            return client

        try:
            return method(find_slowly, request)
        except UnicodeDecodeError:
            return None

    return authenticate


def by_refresh_token(transaction: Transaction) -> Method:
    """A public client that shows its refresh token and does not name itself, as fhirclient.js does not."""

    def authenticate(find: Find, request: OAuthRequest) -> Client | None:
        token = request.form.get("refresh_token")
        if not token or "client_id" in request.form or request.exchange.authorization:
            return None
        row = transaction.execute(families.FIND_REFRESH, (digest(token),)).fetchone()
        return find(row["client_id"]) if row else None

    return authenticate


def by_bearer(transaction: Transaction) -> Method:
    """A client that shows an access token of its own."""

    def authenticate(find: Find, request: OAuthRequest) -> Client | None:
        kind, _, token = request.exchange.authorization.partition(" ")
        if kind.lower() != "bearer":
            return None
        row = transaction.execute(families.FIND_ACCESS, (digest(token.strip()),)).fetchone()
        return find(row["client_id"]) if row else None

    return authenticate


def check_one_credential(request: OAuthRequest) -> None:
    """A client must not use more than one method; raises `InvalidRequestError`."""
    form: Any = request.form
    given = (request.exchange.authorization, form.get("client_secret"), form.get("client_assertion"))
    if sum(1 for credential in given if credential) > 1:
        raise InvalidRequestError("More than one way to authenticate was used")


def check_same_client(request: OAuthRequest, client: Client) -> None:
    """Who is named in the form is who has authenticated; raises `InvalidClientError`."""
    named = request.form.get("client_id")
    if named is not None and named != client.id:
        raise InvalidClientError(description="client_id is not the client that authenticated", status_code=401)
