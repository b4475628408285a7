"""One message to one sink: what is sent, what counts as delivered, and what ends an attempt (U6, U7)."""

import asyncio
import socket
import struct
import threading
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from integrations.channel import Gone, Hook, NotDelivered, Outgoing
from integrations.guarded import outbound as outbound_module
from integrations.guarded.connections import IDLE_SECONDS_MAX
from integrations.guarded.outbound import Outbound
from integrations.guarded.refusal import Refused
from integrations.webhooks.rest_hook import RestHook
from integrations.webhooks.signing import shown
from tests.integration.webhooks.conftest import Names
from tests.running.sink import Heard, answering, listening
from tests.running.waiting import eventually

OLD, NEW, OTHER = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
BODY = '{"resourceType":"Bundle","id":"ä"}'.encode()
MESSAGE = Outgoing("s1_17", BODY, "application/fhir+json")
SECONDS = 20.0
SHORT = 0.3


@pytest.fixture
async def outbound():
    one = Outbound(allow_private=True)
    yield one
    await one.close()


@pytest.fixture
def rest_hook(outbound):
    return RestHook(outbound, lambda: datetime.now(UTC))


def hook(sink, *headers, path="/notify", seconds=SECONDS, secrets=(NEW,)):
    return Hook(f"http://127.0.0.1:{sink.port}{path}", headers, seconds, secrets, "1")


async def failure(rest_hook, to, message=MESSAGE) -> NotDelivered:
    with pytest.raises(NotDelivered) as caught:
        await rest_hook.deliver(to, message)
    return caught.value


async def test_a_message_is_posted_with_the_sinks_headers_and_a_signature(rest_hook):
    async with listening() as sink:
        await rest_hook.deliver(hook(sink, ("Authorization", "Bearer 1"), path="/n?k=1"), MESSAGE)
        (heard,) = sink.heard
    assert (heard.line, heard.body) == ("POST /n?k=1 HTTP/1.1", BODY)
    assert heard.header("host") == f"127.0.0.1:{sink.port}"
    assert heard.header("authorization") == "Bearer 1"
    assert heard.header("content-type") == "application/fhir+json"
    assert heard.header("webhook-id") == "s1_17"
    assert Webhook(shown(NEW)).verify(heard.body, dict(heard.headers))["id"] == "ä"


async def test_during_rotation_either_secret_verifies_what_arrives_and_a_changed_body_does_not(rest_hook):
    async with listening() as sink:
        await rest_hook.deliver(hook(sink, secrets=(NEW, OLD)), MESSAGE)
        headers = dict(sink.heard[0].headers)
    for secret in (NEW, OLD):
        Webhook(shown(secret)).verify(BODY, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(shown(secret)).verify(BODY + b" ", headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(shown(OTHER)).verify(BODY, headers)


async def test_a_resource_is_put_below_the_endpoint(rest_hook):
    async with listening() as sink:
        message = Outgoing("s1_1", b"{}", "application/fhir+json", "PUT", "/Patient/a.b-1")
        await rest_hook.deliver(hook(sink, path="/fhir/?k=1"), message)
        assert sink.heard[0].line == "PUT /fhir/Patient/a.b-1?k=1 HTTP/1.1"


async def test_a_message_without_content_has_a_length_and_no_type(rest_hook):
    async with listening() as sink:
        await rest_hook.deliver(hook(sink), Outgoing("s1_1", b"", ""))
        (heard,) = sink.heard
    assert (heard.header("content-length"), heard.body) == ("0", b"")
    assert "content-type" not in dict(heard.headers)


@pytest.mark.parametrize(
    "suffix", ["/..", "/../x", "/./x", "/Patient/1?a=b", "/Patient/1#f", "x", "/a b", "/Patient/\r\n"]
)
async def test_what_would_leave_the_endpoint_is_not_sent(rest_hook, suffix):
    async with listening() as sink:
        await failure(rest_hook, hook(sink), Outgoing("s1_1", b"", "", "PUT", suffix))
        assert sink.connections == 0


@pytest.mark.parametrize(
    "header",
    [
        ("webhook-id", "1"),
        ("Webhook-Signature", "v1,x"),
        ("Content-Type", "text/plain"),
        ("Host", "x"),
        ("X-A", "1\r\nX-B: 1"),
    ],
)
async def test_a_header_that_is_ours_is_refused_at_creation_and_at_delivery(rest_hook, header):
    async with listening() as sink:
        to = hook(sink, header)
        with pytest.raises(Refused):
            rest_hook.check(to.endpoint, to.headers)
        assert (await failure(rest_hook, to)).status is None
        assert sink.connections == 0


def test_what_would_be_sent_passes_the_check_at_creation(rest_hook):
    rest_hook.check("http://127.0.0.1:8080/notify", [("Authorization", "Bearer 1")])


@pytest.mark.parametrize("status", ["200 OK", "201 Created", "202 Accepted", "204 No Content", "299 Fine"])
async def test_any_2xx_is_delivered(rest_hook, status):
    async with listening(answering(status)) as sink:
        await rest_hook.deliver(hook(sink), MESSAGE)
        assert len(sink.heard) == 1


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 409, 429, 500, 502, 503])
async def test_no_other_status_is(rest_hook, status):
    async with listening(answering(f"{status} canary", "X-Canary: canary", body=b"canary")) as sink:
        failed = await failure(rest_hook, hook(sink))
    assert (failed.status, failed.retry_after_seconds, type(failed)) == (status, None, NotDelivered)
    assert "canary" not in str(failed)


async def test_410_says_that_nothing_more_is_wanted(rest_hook):
    async with listening(answering("410 Gone")) as sink:
        failed = await failure(rest_hook, hook(sink))
    assert (type(failed), failed.status) == (Gone, 410)


@pytest.mark.parametrize(("status", "seconds"), [(429, 7), (503, 7), (500, None), (404, None)])
async def test_a_sink_that_asks_to_wait_is_heard(rest_hook, status, seconds):
    async with listening(answering(f"{status} x", "Retry-After: 7")) as sink:
        assert (await failure(rest_hook, hook(sink))).retry_after_seconds == seconds


async def silent(_, writer):
    await asyncio.sleep(SECONDS * 9)


async def trickling_head(_, writer):
    while True:
        writer.write(b"H")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless_head(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-A: " + b"x" * 4096 + b"\r\n")
        await writer.drain()


async def endless_interim(_, writer):
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def reset(_, writer):
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    await asyncio.sleep(0)
    raise EOFError


async def hung_up(_, writer):
    raise EOFError


async def nonsense(_, writer):
    writer.write(b"\0\1\2 canary\r\n\r\n")
    raise EOFError


@pytest.mark.parametrize("behave", [silent, trickling_head, endless_head, endless_interim, reset, hung_up, nonsense])
async def test_no_status_within_its_time_is_not_delivered_and_the_connection_ends(rest_hook, behave):
    async with listening(behave) as sink:
        failed = await failure(rest_hook, hook(sink, seconds=SHORT))
        assert (failed.status, sink.connections) == (None, 1)
        assert "canary" not in str(failed)
        if behave is not silent:
            await eventually(lambda: sink.open == 0)


async def trickling_body(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.02)


async def endless_body(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        await writer.drain()


async def broken_body(_, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx")
    raise EOFError


@pytest.mark.parametrize("behave", [trickling_body, endless_body, broken_body])
async def test_a_status_stands_whatever_follows_it_and_the_connection_is_not_used_again(rest_hook, behave):
    async with listening(behave) as sink:
        for _ in range(2):
            await rest_hook.deliver(hook(sink), MESSAGE)
        assert sink.connections == 2
        await eventually(lambda: sink.open == 0)


async def test_of_an_endless_answer_little_is_read_however_much_time_there_is(rest_hook, monkeypatch):
    monkeypatch.setattr(outbound_module, "DROPPED_SECONDS_MAX", SECONDS * 9)
    async with listening(endless_body) as sink:
        await rest_hook.deliver(hook(sink, seconds=SECONDS / 4), MESSAGE)
        await eventually(lambda: sink.open == 0)


async def test_a_sink_that_reads_nothing_holds_no_attempt_beyond_its_time(rest_hook):
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        to = Hook(f"http://127.0.0.1:{deaf.getsockname()[1]}/", (), SHORT, (NEW,), "1")
        large = Outgoing("s1_1", b"x" * 10_000_000, "application/fhir+json")
        assert "TimeoutError" in (await failure(rest_hook, to, large)).reason


async def test_nobody_at_the_port_is_not_delivered(rest_hook):
    async with listening() as sink:
        pass
    assert (await failure(rest_hook, hook(sink))).status is None


async def test_messages_to_one_host_share_a_connection(rest_hook):
    async with listening(answering(body=b"x" * 1000)) as sink:
        for number in range(20):
            await rest_hook.deliver(hook(sink, ("X-Sink", str(number))), MESSAGE)
        assert [heard.header("x-sink") for heard in sink.heard] == [str(number) for number in range(20)]
        assert sink.connections == 1


async def test_a_connection_is_not_used_after_the_sink_has_closed_it(rest_hook):
    async def closing(heard, writer):
        await answering()(heard, writer)
        raise EOFError

    async with listening(closing) as sink:
        for _ in range(2):
            await rest_hook.deliver(hook(sink), MESSAGE)
            await eventually(lambda: sink.open == 0)
        assert sink.connections == 2


async def test_idle_connections_are_closed_when_another_host_is_asked():
    now = 0.0
    outbound = Outbound(allow_private=True, monotonic=lambda: now)
    rest_hook = RestHook(outbound, lambda: datetime.now(UTC))
    async with listening() as idle, listening() as other:
        await rest_hook.deliver(hook(idle), MESSAGE)
        now = IDLE_SECONDS_MAX - 0.1
        await rest_hook.deliver(hook(other), MESSAGE)
        assert (idle.open, other.open) == (1, 1)
        now = IDLE_SECONDS_MAX
        await rest_hook.deliver(hook(other), MESSAGE)
        await eventually(lambda: idle.open == 0)
        assert other.connections == 1
        await outbound.close()
        await eventually(lambda: other.open == 0)


async def test_a_message_under_way_outlives_the_check_of_its_address():
    now, answer = 0.0, asyncio.Event()

    async def late(heard: Heard, writer: asyncio.StreamWriter) -> None:
        if heard.header("x-sink") == "late":
            await answer.wait()
        await answering()(heard, writer)

    outbound = Outbound(allow_private=True, monotonic=lambda: now)
    rest_hook = RestHook(outbound, lambda: datetime.now(UTC))
    async with listening(late) as sink:
        under_way = asyncio.create_task(rest_hook.deliver(hook(sink, ("X-Sink", "late")), MESSAGE))
        await eventually(lambda: sink.heard)
        now = 61.0
        await rest_hook.deliver(hook(sink, ("X-Sink", "soon")), MESSAGE)
        answer.set()
        await under_way
        await eventually(lambda: sink.open == 1)
        assert sink.connections == 2
        await outbound.close()
        await eventually(lambda: sink.open == 0)


async def test_a_name_that_is_slow_to_resolve_holds_one_thread_and_no_other_name(names: Names, monkeypatch):
    resolved, release = [], threading.Event()

    def resolve(host, *arguments, **options):
        resolved.append(host)
        if host == "slow.example":
            release.wait(SECONDS)
        return names.resolve(host, *arguments, **options)

    names.lead("slow.example", ["127.0.0.1"])
    names.lead("quick.example", ["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    outbound = Outbound(allow_private=True)
    async with listening() as sink:
        slow = [outbound.send("POST", f"http://slow.example:{sink.port}/", b"", (), SHORT) for _ in range(200)]
        waiting = [asyncio.create_task(one) for one in slow]
        await outbound.send("POST", f"http://quick.example:{sink.port}/", b"", (), SECONDS)
        ended = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(one).__name__ for one in ended} == {"Unreachable"}
        assert sorted(resolved) == ["quick.example", "slow.example"]
        release.set()
        assert (await outbound.send("POST", f"http://slow.example:{sink.port}/", b"", (), SECONDS)).status == 200
    await outbound.close()


def test_secrets_and_headers_are_not_shown_where_a_hook_is():
    secretive = Hook("https://a.example/canary", (("Authorization", "canary"),), 1.0, (b"canary",), "1")
    assert "canary" not in repr(secretive)
    assert "canary" not in repr(Outgoing("s1_1", b"canary", ""))


async def test_a_message_is_stamped_with_the_time_of_its_attempt(outbound):
    times = iter([datetime.fromtimestamp(1_000, UTC), datetime.fromtimestamp(2_000, UTC)])
    rest_hook = RestHook(outbound, lambda: next(times))
    async with listening() as sink:
        for _ in range(2):
            await rest_hook.deliver(hook(sink), MESSAGE)
        stamps = [(heard.header("webhook-id"), heard.header("webhook-timestamp")) for heard in sink.heard]
        assert stamps == [("s1_17", "1000"), ("s1_17", "2000")]
