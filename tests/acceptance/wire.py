"""HTTP byte by byte, for what no client library would send."""

import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.running.galenic import Galenic

ANSWER_SECONDS_MAX = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer on a connection; `raw` is everything that came."""

    status: int
    headers: dict[str, str]
    body: bytes
    raw: bytes


def connect(galenic: Galenic) -> socket.socket:
    parts = urlsplit(galenic.base_url)
    return socket.create_connection((parts.hostname, parts.port), timeout=ANSWER_SECONDS_MAX)


def ask(galenic: Galenic, *chunks: bytes) -> Answer:
    """Sends the chunks on a connection of their own and reads one answer."""
    with connect(galenic) as connection:
        for chunk in chunks:
            try:
                connection.sendall(chunk)
            except (BrokenPipeError, ConnectionResetError):
                break  # refused before its end: the answer is there
        return answer_on(connection)


def answer_on(connection: socket.socket) -> Answer:
    raw = b""
    while b"\r\n\r\n" not in raw:
        raw += _more(connection, raw)
    head, _, body = raw.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        more = _more(connection, raw)
        raw, body = raw + more, body + more
    return Answer(int(status.split()[1]), headers, body, raw)


def _more(connection: socket.socket, so_far: bytes) -> bytes:
    more = connection.recv(65_536)
    if not more:
        raise ConnectionError(f"the server closed the connection after {len(so_far)} bytes")
    return more
