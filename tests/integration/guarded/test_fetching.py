"""Fetching from a server of the test: what is read, and what is not (A7)."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from integrations.guarded import outbound
from integrations.guarded.outbound import Outbound
from integrations.guarded.refusal import Unreachable


@pytest.fixture
def web():
    """A server whose answers are `answer(handler)`; counts its requests."""
    with serving() as server:
        yield server


@contextmanager
def serving():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(dict(self.headers))
            server.answer(self)

        def log_message(self, *_):
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.daemon_threads = [], True
    server.url = f"http://localhost:{server.server_port}/jwks"
    server.answer = lambda handler: say(handler, b"{}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def say(handler, body, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


async def test_an_answer_is_read_with_its_headers(web):
    web.answer = lambda handler: say(handler, b'{"keys": []}', Age="3")
    fetched = await Outbound(allow_private=True).get(web.url)
    assert (fetched.body, fetched.headers["age"]) == (b'{"keys": []}', "3")
    assert web.asked[0]["Host"] == f"localhost:{web.server_port}"
    assert "Authorization" not in web.asked[0]


async def test_a_private_address_is_not_even_asked(web):
    with pytest.raises(Unreachable, match="not https"):
        await Outbound(allow_private=False).get(web.url)
    with pytest.raises(Unreachable, match="private"):
        await Outbound(allow_private=False).get(web.url.replace("http", "https"))
    assert web.asked == []


async def test_a_redirect_is_not_followed(web):
    with serving() as elsewhere:
        web.answer = lambda handler: say(handler, b"", 302, Location=elsewhere.url)
        with pytest.raises(Unreachable, match="302"):
            await Outbound(allow_private=True).get(web.url)
        assert elsewhere.asked == []


@pytest.mark.parametrize("status", [204, 304, 404, 500])
async def test_an_answer_that_is_not_200_is_none(web, status):
    web.answer = lambda handler: say(handler, b"", status)
    with pytest.raises(Unreachable):
        await Outbound(allow_private=True).get(web.url)


async def test_more_than_256_kilobytes_are_not_read(web):
    web.answer = lambda handler: say(handler, b"x" * (256 * 1024 + 1))
    with pytest.raises(Unreachable, match="too large"):
        await Outbound(allow_private=True).get(web.url)


async def test_what_is_compressed_is_not_unpacked(web):
    web.answer = lambda handler: say(handler, b"\x1f\x8b", **{"Content-Encoding": "gzip"})
    with pytest.raises(Unreachable, match="compressed"):
        await Outbound(allow_private=True).get(web.url)
    assert web.asked[0]["Accept-Encoding"] == "identity"


async def test_an_answer_that_trickles_is_given_up_as_a_whole(web, monkeypatch):
    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        for _ in range(50):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    monkeypatch.setattr(outbound, "SECONDS_MAX", 0.3)
    web.answer = trickle
    with pytest.raises(Unreachable, match="TimeoutError"):
        await Outbound(allow_private=True).get(web.url)


async def test_a_port_where_nobody_listens_is_no_answer():
    with pytest.raises(Unreachable):
        await Outbound(allow_private=True).get("http://127.0.0.1:9/jwks")


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/jwks", "ftp://example.org/jwks", "file:///etc/passwd", "https://", "nonsense", "https://[::1",
        "https://user@example.org/jwks", "https://127.0.0.1/jwks", "https://[::1]/jwks", "https://localhost/jwks",
        "https://2130706433/jwks", "https://0x7f.1/jwks", "https://example.org:99999/jwks",
    ],
)  # fmt: skip
async def test_what_is_no_public_https_url_is_not_fetched(url):
    with pytest.raises(Unreachable):
        await Outbound(allow_private=False).get(url)
