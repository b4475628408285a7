"""Which URLs webhooks go to, as far as their text says it."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.guarded.refusal import Refused
from integrations.guarded.targets import below, fetched_from, sent_to

ADDRESSES = [
    "127.0.0.1", "8.8.8.8", "2130706433", "134744072", "0x7f000001", "0x7f.1", "0X7F.0.0.1", "0177.0.0.1",
    "017700000001",
    "127.1", "127.0.1", "0", "0x", "127.0.0.1.", "1.1.1.1", "256.256.256.256", "a.b.0x1f", "[::1]", "[::]",
    "[2606:4700::1111]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[fe80::1%25eth0]", "[fe80::1%eth0]",
    "[64:ff9b::7f00:1]", "[v1.a]",
]  # fmt: skip


@pytest.mark.parametrize("host", ADDRESSES)
def test_an_address_in_any_spelling_is_not_a_host_by_name(host):
    with pytest.raises(Refused):
        sent_to(f"https://{host}/hook", allow_private=False)


def spellings(number):
    """One IPv4 address as the C library reads it: one to four parts, each in one of three bases."""
    octets = number.to_bytes(4, "big")
    for parts in range(1, 5):
        heads, last = octets[: parts - 1], int.from_bytes(octets[parts - 1 :], "big")
        for form in ("{}", "0{:o}", "{:#x}", "{:#010x}"):
            yield ".".join(form.format(part) for part in (*heads, last))


@given(st.integers(0, 2**32 - 1))
def test_no_spelling_of_an_ipv4_address_is_taken(number):
    for host in (*spellings(number), f"[::ffff:{ipaddress.IPv4Address(number)}]"):
        with pytest.raises(Refused):
            sent_to(f"https://{host}/", allow_private=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/", "file:///etc/passwd", "gopher://a.example/", "ftp://a.example/", "unix:///run/x",
        "//a.example/",
        "a.example/hook", "", "https://", "https:///hook", "https://?", "nonsense", "javascript:1", "data:,x",
        "https://user@a.example/", "https://user:pw@a.example/", "https://:pw@a.example/", "https://@a.example/",
        "https://a.example@127.0.0.1/", "https://a.example\\@127.0.0.1/", "https://127.0.0.1\\.a.example/",
        "https://localhost/", "https://LOCALHOST/", "https://localhost./", "https://a.localhost/",
        "https://localhost.localdomain/",
        "https://a.example/\r\nHost: b.example", "https://a.example/\n", "https://a.exa\tmple/", " https://a.example/",
        "https://a.example/a b", "https://a.example/\\b", "https://a.example/\0", "https://a.example/\x7f", "https://ä.example/",
        "https://ａ.example/",
        "https://１２７.0.0.1/", "https://127。0。0。1/", "https://127%2e0.0.1/", "https://a..example/", "https://.example/",
        "https://-a.example/", "https://a.example:99999/", "https://a.example:x/", "https://a.example:0/",
        "https://a.example:22/", "https://a.example:80/", "https://a.example:1023/", "https://a.example/#f",
        "https://[::1",
        "https://a.example/" + "x" * 4096, "https://" + "a." * 127 + "example/",
    ],
)  # fmt: skip
def test_what_is_no_https_url_of_a_named_host_is_refused(url):
    with pytest.raises(Refused):
        sent_to(url, allow_private=False)


@pytest.mark.parametrize(
    ("url", "host", "port", "authority"),
    [
        ("https://a.example/hook?k=1", "a.example", 443, "a.example"),
        ("https://A.example:443/", "a.example", 443, "A.example:443"),
        ("https://a.example:1024", "a.example", 1024, "a.example:1024"),
        ("https://a.example:65535/", "a.example", 65535, "a.example:65535"),
        ("https://xn--4ca.example/", "xn--4ca.example", 443, "xn--4ca.example"),
        ("https://10.example/", "10.example", 443, "10.example"),
        ("https://0x.example/", "0x.example", 443, "0x.example"),
    ],
)
def test_an_https_url_of_a_named_host_is_taken(url, host, port, authority):
    target = sent_to(url, allow_private=False)
    assert (target.host, target.port, target.authority) == (host, port, authority)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:81/x", "http://localhost:8080/", "https://[::1]/", "https://2130706433/"]
)
def test_development_opens_http_addresses_and_ports(url):
    assert sent_to(url, allow_private=True).url == url


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "http://u@localhost/", "http://a.example/\n", "http://a.example/#f", "http:///x"]
)
def test_development_opens_nothing_else(url):
    with pytest.raises(Refused):
        sent_to(url, allow_private=True)


def test_a_url_of_an_operators_may_have_an_address():
    assert fetched_from("https://8.8.8.8/jwks", allow_private=False).host == "8.8.8.8"


def test_a_refusal_repeats_nothing_of_the_url():
    for url in ("https://a.example:22/canary", "https://canary:pw@a.example/", "http://canary/", "https://canary:x/"):
        with pytest.raises(Refused) as refused:
            sent_to(url, allow_private=False)
        assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("https://a.example", "https://a.example/Patient/1"),
        ("https://a.example/x/", "https://a.example/x/Patient/1"),
        ("https://a.example/x?k=/y", "https://a.example/x/Patient/1?k=/y"),
    ],
)
def test_a_path_goes_below_the_urls_own_and_before_its_query(url, whole):
    assert below(url, "/Patient/1") == whole
