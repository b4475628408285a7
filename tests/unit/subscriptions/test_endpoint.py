"""What is taken when a Subscription is created is what is sent later: neither judge is laxer than the other knows."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.guarded.fields import checked
from integrations.guarded.targets import sent_to
from integrations.webhooks.rest_hook import OURS
from subscriptions.endpoint import Fault, faults_of_url, header

HOSTS = st.one_of(
    st.from_regex(r"[a-zA-Z0-9_.:@\[\]%-]{1,20}", fullmatch=True),
    st.ip_addresses().map(str),
    st.ip_addresses(v=4).map(lambda address: hex(int(address))),
    st.sampled_from(["sink.example", "localhost", "a.localhost", "localhost.localdomain", "127.1", "a.0x1f", "[::1]"]),
)
PORTS = st.one_of(st.sampled_from(["", ":22", ":443", ":1023"]), st.integers(0, 70_000).map(":{}".format))
PATHS = st.one_of(st.sampled_from(["", "hook"]), st.text(max_size=5))
URLS = st.builds("{}://{}{}/{}".format, st.sampled_from(["https", "http", "file"]), HOSTS, PORTS, PATHS)


@given(URLS)
def test_an_endpoint_that_is_taken_is_one_that_is_sent_to(url: str) -> None:
    if not list(faults_of_url(url, allow_plain=False)):
        sent_to(url, allow_private=False)
    if not list(faults_of_url(url, allow_plain=True)):
        sent_to(url, allow_private=True)


@given(
    st.one_of(st.sampled_from(sorted(OURS)), st.text(max_size=12)),
    st.one_of(st.just("x"), st.text(max_size=8)),
)
def test_a_header_that_is_taken_is_one_that_is_sent(name: str, value: str) -> None:
    found = header(f"{name}: {value}")
    if not isinstance(found, Fault):
        assert checked([found], OURS) == [found]
