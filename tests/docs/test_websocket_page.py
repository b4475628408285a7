"""docs/subscriptions/websocket.md says what the code says."""

import re
from pathlib import Path

from fhir_server.cli.sockets import PING_SECONDS
from fhir_server.notifications.passes import LIFE_SECONDS
from fhir_server.notifications.sockets import (
    ADDRESS_WAITING_MAX,
    BINDINGS_MAX,
    CLIENT_SOCKETS_MAX,
    NORMAL,
    POLICY,
    SAY_SECONDS,
    SOCKETS_MAX,
    WAITING_MAX,
)
from fhir_server.web.websocket import BIND_SECONDS, MESSAGE_BYTES_MAX, PATH, REFUSED_MAX, SERVER_ERROR

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "subscriptions/websocket.md").read_text()
OPERATION = (DOCS / "operations/get-ws-binding-token.md").read_text()


def test_the_page_has_the_limits_of_the_code() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([\d,]+) \|$", PAGE, re.MULTILINE)
    assert [(name, int(number.replace(",", ""))) for name, number in rows] == [
        ("life of a token (seconds)", LIFE_SECONDS),
        ("a message of yours (bytes)", MESSAGE_BYTES_MAX),
        ("from opening a socket until something is bound (seconds)", BIND_SECONDS),
        ("messages that are refused; the last closes the socket", REFUSED_MAX),
        ("Subscriptions of a socket, and of a token", BINDINGS_MAX),
        ("sockets of one client in a process", CLIENT_SOCKETS_MAX),
        ("sockets of a process", SOCKETS_MAX),
        ("sockets of a process that are not bound yet; the others have their own places", WAITING_MAX),
        ("the same, of one network address", ADDRESS_WAITING_MAX),
        ("longest a message may wait to be read (seconds)", SAY_SECONDS),
        ("between two pings of the server, and until one is answered (seconds)", PING_SECONDS),
    ]


def test_the_page_has_the_codes_of_a_close() -> None:
    """The others are uvicorn's: what is too long, and a process that stops."""
    codes = {int(one) for one in re.findall(r"^\| (1\d\d\d) \|", PAGE, re.MULTILINE)}
    assert codes == {NORMAL, POLICY, SERVER_ERROR, 1009, 1012}


def test_the_operations_page_has_the_life_and_the_size_of_a_token() -> None:
    assert f"good for {LIFE_SECONDS} s" in OPERATION
    assert f"up to {BINDINGS_MAX};" in OPERATION
    assert f"/fhir{PATH}" in OPERATION
