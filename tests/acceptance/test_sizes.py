"""Sizes and slowness: refused before they cost anything, and others are still served."""

import gzip
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from statistics import median

import psutil
import pytest

from tests.acceptance.outcomes import checked_outcome
from tests.acceptance.wire import answer_on, ask, connect
from tests.builders.resources import a_patient
from tests.running.galenic import running
from tests.running.waiting import allowed

MEGABYTE = 2**20
BODY_BYTES_MAX = 4 * MEGABYTE
BODY_SECONDS_MAX = 1.0
HEADER_SECONDS_MAX = 2.0
OVERSIZED = 20
SLOW = 100


@pytest.fixture(scope="module")
def limited(galenic):
    """A server on the same database with limits that are quickly reached."""
    with running(
        galenic.environment["GALENIC_DATABASE_URL"],
        worker=False,
        body_bytes_max=str(BODY_BYTES_MAX),
        body_seconds_max=str(BODY_SECONDS_MAX),
        header_seconds_max=str(HEADER_SECONDS_MAX),
    ) as server:
        yield server


@pytest.fixture(scope="module")
def url(limited):
    with limited.client() as client:
        return f"/Patient/{client.post('/Patient', json=a_patient()).json()['id']}"


def head(*lines, method="POST", path="/fhir/Patient"):
    first = [f"{method} {path} HTTP/1.1", "Host: x", "Content-Type: application/fhir+json"]
    return "\r\n".join([*first, *lines, "", ""]).encode()


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def outcome_of(answer, status):
    assert answer.status == status, answer
    return checked_outcome(answer.headers["content-type"], answer.body)


def rss(galenic):
    """Memory of the API process (bytes)."""
    return psutil.Process(galenic.apis[0].pid).memory_info().rss


def test_a_length_past_the_limit_is_413_before_the_body_is_sent(limited):
    answer = ask(limited, head(f"Content-Length: {BODY_BYTES_MAX + 1}"))
    outcome_of(answer, 413)
    assert answer.headers["connection"] == "close"


def test_a_client_that_asks_first_is_told_413_and_not_to_continue(limited):
    answer = ask(limited, head(f"Content-Length: {BODY_BYTES_MAX + 1}", "Expect: 100-continue"))
    assert b"100 Continue" not in answer.raw
    outcome_of(answer, 413)


@pytest.mark.parametrize("length", ["-1", "abc", "1e3", "9" * 30, "5, 5", "+5", "0x10"])
def test_a_length_that_is_none_is_refused(limited, length):
    answer = ask(limited, head(f"Content-Length: {length}"))
    assert answer.status in (400, 413)
    checked_outcome(answer.headers["content-type"], answer.body)


def test_chunks_past_the_limit_are_413(limited):
    answer = ask(limited, head("Transfer-Encoding: chunked"), *[chunk(b" " * MEGABYTE)] * 5)
    outcome_of(answer, 413)


def test_a_body_at_the_limit_is_read(limited):
    body = b'{"resourceType":"Patient"}'.ljust(BODY_BYTES_MAX)
    assert ask(limited, head(f"Content-Length: {len(body)}"), body).status == 201


def test_a_gzip_bomb_is_413_and_deflate_415(limited):
    bomb = gzip.compress(b" " * (200 * MEGABYTE), 9)
    assert len(bomb) < MEGABYTE
    outcome_of(ask(limited, head(f"Content-Length: {len(bomb)}", "Content-Encoding: gzip"), bomb), 413)
    deflated = zlib.compress(b" " * MEGABYTE)
    outcome_of(ask(limited, head(f"Content-Length: {len(deflated)}", "Content-Encoding: deflate"), deflated), 415)


def test_memory_stays_flat_while_oversized_bodies_come(limited):
    bomb = gzip.compress(b" " * (50 * MEGABYTE), 9)
    attacks = [
        [head(f"Content-Length: {100 * MEGABYTE}"), *[b" " * MEGABYTE] * 3],
        [head("Transfer-Encoding: chunked"), *[chunk(b" " * MEGABYTE)] * 6],
        [head(f"Content-Length: {len(bomb)}", "Content-Encoding: gzip"), bomb],
    ]
    for attack in attacks:
        ask(limited, *attack)
    before = rss(limited)
    for number in range(OVERSIZED):
        outcome_of(ask(limited, *attacks[number % len(attacks)]), 413)
    grown = (rss(limited) - before) / MEGABYTE
    print(f"{OVERSIZED} oversized bodies: RSS {before / MEGABYTE:.0f} MB, {grown:+.1f} MB")
    assert grown < 30


def test_a_url_of_1_mb_is_414(limited):
    outcome_of(ask(limited, head(method="GET", path="/fhir/Patient?identifier=" + "x" * MEGABYTE)), 414)


def test_20_000_headers_are_431(limited):
    outcome_of(ask(limited, head(*[f"X-{n}: 1" for n in range(20_000)], method="GET")), 431)


def test_one_header_of_1_mb_is_431(limited):
    outcome_of(ask(limited, head("X-Large: " + "x" * MEGABYTE, method="GET")), 431)


def test_a_body_that_does_not_arrive_is_408_after_its_time(limited):
    begun = time.monotonic()
    outcome_of(ask(limited, head("Content-Length: 100"), b"{"), 408)
    assert BODY_SECONDS_MAX * 0.9 < time.monotonic() - begun < allowed(BODY_SECONDS_MAX + 5)


def test_a_body_that_drips_is_408_after_its_time(limited):
    begun = time.monotonic()
    with connect(limited) as connection:
        connection.sendall(head("Content-Length: 1000"))
        while time.monotonic() - begun < BODY_SECONDS_MAX * 0.8:
            connection.sendall(b" ")
            time.sleep(0.1)
        answer = answer_on(connection)
    outcome_of(answer, 408)


def test_headers_that_do_not_arrive_are_408_and_the_connection_is_closed(limited):
    with connect(limited) as connection:
        connection.sendall(b"GET /fhir/metadata HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        outcome_of(answer_on(connection), 408)
        assert connection.recv(1) == b""


def test_a_connection_that_says_nothing_is_closed(limited):
    with connect(limited) as connection:
        assert connection.recv(1) == b""


def test_a_body_cut_off_in_the_middle_stores_nothing_and_harms_nobody(limited, url):
    for _ in range(20):
        with connect(limited) as connection:
            connection.sendall(head("Content-Length: 1000") + b'{"resourceType":"Patient"')
    assert ask(limited, head(method="GET", path=f"/fhir{url}")).status == 200


def reads(limited, url, times=20):
    """How long each of some reads takes (seconds)."""
    taken = []
    with limited.client() as client:
        for _ in range(times):
            begun = time.perf_counter()
            assert client.get(url).status_code == 200
            taken.append(time.perf_counter() - begun)
    return taken


def test_100_slow_writers_leave_others_answering(limited, url):
    with ExitStack() as stack:
        for _ in range(SLOW):
            writer = stack.enter_context(connect(limited))
            writer.sendall(head("Content-Length: 100000") + b'{"resourceType":')
        taken = reads(limited, url)
    print(f"beside {SLOW} slow writers: median {median(taken):.4f} s, slowest {max(taken):.3f} s")
    assert median(taken) < allowed(1)


def test_100_slow_readers_leave_others_answering(limited, url):
    request = head("Accept-Encoding: identity", method="GET", path="/fhir/metadata")
    with ExitStack() as stack:
        for _ in range(SLOW):
            reader = stack.enter_context(connect(limited))
            reader.sendall(request * 10)  # 10 large answers that nobody reads
        taken = reads(limited, url)
        before = rss(limited)
    print(f"beside {SLOW} slow readers: median {median(taken):.4f} s, RSS {before / MEGABYTE:.0f} MB")
    assert median(taken) < allowed(1)


def test_many_at_once_are_all_answered(limited, url):
    with ThreadPoolExecutor(8) as pool:
        taken = [one for some in pool.map(lambda _: reads(limited, url, 20), range(8)) for one in some]
    assert len(taken) == 160


@pytest.mark.prove
def test_memory_stays_flat_over_1000_oversized_bodies(limited):
    before = rss(limited)
    for _ in range(1_000):
        ask(limited, head("Transfer-Encoding: chunked"), *[chunk(b" " * MEGABYTE)] * 6)
    assert rss(limited) - before < 50 * MEGABYTE
