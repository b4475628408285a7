"""The ASGI application: the FHIR API under the base path, health and the pharmacy's own API beside it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.routing import Mount, Route, WebSocketRoute

from fhir_server.health import health_routes
from fhir_server.rest.application import FhirApplication
from fhir_server.storage.index_key import check_index_key
from fhir_server.web.brands import brand_routes
from fhir_server.web.cors import Cors
from fhir_server.web.discovery import discovery_routes
from fhir_server.web.oauth import oauth_routes
from fhir_server.web.pace import Paced
from fhir_server.web.pages import page_routes
from fhir_server.web.script import script_routes
from fhir_server.web.websocket import PATH
from fhir_server.wiring import Parts, from_environment


def create_app(parts: Parts | None = None) -> FastAPI:
    """The application of one process, of the parts handed in or of what the environment says."""
    parts = parts or from_environment()
    database, identity = parts.server.database, parts.identity

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await database.open()
        await check_index_key(database, parts.hasher)
        identity.transactions.open()
        parts.server.refusals.start()
        yield
        await parts.server.refusals.close()
        identity.transactions.close()
        await database.close()

    app = FastAPI(title="Galenic", lifespan=lifespan, docs_url=None, redoc_url=None)
    base_path = urlsplit(parts.server.base_url).path
    fhir = FhirApplication(parts.server, parts.body_limits, base_path, parts.observe)
    below = Mount(base_path, fhir)
    below.path_regex = re.compile(below.path_regex.pattern, re.DOTALL)  # an escaped line break is part of a path
    app.add_middleware(Paced, rates=parts.server.rates)
    app.add_middleware(Cors, origins=identity.origins, base_path=base_path)
    registers = identity.dynamic_registration
    app.router.redirect_slashes = False  # the base is served with and without its slash
    app.router.routes[:0] = [
        *health_routes(database, parts.redis_url),
        *discovery_routes(identity.deployment.issuer, base_path, identity.brands, dynamic_registration=registers),
        *page_routes(parts.desk),
        *brand_routes(identity.brands),
        *script_routes(parts.gateway),
        *oauth_routes(identity.endpoints, database.clock, dynamic_registration=registers),
        WebSocketRoute(f"{base_path}{PATH}", parts.websocket),
        *([Route(base_path, fhir)] if base_path else []),
        below,
    ]
    return app
