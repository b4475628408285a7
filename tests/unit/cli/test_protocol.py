"""The limits of HTTP hold while bytes arrive, and every refusal is an OperationOutcome."""

import asyncio
import json
import re
from dataclasses import replace

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from fhir_server.cli.protocol import LINGER_SECONDS, Limits, limited

LIMITS = Limits(url_bytes_max=200, header_bytes_max=300, header_count_max=5, header_seconds_max=0.05, connections_max=2)


class Wire(asyncio.Transport):
    """A transport that remembers what the server did."""

    def __init__(self):
        super().__init__({"sockname": ("127.0.0.1", 80), "peername": ("127.0.0.1", 9)})
        self.sent = b""
        self.closed = False
        self.half_closed = False

    def write(self, data):
        self.sent += data

    def write_eof(self):
        self.half_closed = True

    def can_write_eof(self):
        return True

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


class Application:
    """Answers each request with its path, when `may_answer` is set; notes what it saw of the body."""

    def __init__(self):
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.messages = []

    async def __call__(self, scope, receive, send):
        await self.may_answer.wait()
        while (message := await receive()).get("more_body"):
            self.messages.append(message)
        self.messages.append(message)
        body = scope["path"].encode()
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Connection:
    def __init__(self, application, limits=LIMITS, state=None):
        config = Config(application, http=limited(limits), ws="none", lifespan="off", log_config=None)
        config.load()
        self.wire = Wire()
        self.protocol = config.http_protocol_class(config, state or ServerState(), {})
        self.protocol.connection_made(self.wire)

    async def send(self, *chunks):
        for chunk in chunks:
            self.protocol.data_received(chunk)
        for _ in range(5):
            await asyncio.sleep(0)

    def answers(self):
        """The statuses on the wire, in order."""
        return re.findall(r"HTTP/1\.1 (\d{3}) ", self.wire.sent.decode())

    def outcome(self):
        """Status and issue of the one answer on the wire."""
        head, _, body = self.wire.sent.partition(b"\r\n\r\n")
        assert b"content-type: application/fhir+json;charset=utf-8" in head
        assert b"connection: close" in head
        outcome = json.loads(body)
        assert outcome["resourceType"] == "OperationOutcome"
        return int(head.split()[1]), outcome["issue"][0]["code"]


@pytest.fixture
async def application():
    return Application()


@pytest.fixture
async def connection(application):
    return Connection(application)


async def test_a_request_within_the_limits_is_served(connection):
    await connection.send(b"GET /fhir HTTP/1.1\r\nHost: a\r\n\r\n")
    assert connection.wire.sent.startswith(b"HTTP/1.1 200 ")
    assert connection.wire.sent.endswith(b"/fhir")


async def test_a_long_url_is_414_before_its_end_has_arrived(connection):
    await connection.send(b"GET /", b"x" * 150, b"x" * 150)
    assert connection.outcome() == (414, "too-long")


async def test_large_headers_are_431(connection):
    await connection.send(b"GET / HTTP/1.1\r\n" + b"A: %s\r\n" % (b"x" * 120) * 4)
    assert connection.outcome() == (431, "too-long")


async def test_a_header_without_end_is_431_while_it_arrives(connection):
    await connection.send(b"GET / HTTP/1.1\r\nA: ", *[b"x" * 100] * 6)
    assert connection.outcome() == (431, "too-long")


async def test_many_headers_are_431(connection):
    await connection.send(b"GET / HTTP/1.1\r\n" + b"A: 1\r\n" * 6 + b"\r\n")
    assert connection.outcome() == (431, "too-long")


async def test_a_large_body_is_not_counted_as_headers(connection):
    await connection.send(b"POST / HTTP/1.1\r\nContent-Length: 4000\r\n\r\n", *[b"x" * 1000] * 4)
    assert connection.wire.sent.startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nA b: c\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_malformed_http_is_400(connection, garbage):
    await connection.send(garbage)
    assert connection.outcome() == (400, "structure")


async def test_headers_that_drip_are_408(connection):
    await connection.send(b"GET / HTTP/1.1\r\nA: ")
    for _ in range(8):
        await connection.send(b"x")
        await asyncio.sleep(0.01)
    assert connection.outcome() == (408, "timeout")


async def test_a_silent_connection_is_closed_without_an_answer(connection):
    await asyncio.sleep(0.08)
    assert connection.wire.closed
    assert connection.wire.sent == b""


async def test_empty_lines_do_not_keep_a_connection_open(connection):
    await connection.send(b"GET / HTTP/1.1\r\n\r\n")
    await connection.send(b"\r\n")
    await asyncio.sleep(0.08)
    assert connection.wire.closed


async def test_a_refusal_waits_for_the_answer_owed_to_the_request_before(connection, application):
    application.may_answer.clear()
    await connection.send(b"GET /first HTTP/1.1\r\n\r\n", b"GET /%s" % (b"x" * 300))
    assert connection.wire.sent == b""
    application.may_answer.set()
    await connection.send()
    assert connection.wire.sent.index(b"/first") < connection.wire.sent.index(b"HTTP/1.1 414")


async def test_a_malformed_body_is_400_and_the_application_is_told_the_client_left(connection, application):
    application.may_answer.clear()
    await connection.send(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")
    assert connection.outcome() == (400, "structure")
    application.may_answer.set()
    await connection.send()
    assert application.messages[-1]["type"] == "http.disconnect"
    assert connection.answers() == ["400"]


async def test_what_arrives_after_a_refusal_is_dropped_and_the_connection_closes(connection):
    await connection.send(b"\x00", b"GET / HTTP/1.1\r\n\r\n")
    assert connection.answers() == ["400"]
    assert connection.wire.half_closed
    await asyncio.sleep(LINGER_SECONDS + 0.05)
    assert connection.wire.closed


async def test_a_connection_too_many_is_503_and_the_others_are_served(application):
    state = ServerState()
    first, second, third = (Connection(application, replace(LIMITS), state) for _ in range(3))
    assert third.outcome() == (503, "throttled")
    assert b"retry-after: 1" in third.wire.sent
    await first.send(b"GET / HTTP/1.1\r\n\r\n")
    assert first.wire.sent.startswith(b"HTTP/1.1 200 ")
    assert second.wire.sent == b""
