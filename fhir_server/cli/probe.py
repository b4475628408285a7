"""Asks our own server over HTTP: is it ready, and will it take the demo set?"""

import http.client
import ssl
from pathlib import Path
from typing import NamedTuple

from fhir_server.settings import Settings

EVERYWHERE = ("0.0.0.0", "::", "")
DEMO_SECONDS_MAX = 60.0


class _Sent(NamedTuple):
    """What is sent with an access token."""

    body: bytes
    token: str


def origin(settings: Settings, port: int) -> str:
    """Scheme, host and port under which this machine reaches the server."""
    scheme = "https" if settings.tls_cert else "http"
    return f"{scheme}://{_bracketed(_reachable(settings.host))}:{port}"


def is_ready(settings: Settings, port: int, seconds: float) -> bool:
    """True if `/health/ready` answers 200 within `seconds`."""
    try:
        return _request(settings, port, "GET", "/health/ready", seconds)[0] == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False


def load_demo(settings: Settings, port: int, bundle: Path, token: str) -> str:
    """Sends the demo set as one transaction, with an access token; returns "" or, in a sentence, why it was refused."""
    try:
        sent = _Sent(bundle.read_bytes(), token)
        status, body = _request(settings, port, "POST", "/fhir", DEMO_SECONDS_MAX, sent)
    except (OSError, http.client.HTTPException) as error:
        return f"{error!r}"
    return "" if status == http.HTTPStatus.OK else f"HTTP {status}: {body[:2000].decode(errors='replace')}"


def _request(
    settings: Settings, port: int, method: str, path: str, seconds: float, sent: _Sent | None = None
) -> tuple[int, bytes]:
    connection = _connection(settings, port, seconds)
    try:
        media_type = "application/fhir+json"
        credentials = {"Authorization": f"Bearer {sent.token}"} if sent else {}
        headers = {"Content-Type": media_type, "Accept": media_type} | credentials
        connection.request(method, path, sent.body if sent else None, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def _connection(settings: Settings, port: int, seconds: float) -> http.client.HTTPConnection:
    host = _reachable(settings.host)
    if settings.tls_cert is None:
        return http.client.HTTPConnection(host, port, timeout=seconds)
    context = ssl.create_default_context()
    context.check_hostname = False  # our own process on our own machine; its name is for the world outside
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)


def _reachable(host: str) -> str:
    if host not in EVERYWHERE:
        return host
    return "::1" if host == "::" else "127.0.0.1"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
