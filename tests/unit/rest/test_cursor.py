"""Paging links: opaque, sealed, good for a while."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fhir_server.errors import Gone, Invalid
from fhir_server.rest.cursor import CursorSealer


class FixedClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 21, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def sealer(clock: FixedClock) -> CursorSealer:
    return CursorSealer(b"key", 60, clock)


def test_a_cursor_gives_its_state_back(sealer: CursorSealer) -> None:
    assert sealer.open("q", sealer.seal("q", ["a", 1])) == ["a", 1]


def test_a_cursor_is_good_for_its_own_request_only(sealer: CursorSealer) -> None:
    with pytest.raises(Invalid):
        sealer.open("other", sealer.seal("q", [1]))


def test_a_cursor_of_another_key_is_refused(sealer: CursorSealer, clock: FixedClock) -> None:
    with pytest.raises(Invalid):
        sealer.open("q", CursorSealer(b"other", 60, clock).seal("q", [1]))


def test_a_cursor_expires_with_a_sentence(sealer: CursorSealer, clock: FixedClock) -> None:
    text = sealer.seal("q", [1])
    clock.moment += timedelta(seconds=61)
    with pytest.raises(Gone, match="60 seconds"):
        sealer.open("q", text)


def test_a_cursor_shows_neither_what_was_asked_for_nor_where_the_page_ended(sealer: CursorSealer) -> None:
    import base64

    text = sealer.seal("Patient&identifier=urn:mrn|12345", ["fenwick"])
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    assert b"12345" not in raw
    assert b"fenwick" not in raw


SEALER = CursorSealer(b"key", 60, FixedClock())


@given(st.text(max_size=200))
def test_garbage_is_refused_and_never_crashes(text: str) -> None:
    with pytest.raises(Invalid):
        SEALER.open("q", text)
