"""The FHIR API as an ASGI application: bytes to a request, a response or failure to bytes."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import uuid4

from fhir_server.audit.interactions import REFUSED
from fhir_server.audit.record import Record
from fhir_server.errors import Invalid, Unauthorized, Unavailable
from fhir_server.outcome import status_and_issues
from fhir_server.rest.auditing import failure_of, records_of
from fhir_server.rest.caller import ANONYMOUS, Caller, anonymous, identify
from fhir_server.rest.content import Body, compressed, pretty, read_body
from fhir_server.rest.dispatch import permitted
from fhir_server.rest.failure import failure
from fhir_server.rest.headers import parse_preferences, usable_request_id
from fhir_server.rest.message import FHIR_JSON, Request, Response
from fhir_server.rest.negotiation import response_type
from fhir_server.rest.parameters import Pairs, parse_pairs
from fhir_server.rest.paths import parse_path
from fhir_server.rest.server import Server
from fhir_server.telemetry import Answered, Observe

METADATA: Final = "/metadata"
"""What is told to whoever asks."""

UNAUTHORIZED: Final = 401

BY_ID: Final = frozenset({"read", "vread", "history-instance", "history-type", "history-system"})
"""Interactions for which search parameters mean nothing."""

Headers = dict[str, str]


@dataclass(slots=True)
class Exchange:
    """What the answer depends on besides the interaction."""

    method: str
    headers: Headers
    request_id: str
    address: str = ""
    content_type: str = FHIR_JSON
    pretty: bool = False
    request: Request | None = None
    interaction: str = ""
    started: float = field(default_factory=time.perf_counter)

    def answered(self, status: int) -> Answered:
        """What the log and metrics are told."""
        return Answered(
            self.request_id,
            self.interaction,
            status,
            time.perf_counter() - self.started,
            self.request.type_name if self.request else "",
            self.request.context.client if self.request else "",
            self.headers.get("traceparent", ""),
        )


class FhirApplication:
    """Serves the paths below the base."""

    def __init__(self, server: Server, body_limits: Body, base_path: str, observe: Observe) -> None:
        self._server = server
        self._observe = observe
        self._base_path = base_path
        self._body_limits = body_limits

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = _headers(scope["headers"])
        request_id = usable_request_id(headers.get("x-request-id")) or str(uuid4())
        exchange = Exchange(scope["method"], headers, request_id, _address(scope))
        try:
            response = await self._recorded(scope, receive, exchange)
        except Exception as error:  # noqa: BLE001 - nothing leaves without an OperationOutcome
            response = failure(error, request_id)
            exchange.content_type = FHIR_JSON
        await _send(send, exchange, response)
        self._observe(exchange.answered(response.status))

    async def _recorded(self, scope: Any, receive: Any, exchange: Exchange) -> Response:
        """The answer, when its record is committed: what cannot be recorded does not leave."""
        recorder = self._server.recorder
        try:
            response = await self._respond(scope, receive, exchange)
        except Unauthorized:
            self._server.rates.take(_stranger(exchange))
            stranger = anonymous(exchange.request_id, exchange.address).context
            await self._server.refusals.refuse(Record(stranger, REFUSED, UNAUTHORIZED))
            raise
        except Exception as error:
            if exchange.request is not None:
                await recorder.record(*failure_of(exchange.request, exchange.interaction, status_and_issues(error)[0]))
            raise
        if exchange.request is not None:
            await recorder.record(*records_of(exchange.request, exchange.interaction, response))
        return response

    async def _respond(self, scope: Any, receive: Any, exchange: Exchange) -> Response:
        parameters = _parameters(scope["query_string"])
        control = dict(parameters)
        exchange.pretty = control.get("_pretty") == "true"
        exchange.content_type = response_type(exchange.headers.get("accept"), control.get("_format"))
        path = _raw_path(scope).removeprefix(self._base_path)
        self._server.rates.refuse(_stranger(exchange))
        caller = await self._caller(exchange, path)
        self._server.rates.take(_payer(caller))
        target = parse_path(path)
        route = self._server.routes.find(exchange.method, target)
        request = Request(
            exchange.method,
            caller.context,
            target.type_name,
            target.id,
            target.version_id,
            parameters,
            exchange.headers,
            preferences=parse_preferences(exchange.headers.get("prefer")),
            new_id=str(uuid4()),
            member=target.member,
            grant=caller.grant,
        )
        exchange.request, exchange.interaction = request, route.interaction
        handler = permitted(route, request)
        if exchange.method in ("POST", "PUT", "PATCH"):
            request = replace(request, body=await read_body(receive, exchange.headers, self._body_limits))
            exchange.request = request
        if route.interaction not in BY_ID:
            await self._renew(route.interaction)
        return await handler(self._server, request)

    async def _caller(self, exchange: Exchange, path: str) -> Caller:
        """Judged before anything else: to a stranger all that is closed looks the same."""
        check = self._server.access
        if check is None or (path == METADATA and exchange.method in ("GET", "HEAD")):
            return anonymous(exchange.request_id, exchange.address)
        return await identify(check, exchange.headers, exchange.request_id, exchange.address)

    async def _renew(self, interaction: str) -> None:
        """The search parameters of now; without the database, what is declared is what was known last."""
        try:
            self._server = await self._server.current()
        except Unavailable:
            if interaction != "capabilities":
                raise


def _payer(caller: Caller) -> str:
    """Whose pace it is: the client's, from wherever it asks; where nobody is asked who they are, the address's."""
    context = caller.context
    return f"anonymous {context.address}" if context.client == ANONYMOUS else f"client {context.client}"


def _stranger(exchange: Exchange) -> str:
    """Whoever is refused is counted by address, and not looked up again before it is their turn."""
    return f"address {exchange.address}"


def _address(scope: Any) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _headers(lines: Iterable[tuple[bytes, bytes]]) -> Headers:
    """By lower-case names; several lines of one name are one list (RFC 9110, section 5.3)."""
    headers: Headers = {}
    for raw_name, raw_value in lines:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("utf-8", "replace")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _parameters(query_string: bytes) -> Pairs:
    try:
        return parse_pairs(query_string.decode())
    except UnicodeDecodeError as error:
        raise Invalid("The URL is not UTF-8") from error


def _raw_path(scope: Any) -> str:
    """The path as it came: a slash that was escaped is no separator."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.partition(b"?")[0].decode("latin-1")


async def _send(send: Any, exchange: Exchange, response: Response) -> None:
    body = response.body or b""
    headers = {
        **response.headers,
        "X-Request-Id": exchange.request_id,
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
        "Vary": "Accept, Accept-Encoding",
    }
    if response.body is not None:
        headers["Content-Type"] = f"{exchange.content_type};charset=utf-8"
        body = pretty(body) if exchange.pretty else body
        body, coding = compressed(body, exchange.headers.get("accept-encoding", ""))
        headers |= coding
    if response.status not in (204, 304):
        headers["Content-Length"] = str(len(body))
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": response.status, "headers": raw})
    await send({"type": "http.response.body", "body": b"" if exchange.method == "HEAD" else body})
