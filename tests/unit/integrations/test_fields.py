"""Which headers others may choose."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.guarded.fields import FIELD_BYTES_MAX, FIELDS_MAX, checked
from integrations.guarded.refusal import Refused

TAKEN = [
    ("Authorization", "Bearer a.b-c"),
    ("X-Key", ""),
    ("Cookie", "a=1; b=2"),
    ("X-Api-Key", "a\tb"),
    ("x-hostname", "x"),
]
REFUSED = [
    ("Host", "b.example"), ("HOST", "b.example"), ("Content-Length", "0"), ("Transfer-Encoding", "chunked"),
    ("Connection", "close"), ("Proxy-Authorization", "x"), ("proxy-connection", "x"),
    ("TE", "trailers"), ("Trailer", "x"),    ("Upgrade", "h2c"), ("Expect", "100-continue"), ("Keep-Alive", "1"),
    ("X-A", "1\r\nHost: b"), ("X-A", "1\n"),
    ("X-A", "\r"), ("X-A", "1\0"), ("X-A", " 1"), ("X-A", "1 "), ("X-A", "é"), ("X-A\r\nHost", "b"), ("X-A\n", "b"),
    ("X A", "b"), ("X-A:", "b"), ("", "b"), ("X-A\0", "b"), ("Hoſt", "b"), ("X-A", "x" * FIELD_BYTES_MAX),
]  # fmt: skip


@pytest.mark.parametrize("field", TAKEN)
def test_a_sinks_own_header_is_taken(field):
    assert checked([field]) == [field]


@pytest.mark.parametrize("field", REFUSED)
def test_a_header_that_ends_its_line_or_says_where_the_request_goes_is_refused(field):
    with pytest.raises(Refused, match="header 2"):
        checked([("X-First", "1"), field])


def test_a_header_that_is_ours_here_is_refused_whatever_its_case():
    with pytest.raises(Refused):
        checked([("WebHook-Id", "1")], ["webhook-id"])


def test_too_many_headers_are_refused():
    with pytest.raises(Refused):
        checked([("X-A", "1")] * (FIELDS_MAX + 1))


@given(st.text(), st.text())
def test_no_header_that_is_taken_has_a_character_that_ends_it(name, value):
    with contextlib.suppress(Refused):
        checked([(name, value)])
        assert not set("\r\n\0") & set(name + value)


def test_a_refusal_repeats_nothing_of_the_header():
    with pytest.raises(Refused) as refused:
        checked([("canary", "canary\n")])
    assert "canary" not in str(refused.value)
