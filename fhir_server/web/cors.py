"""CORS: discovery for pages of every origin, the rest for those of registered clients.

https://hl7.org/fhir/smart-app-launch/STU2.2/app-launch.html#considerations-for-cross-origin-resource-sharing-cors-support
"""

from collections.abc import Iterable
from typing import Any, Final

from fhir_server.errors import GalenicError
from fhir_server.identity.origins import Origins
from fhir_server.web.brands import PATH as BRANDS

METHODS: Final = "GET, HEAD, POST, PUT, PATCH, DELETE"
HEADERS: Final = (
    "Authorization, Content-Type, Accept, Prefer, If-Match, If-None-Match, If-None-Exist, If-Modified-Since, "
    "X-Request-Id"
)
EXPOSED: Final = (
    "ETag, Location, Content-Location, Last-Modified, Retry-After, WWW-Authenticate, X-Progress, X-Request-Id"
)
PREFLIGHT_SECONDS: Final = 600
"""How long a browser may remember what it was allowed (seconds)."""

NO_CONTENT: Final = 204

ENDPOINTS: Final = frozenset({"/auth/token", "/auth/introspect", "/auth/revoke", "/auth/register"})

RawHeaders = list[tuple[bytes, bytes]]


class Cors:
    """An ASGI middleware, for the API below `base_path` and the endpoints of the authorization server.

    Pages for people are for no other page to read.
    """

    def __init__(self, app: Any, origins: Origins, base_path: str) -> None:
        self._app = app
        self._origins = origins
        self._base_path = base_path
        self._public = public_paths(base_path)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        origin = _header(scope, b"origin") if scope["type"] == "http" else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        allowed = await self._allowed(scope["path"], origin)
        if allowed and scope["method"] == "OPTIONS" and _header(scope, b"access-control-request-method"):
            await _preflight(send, allowed)
            return
        await self._app(scope, receive, _with(send, _answer_headers(allowed)))

    async def _allowed(self, path: str, origin: str) -> str | None:
        """What Access-Control-Allow-Origin says; None: nothing."""
        if path in self._public:
            return "*"
        if path not in ENDPOINTS and path != self._base_path and not path.startswith(f"{self._base_path}/"):
            return None
        try:
            return origin if await self._origins.has(origin) else None
        except GalenicError:
            return None


def public_paths(base_path: str) -> frozenset[str]:
    """Where discovery is."""
    documents = (".well-known/smart-configuration", ".well-known/openid-configuration", "metadata")
    return frozenset({f"{base_path}/{name}" for name in documents} | {"/auth/jwks", "/auth/smart-style.json", BRANDS})


def _header(scope: Any, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), None)


async def _preflight(send: Any, allowed: str) -> None:
    headers = [
        *_answer_headers(allowed),
        (b"access-control-allow-methods", METHODS.encode()),
        (b"access-control-allow-headers", HEADERS.encode()),
        (b"access-control-max-age", str(PREFLIGHT_SECONDS).encode()),
    ]
    await send({"type": "http.response.start", "status": NO_CONTENT, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def _answer_headers(allowed: str | None) -> RawHeaders:
    """Caches keep the answers for different origins apart."""
    if allowed is None:
        return [(b"vary", b"Origin")]
    headers = [
        (b"access-control-allow-origin", allowed.encode("latin-1")),
        (b"access-control-expose-headers", EXPOSED.encode()),
    ]
    return headers if allowed == "*" else [*headers, (b"vary", b"Origin")]


def _with(send: Any, added: Iterable[tuple[bytes, bytes]]) -> Any:
    async def send_more(message: Any) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message.get("headers", []), *added]}
        await send(message)

    return send_more
