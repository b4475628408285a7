"""What the server writes into a resource, and what it leaves alone."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.clock import MILLISECOND, DatabaseClock, after, instant, truncate
from fhir_server.model.parser import parse
from fhir_server.storage.stamp import same_content, stamped

NOW = datetime(2026, 11, 21, 8, 30, 0, 123_000, tzinfo=UTC)


def test_id_and_meta_are_written_and_the_rest_keeps_its_order() -> None:
    resource = parse(b'{"z":1.00,"resourceType":"Basic","id":"x","a":1e5,"meta":{"tag":[],"versionId":"9"}}', 9)
    assert stamped(resource, "y", 3, NOW) == (
        b'{"resourceType":"Basic","id":"y","meta":{"tag":[],"versionId":"3","lastUpdated":"2026-11-21T08:30:00.123Z"},'
        b'"z":1.00,"a":1e5}'
    )


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (b'{"a":1.0,"b":2}', b'{"b":2,"a":1.0}', True),
        (b'{"a":1.0}', b'{"a":1.00}', False),
        (b'{"a":[1,2]}', b'{"a":[2,1]}', False),
        (b'{"meta":{"versionId":"1","lastUpdated":"x"}}', b"{}", True),
        (b'{"meta":{"versionId":"1","tag":[{}]}}', b"{}", False),
        (b'{"id":"1"}', b"{}", True),
    ],
)
def test_only_what_the_client_wrote_counts_as_a_change(one: bytes, other: bytes, same: bool) -> None:
    assert same_content(parse(one, 9), parse(other, 9)) is same


MOMENTS = st.datetimes(timezones=st.just(UTC), max_value=datetime(9998, 1, 1))  # noqa: DTZ001 - naive bounds


@given(MOMENTS, MOMENTS)
def test_last_updated_never_stands_still_and_never_goes_back(now: datetime, previous: datetime) -> None:
    assert after(previous, now) > previous


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_shows_what_is_stored(moment: datetime) -> None:
    assert datetime.fromisoformat(instant(moment)) == truncate(moment)


def test_the_clock_follows_the_database() -> None:
    clock = DatabaseClock()
    clock.synchronise(datetime.now(UTC) - timedelta(hours=1))
    behind = datetime.now(UTC) - clock.now()
    assert timedelta(minutes=59) < behind < timedelta(minutes=61)
    assert clock.now().microsecond % 1000 == 0
    assert timedelta(milliseconds=1) == MILLISECOND
    assert json.loads(b'"' + instant(NOW).encode() + b'"').endswith("Z")
