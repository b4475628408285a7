"""How long a receiver asks us to wait."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.webhooks.rest_hook import retry_after

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("5", 5), (" 5 ", 5), ("0", 1), ("3600", 3600), ("3601", 3600), ("999999999", 3600),
        ("Thu, 01 Jan 2026 12:02:00 GMT", 120), ("Thu, 01 Jan 2026 11:00:00 GMT", 1),
        ("Fri, 02 Jan 2026 12:00:00 GMT", 3600),
        ("Thu, 01 Jan 2026 12:02:00 -0000", 120), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٥", None),
        ("9999999999", None),
    ],
)  # fmt: skip
def test_it_is_said_in_seconds_or_by_a_date_and_is_bounded(text, seconds):
    assert retry_after({"retry-after": text}, NOW) == seconds


def test_nothing_said_is_nothing():
    assert retry_after({}, NOW) is None


@given(st.text())
def test_whatever_is_said_is_within_an_hour_or_nothing(text):
    seconds = retry_after({"retry-after": text}, NOW)
    assert seconds is None or 1 <= seconds <= 3600
