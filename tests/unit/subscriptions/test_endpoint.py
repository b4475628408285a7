"""A header that is taken when a Subscription is created is one that is sent later."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.guarded.fields import checked
from integrations.webhooks.rest_hook import OURS
from subscriptions.endpoint import Fault, header


@given(
    st.one_of(st.sampled_from(sorted(OURS)), st.text(max_size=12)),
    st.one_of(st.just("x"), st.text(max_size=8)),
)
def test_a_header_that_is_taken_is_one_that_is_sent(name: str, value: str) -> None:
    found = header(f"{name}: {value}")
    if not isinstance(found, Fault):
        assert checked([found], OURS) == [found]
