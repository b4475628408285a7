"""A server with authorization in this process; its tokens are what the test says they are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from fhir_server.auth.access import Access
from fhir_server.auth.roles import Role
from fhir_server.auth.scopes import parse_scopes
from fhir_server.main import create_app
from fhir_server.settings import Settings
from fhir_server.wiring import Parts, build
from tests.running.galenic import CURSOR_KEY, INDEX_KEY

BASE = "http://127.0.0.1:8080/fhir"


class Tokens:
    """Checks tokens in place of the authorization server; `add` makes one."""

    def __init__(self) -> None:
        self._known: dict[str, Access] = {}

    async def check(self, token: str) -> Access | None:
        return self._known.get(token)

    def add(self, scopes: str, role: Role = "integration", **context: Any) -> str:
        token = f"token-{len(self._known)}"
        access = Access(f"Practitioner/{role}", "app", role, parse_scopes(scopes), **context)
        self._known[token] = replace(access, token_id=token)
        return token

    def of_patient(self, patient: str, scopes: str = "patient/*.cruds") -> str:
        return self.add(scopes, "patient", patient=patient, patients=(patient,))

    def revoke(self, token: str) -> None:
        del self._known[token]


class Closed:
    """Clients of the server, by their tokens."""

    def __init__(self, app: Any, tokens: Tokens, parts: Parts) -> None:
        self._app = app
        self.tokens = tokens
        self.parts = parts

    def client(self, token: str = "") -> httpx.AsyncClient:
        headers = {"Content-Type": "application/fhir+json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        transport = httpx.ASGITransport(self._app)
        return httpx.AsyncClient(transport=transport, base_url=BASE, headers=headers)

    def system(self, scopes: str = "system/*.cruds") -> httpx.AsyncClient:
        return self.client(self.tokens.add(scopes))

    def patient(self, patient: str, scopes: str = "patient/*.cruds") -> httpx.AsyncClient:
        return self.client(self.tokens.of_patient(patient, scopes))


def parts_of(app_url: str, **settings: Any) -> Parts:
    return build(
        Settings(
            database_url=app_url, index_key=INDEX_KEY, cursor_key=CURSOR_KEY, **{"client_requests_max": 0, **settings}
        )
    )


@asynccontextmanager
async def closed(app_url: str, **settings: Any) -> AsyncIterator[Closed]:
    """The server on a migrated database."""
    parts, tokens = parts_of(app_url, **settings), Tokens()
    app = create_app(replace(parts, server=replace(parts.server, access=tokens)))
    async with app.router.lifespan_context(app):
        yield Closed(app, tokens, parts)
