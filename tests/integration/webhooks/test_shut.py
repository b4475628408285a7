"""Nothing is sent into our own network, whatever a URL, a name, a header or an answer says (U6).

Connections are counted where they would arrive.
"""

import contextlib
import ssl

import pytest

from integrations.guarded.connections import CHECKED_SECONDS_MAX
from integrations.guarded.outbound import Outbound
from integrations.guarded.refusal import Refused, Unreachable
from tests.integration.webhooks.conftest import PRIVATE, PUBLIC, Names
from tests.running.sink import answering, certificates, listening

NAME = "sink.example"
SECONDS = 20.0
ANY = "0.0.0.0"
"""Listens at the public and at the private address."""

SPELLINGS = [
    "127.0.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1", "127.0.1",
    "127.000.000.001", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1%25lo]", "localhost",
    "LocalHost", "localhost.", "a.localhost", "user@127.0.0.1", "sink.example@127.0.0.1",
    "sink.example\\@127.0.0.1", "１２７.0.0.1", "127%2e0.0.1", "sink.example\r\n@127.0.0.1", "\t127.0.0.1",
]  # fmt: skip

SCHEMES = ["http", "file", "gopher", "ftp", "ws", "HTTP", "unix", ""]

HEADERS = [
    ("Host", "b.example"), ("Content-Length", "0"), ("Transfer-Encoding", "chunked"), ("Connection", "close"),
    ("Proxy-Authorization", "x"), ("X-A", "1\r\nHost: b.example"), ("X-A", "1\n"), ("X-A", "1\0"), ("X-A\r\nX-B", "1"),
]  # fmt: skip


@pytest.fixture(scope="module")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    return certificates(NAME)


@contextlib.asynccontextmanager
async def outbound(tls: tuple[ssl.SSLContext, ssl.SSLContext], **options):
    one = Outbound(allow_private=False, tls=tls[1], **options)
    try:
        yield one
    finally:
        await one.close()


@pytest.mark.parametrize("host", SPELLINGS)
async def test_an_address_is_not_asked_in_any_spelling(host, tls):
    async with listening(tls=tls[0]) as sink, outbound(tls) as out:
        with pytest.raises(Refused):
            await out.send("POST", f"https://{host}:{sink.port}/", b"", (), SECONDS)
        assert sink.connections == 0


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_a_scheme_that_is_not_https_is_not_asked(scheme, tls, names: Names):
    names.lead(NAME, [PUBLIC])
    async with listening(host=PUBLIC) as sink, outbound(tls) as out:
        with pytest.raises(Refused):
            await out.send("POST", f"{scheme}://{NAME}:{sink.port}/", b"", (), SECONDS)
        assert (sink.connections, names.asked) == (0, [])


@pytest.mark.parametrize("field", HEADERS)
async def test_a_header_that_would_change_the_request_is_not_sent(field, tls, names: Names):
    names.lead(NAME, [PUBLIC])
    async with listening(tls=tls[0], host=PUBLIC) as sink, outbound(tls) as out:
        with pytest.raises(Refused):
            await out.send("POST", f"https://{NAME}:{sink.port}/", b"", [field], SECONDS)
        assert (sink.connections, names.asked) == (0, [])


async def test_a_public_name_is_asked_with_its_own_host_and_the_sinks_authorization(tls, names: Names):
    names.lead(NAME, [PUBLIC])
    async with listening(tls=tls[0], host=PUBLIC) as sink, outbound(tls) as out:
        url = f"https://{NAME}:{sink.port}/a?b=1"
        sent = await out.send("PUT", url, b"x", [("Authorization", "Bearer 1")], SECONDS)
        assert (sent.status, sink.connections, len(sink.heard)) == (200, 1, 1)
        heard = sink.heard[0]
        assert (heard.line, heard.body) == ("PUT /a?b=1 HTTP/1.1", b"x")
        assert (heard.header("host"), heard.header("authorization")) == (f"{NAME}:{sink.port}", "Bearer 1")


@pytest.mark.parametrize(
    "found", [[PRIVATE], [PUBLIC, PRIVATE], [PRIVATE, PUBLIC], [PUBLIC, "::1"], [PUBLIC, "10.0.0.1"], []]
)
async def test_a_name_with_a_private_address_is_not_asked_whatever_else_it_has(found, tls, names: Names):
    names.lead(NAME, found)
    async with listening(tls=tls[0], host=ANY) as sink, outbound(tls) as out:
        with pytest.raises(Unreachable, match="private"):
            await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
        assert sink.reached == []


async def test_a_name_that_leads_elsewhere_when_it_is_asked_again_leads_where_it_was_checked(tls, names: Names):
    names.lead(NAME, [PUBLIC], [PRIVATE])
    async with listening(tls=tls[0], host=ANY) as sink, outbound(tls) as out:
        await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
        assert (sink.reached, names.asked) == ([PUBLIC], [NAME])


async def test_an_address_is_checked_again_after_a_minute_though_its_connection_is_busy(tls, names: Names):
    names.lead(NAME, [PUBLIC], [PRIVATE])
    now = 0.0
    async with listening(tls=tls[0], host=ANY) as sink, outbound(tls, monotonic=lambda: now) as out:
        while now < CHECKED_SECONDS_MAX:
            await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
            now += 2.0
        assert (sink.reached, names.asked) == ([PUBLIC], [NAME])
        with pytest.raises(Unreachable, match="private"):
            await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
        assert (len(sink.heard), sink.reached, names.asked) == (30, [PUBLIC], [NAME, NAME])


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
async def test_a_redirect_is_only_a_status(status, tls, names: Names):
    names.lead(NAME, [PUBLIC])
    async with listening() as private, outbound(tls) as out:
        away = answering(status, f"Location: http://127.0.0.1:{private.port}/")
        async with listening(away, tls=tls[0], host=PUBLIC) as sink:
            sent = await out.send("POST", f"https://{NAME}:{sink.port}/", b"x", (), SECONDS)
        assert (sent.status, len(sink.heard), private.connections) == (int(status[:3]), 1, 0)


async def test_a_proxy_of_the_environment_is_not_asked(tls, names: Names, monkeypatch):
    names.lead(NAME, [PUBLIC])
    async with listening() as proxy, listening(tls=tls[0], host=PUBLIC) as sink:
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "HTTP_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with outbound(tls) as out:
            await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
        assert (sink.connections, proxy.connections) == (1, 0)


async def test_a_certificate_of_another_name_is_refused(tls, names: Names):
    names.lead("other.example", [PUBLIC])
    async with listening(tls=tls[0], host=PUBLIC) as sink, outbound(tls) as out:
        with pytest.raises(Unreachable, match="ConnectError"):
            await out.send("POST", f"https://other.example:{sink.port}/", b"", (), SECONDS)
        assert sink.heard == []


async def test_a_certificate_nobody_vouches_for_is_refused(tls, names: Names):
    names.lead(NAME, [PUBLIC])
    async with listening(tls=tls[0], host=PUBLIC) as sink, outbound(certificates(NAME)) as out:
        with pytest.raises(Unreachable, match="ConnectError"):
            await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
        assert sink.heard == []


async def test_a_connection_of_one_name_is_not_used_for_another_at_the_same_address(tls, names: Names):
    names.lead(NAME, [PUBLIC])
    names.lead("other.example", [PUBLIC])
    async with listening(tls=tls[0], host=PUBLIC) as sink, outbound(tls) as out:
        await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
        with pytest.raises(Unreachable):
            await out.send("POST", f"https://other.example:{sink.port}/", b"", (), SECONDS)
        assert (sink.connections, len(sink.heard)) == (2, 1)


async def test_a_cookie_of_an_answer_is_not_sent_back(tls, names: Names):
    names.lead(NAME, [PUBLIC])
    async with listening(answering("200 OK", "Set-Cookie: a=1"), tls=tls[0], host=PUBLIC) as sink, outbound(tls) as out:
        for _ in range(2):
            await out.send("POST", f"https://{NAME}:{sink.port}/", b"", (), SECONDS)
        assert [name for heard in sink.heard for name, _ in heard.headers if name == "cookie"] == []
