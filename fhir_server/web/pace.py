"""Logins, grants and tokens are asked for at a pace, by address: each leaves a record."""

from typing import Any, Final

from starlette.responses import JSONResponse

from fhir_server.errors import TooMany
from fhir_server.rates import Rates

PREFIX: Final = "/auth/"
TOO_MANY_REQUESTS: Final = 429


class Paced:
    """An ASGI middleware for what is below PREFIX."""

    def __init__(self, app: Any, rates: Rates) -> None:
        self._app = app
        self._rates = rates

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            try:
                self._rates.take(f"address {(scope.get('client') or [''])[0]}")
            except TooMany as error:
                told = {"error": "temporarily_unavailable", "error_description": error.message}
                await JSONResponse(told, TOO_MANY_REQUESTS, error.headers)(scope, receive, send)
                return
        await self._app(scope, receive, send)
