"""Who sends a request: the access token of its Authorization header. https://www.rfc-editor.org/rfc/rfc6750."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from fhir_server.auth.access import TREATMENT, Access
from fhir_server.auth.context import Context
from fhir_server.auth.grant import EVERYTHING, Grant, grant_of
from fhir_server.errors import Unauthorized

ANONYMOUS: Final = "anonymous"

GRANTS_KEPT: Final = 1_024
"""Grants that are kept for the next request with the same token (grants)."""

TOKEN_CHARACTERS_MAX: Final = 8_192
"""A longer token is none of ours (characters)."""

CHALLENGE: Final = 'Bearer realm="Galenic"'

_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*) *\Z", re.IGNORECASE)


class AccessCheck(Protocol):
    async def check(self, token: str) -> Access | None:
        """What the token stands for; None where it is unknown, expired or revoked."""


@dataclass(frozen=True, slots=True)
class Caller:
    context: Context
    grant: Grant


def anonymous(request_id: str, address: str) -> Caller:
    """Of a server without authorization."""
    return Caller(Context(ANONYMOUS, ANONYMOUS, TREATMENT, request_id, address=address), EVERYTHING)


async def identify(check: AccessCheck, headers: Mapping[str, str], request_id: str, address: str) -> Caller:
    """Raises `Unauthorized` where there is no token, or none that is valid."""
    given = headers.get("authorization")
    if given is None:
        raise Unauthorized("This needs an access token", headers={"WWW-Authenticate": CHALLENGE})
    bearer = _BEARER.match(given) if len(given) <= TOKEN_CHARACTERS_MAX else None
    access = await check.check(bearer[1]) if bearer else None
    if access is None:
        challenge = f'{CHALLENGE}, error="invalid_token"'
        raise Unauthorized("The access token is unknown, expired or revoked", headers={"WWW-Authenticate": challenge})
    context = Context(
        access.actor,
        access.client,
        access.purpose,
        request_id,
        access.role,
        access.reason,
        access.token_id,
        address,
    )
    return Caller(context, _grant(access))


_grant = lru_cache(GRANTS_KEPT)(grant_of)
