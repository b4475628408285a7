"""Time as the database tells it, readable without asking the database each time."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

MILLISECOND = timedelta(milliseconds=1)


class Clock(Protocol):
    def now(self) -> datetime:
        """The current instant in UTC, to the millisecond."""


class DatabaseClock:
    """The database's clock, carried forward by the monotonic clock between two synchronisations."""

    def __init__(self) -> None:
        self._at_start = datetime.now(UTC) - timedelta(seconds=time.monotonic())

    def synchronise(self, database_now: datetime) -> None:
        self._at_start = database_now.astimezone(UTC) - timedelta(seconds=time.monotonic())

    def now(self) -> datetime:
        return truncate(self._at_start + timedelta(seconds=time.monotonic()))


def truncate(instant: datetime) -> datetime:
    """The instant without its microseconds: what `meta.lastUpdated` shows is what is stored."""
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def instant(moment: datetime) -> str:
    """A FHIR instant, always UTC and always with milliseconds. https://hl7.org/fhir/R4/datatypes.html#instant."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def after(previous: datetime, now: datetime) -> datetime:
    """The next `lastUpdated` of one resource: it never stands still and never goes back."""
    return max(now, previous + MILLISECOND)
