"""The authorization server over HTTP: requests in, answers out. What they mean is identity's.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html
"""

import html
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl
from uuid import uuid4

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from fhir_server.clock import Clock
from fhir_server.errors import Unavailable
from fhir_server.identity.oauth.endpoints import Endpoints
from fhir_server.identity.oauth.exchange import Answer, Exchange

BODY_BYTES_MAX: Final = 1024 * 1024
"""Largest body that is read (bytes)."""

PARAMETERS_MAX: Final = 100
"""Parameters of one request (parameters)."""

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"

NOT_STORED: Final = {"Cache-Control": "no-store", "Pragma": "no-cache", "X-Content-Type-Options": "nosniff"}

PAGE_HEADERS: Final = {
    **NOT_STORED,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}

PAGE: Final = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>This app cannot be let in</title></head>
<body><main><h1>This app cannot be let in</h1><p>{}</p>
<p>Go back to the app and start again. If this happens again, tell those who run the app what it says here.</p>
</main></body></html>
"""

STYLE: Final = {
    "color_background": "#ffffff",
    "color_error": "#b3261e",
    "color_highlight": "#0b57d0",
    "color_modal_backdrop": "",
    "color_success": "#146c2e",
    "color_text": "#1f1f1f",
    "dim_border_radius": "6px",
    "dim_font_size": "16px",
    "dim_spacing_size": "20px",
    "font_family_body": "system-ui, sans-serif",
    "font_family_heading": "system-ui, sans-serif",
}
"""https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html#styling."""

Handler = Callable[[Exchange], Awaitable[Answer]]


class Unreadable(Exception):
    """The request is not what the endpoint reads; the message says why."""


def oauth_routes(endpoints: Endpoints, clock: Clock, *, dynamic_registration: bool) -> list[Route]:
    """Everything below /auth that is not a page for people."""

    def post(name: str, handler: Handler) -> Route:
        return Route(f"/auth/{name}", partial(_json, clock=clock, handler=handler), methods=["POST"])

    async def jwks(_: Request) -> Response:
        return await _guarded(_jwks(endpoints))

    return [
        Route("/auth/authorize", partial(_authorize, clock=clock, endpoints=endpoints), methods=["GET", "POST"]),
        post("token", endpoints.token),
        post("introspect", endpoints.introspect),
        post("revoke", endpoints.revoke),
        post("launch", endpoints.launch),
        *([post("register", endpoints.register)] if dynamic_registration else []),
        Route("/auth/jwks", jwks, methods=["GET"]),
        Route("/auth/smart-style.json", _style, methods=["GET"]),
    ]


async def _authorize(request: Request, clock: Clock, endpoints: Endpoints) -> Response:
    try:
        exchange = await read(request, clock)
    except Unreadable as error:
        return page(str(error))
    return await _guarded(_shown(endpoints, exchange))


async def _shown(endpoints: Endpoints, exchange: Exchange) -> Response:
    answer = await endpoints.authorize(exchange)
    if answer.location is None:
        return page(str(answer.body))
    return Response(status_code=answer.status, headers={"Location": answer.location, **PAGE_HEADERS})


async def _json(request: Request, clock: Clock, handler: Handler) -> Response:
    try:
        exchange = await read(request, clock)
    except Unreadable as error:
        body = {"error": "invalid_request", "error_description": str(error)}
        return JSONResponse(body, 400, NOT_STORED)
    return await _guarded(_handled(handler, exchange))


async def _handled(handler: Handler, exchange: Exchange) -> Response:
    answer = await handler(exchange)
    return JSONResponse(answer.body, answer.status, {**answer.headers, **NOT_STORED})


async def _jwks(endpoints: Endpoints) -> Response:
    return JSONResponse(await endpoints.jwks(), headers={"Cache-Control": "public, max-age=3600"})


async def _style(_: Request) -> Response:
    return JSONResponse(STYLE, headers={"Cache-Control": "public, max-age=3600"})


async def _guarded(work: Awaitable[Response]) -> Response:
    try:
        return await work
    except Unavailable:
        body = {"error": "temporarily_unavailable", "error_description": "The database is away. Try again."}
        return JSONResponse(body, 503, {**NOT_STORED, "Retry-After": "1"})


def page(sentence: str) -> Response:
    """400 for a person to read; never a way on to where a stranger's parameter points."""
    return Response(PAGE.format(html.escape(sentence)), 400, PAGE_HEADERS, "text/html; charset=utf-8")


async def read(request: Request, clock: Clock) -> Exchange:
    """The request without its web framework; raises `Unreadable`."""
    arrived = clock.now()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await _body(request) if request.method == "POST" else b""
    if request.method == "POST" and kind != (JSON if request.url.path.endswith("/register") else FORM):
        raise Unreadable("The Content-Type is not the one this endpoint reads")
    return Exchange(
        method=request.method,
        parameters=_parameters(body.decode("utf-8", "replace") if kind == FORM else request.url.query),
        authorization=request.headers.get("authorization", ""),
        arrived=arrived,
        address=request.client.host if request.client else "",
        request_id=str(uuid4()),
        json=_object(body) if kind == JSON else {},
    )


def _parameters(text: str) -> tuple[tuple[str, str], ...]:
    """Those that have a value: RFC 6749, section 3.1, treats others as left out."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="replace", max_num_fields=PARAMETERS_MAX)
    except ValueError as error:
        raise Unreadable("There are too many parameters") from error
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise Unreadable("A parameter has a character that no parameter has")
    return tuple((name, value) for name, value in pairs if value)


def _object(body: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Unreadable("The body is not a JSON object") from error


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise Unreadable(f"The body is larger than {BODY_BYTES_MAX} bytes")
    return bytes(body)
