"""HTTP/1.1 with limits that hold while bytes arrive: an endless URL or header is answered, not collected.

Every refusal is an OperationOutcome written straight to the transport; the connection is closed after it.
"""

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

LINGER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds; `connections_max` is per process."""

    url_bytes_max: int
    header_bytes_max: int
    header_count_max: int
    header_seconds_max: float
    connections_max: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer given before, or instead of, the application's."""

    status: HTTPStatus
    code: str  # https://hl7.org/fhir/R4/valueset-issue-type.html
    diagnostics: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


class _OverLimit(Exception):
    pass


MALFORMED = Refusal(HTTPStatus.BAD_REQUEST, "structure", "This is not a well-formed HTTP/1.1 request")
BUSY = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "throttled",
    "Too many connections are open; try again shortly",
    ((b"retry-after", b"1"),),
)


def limited(limits: Limits, websocket_path: str = "") -> type[HttpToolsProtocol]:
    """The protocol class for uvicorn that keeps `limits`; websockets are at one path, "" for none."""
    return type("LimitedProtocol", (GuardedProtocol,), {"limits": limits, "websocket_url": websocket_path.encode()})


class GuardedProtocol(HttpToolsProtocol):
    """Made by `limited`; uvicorn makes one for each connection."""

    limits: Limits
    websocket_url: bytes
    """The only one that is upgraded, as it is in the request line."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._is_upgraded = False
        self._in_head = False
        self._head_bytes = 0  # of the head being read, counted by callbacks
        self._raw_bytes = 0  # of the same, counted as they arrive: a header not yet complete makes no callback
        self._refusal: Refusal | None = None
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()
        if len(self.connections) > self.limits.connections_max:
            self._refuse(BUSY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refusal is not None:
            return  # read and dropped, so that the client gets our answer and not a reset
        was_in_head = self._in_head
        super().data_received(data)
        if self._refusal is not None or self._is_upgraded:
            return
        self._raw_bytes = self._raw_bytes + len(data) if was_in_head and self._in_head else 0
        if self._raw_bytes > self.limits.url_bytes_max + self.limits.header_bytes_max:
            self._refuse(self._headers_too_large())
        elif self._timer is None and (self._in_head or self._is_idle()):
            self._await_head()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.limits.url_bytes_max:
            most = self.limits.url_bytes_max
            self._stop(HTTPStatus.REQUEST_URI_TOO_LONG, f"The URL is longer than {most} bytes; search by POST")

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > self.limits.header_bytes_max:
            self._refusal = self._headers_too_large()
            raise _OverLimit
        if len(self.headers) > self.limits.header_count_max:
            most = self.limits.header_count_max
            self._stop(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"There are more than {most} headers")

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._in_head = False
        self._disarm()

    def _should_upgrade(self) -> bool:
        """Elsewhere a request is answered as if it had not asked: https://www.rfc-editor.org/rfc/rfc9110#section-7.8."""
        return self.url == self.websocket_url and self._is_idle() and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        """Whoever asks could fill the log."""

    def handle_websocket_upgrade(self) -> None:
        """The connection has another protocol from here on, and what this one has limited is over."""
        self._is_upgraded = True
        self._disarm()
        super().handle_websocket_upgrade()

    def on_response_complete(self) -> None:
        if self._refusal is not None and not self._refused and not self.pipeline:
            self._answer(self._refusal)
            return
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parser's words are not for the client
        """What uvicorn calls when the parser stops, by its own judgement or by ours."""
        refusal, self._refusal = self._refusal or MALFORMED, None
        self._refuse(refusal)

    def _stop(self, status: HTTPStatus, diagnostics: str) -> None:
        self._refusal = Refusal(status, "too-long", diagnostics)
        raise _OverLimit

    def _headers_too_large(self) -> Refusal:
        text = f"The headers are larger than {self.limits.header_bytes_max} bytes together"
        return Refusal(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too-long", text)

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._timer = self.loop.call_later(self.limits.header_seconds_max, self._head_is_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        if not self._in_head and self._is_idle():
            self.transport.close()  # not a byte of a request: nobody to answer
        elif self._in_head and self._refusal is None:
            text = f"The headers did not arrive within {self.limits.header_seconds_max:g} s"
            self._refuse(Refusal(HTTPStatus.REQUEST_TIMEOUT, "timeout", text))

    def _refuse(self, refusal: Refusal) -> None:
        """Answers now, or after the answers still owed to earlier requests of this connection."""
        self._refusal = refusal
        self._disarm()
        if not self._in_head and self.cycle is not None and self.cycle.more_body:
            self._break_off(refusal)
        elif self._is_idle():
            self._answer(refusal)

    def _break_off(self, refusal: Refusal) -> None:
        """The body of the newest request is malformed: the application is told that its client is gone."""
        cycle = self.cycle
        cycle.disconnected = True
        cycle.message_event.set()
        if cycle.response_started or self.pipeline:  # ours would be taken for the end, or the answer, of another
            self.transport.close()
        else:
            self._answer(refusal)

    def _answer(self, refusal: Refusal) -> None:
        self._refused = True
        if self.transport.is_closing():
            return
        self.transport.write(_rendered(refusal, self.server_state.default_headers))
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.flow.resume_reading()
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


def _rendered(refusal: Refusal, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    issue = {"severity": "error", "code": refusal.code, "diagnostics": refusal.diagnostics}
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}, separators=(",", ":")).encode()
    headers = [
        *default_headers,
        *refusal.headers,
        (b"content-type", b"application/fhir+json;charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    lines = b"".join(name + b": " + value + b"\r\n" for name, value in headers)
    return STATUS_LINE[refusal.status] + lines + b"\r\n" + body
