"""What is taken when a Subscription is created is what is sent, and where: headers, and addresses of mail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.guarded.fields import checked
from integrations.webhooks.rest_hook import OURS
from subscriptions.endpoint import Fault, faults_of_mail, header, is_address


@given(
    st.one_of(st.sampled_from(sorted(OURS)), st.text(max_size=12)),
    st.one_of(st.just("x"), st.text(max_size=8)),
)
def test_a_header_that_is_taken_is_one_that_is_sent(name: str, value: str) -> None:
    found = header(f"{name}: {value}")
    if not isinstance(found, Fault):
        assert checked([found], OURS) == [found]


ADDRESSES = ["a@b.example", "mia.larsen+ward_3@sink.example", "o'brien@x-y.sink.example", "a@xn--mnchen-3ya.example"]
NO_ADDRESSES = [
    "", "a", "a@b", "@b.example", "a@.example", "a@b..example", "a@b.example.", ".a@b.example", "a.@b.example",
    "a..b@c.example", "a@127.0.0.1", "a@[127.0.0.1]", "a@-b.example", "a@b@c.example", "a%c.example@b.example",
    "a@b.example,c@d.example", "a b@c.example", "<a@b.example>", '"a"@b.example', "a@b.example?subject=x",
    "a@b.example\r\nBcc: c@d.example", "a@b.example\n", "a\0@b.example", "a%0d%0aRSET@b.example",
    "ä@b.example", "a@bücher.example", f"{'a' * 65}@b.example", f"a@{'b' * 64}.example", f"a@{'b.' * 125}example",
]  # fmt: skip


@pytest.mark.parametrize("text", ADDRESSES)
def test_a_plain_address_is_written_to(text: str) -> None:
    assert is_address(text)
    assert list(faults_of_mail(f"mailto:{text}")) == []


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_could_be_read_in_two_ways_is_no_address(text: str) -> None:
    assert not is_address(text)
    assert len(list(faults_of_mail(f"mailto:{text}"))) == 1


@pytest.mark.parametrize(
    "url", ["a@b.example", "MAILTO:a@b.example", "mailto:", "mailto://a@b.example", "mailto: a@b.example"]
)
def test_an_endpoint_of_mail_is_mailto_and_an_address(url: str) -> None:
    assert [one.code for one in faults_of_mail(url)] == ["value"]
