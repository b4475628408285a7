"""Time stamps of HL7 v2 (DT, TM, DTM and the older TS) as FHIR's, and back.

`YYYY[MM[DD[HH[MM[SS[.S[S[S[S]]]]]]]]][+/-ZZZZ]`: chapter 2A of HL7 v2. FHIR R4 wants seconds and an offset as soon as
there is a time: seconds that are left out are 00, and an offset that is left out is the one of the sender's zone.
https://hl7.org/fhir/R4/datatypes.html#dateTime
"""

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Final

SHAPE: Final = re.compile(
    r"(?P<year>\d{4})(?:(?P<month>\d\d)(?:(?P<day>\d\d)(?:(?P<hour>\d\d)(?:(?P<minute>\d\d)"
    r"(?:(?P<second>\d\d)(?P<fraction>\.\d{1,9})?)?)?)?)?)?(?P<offset>[+-]\d{4})?",
    re.ASCII,
)
TIME: Final = re.compile(r"(\d\d)(?:(\d\d)(?:(\d\d)(\.\d{1,9})?)?)?(?:[+-]\d{4})?", re.ASCII)
OFFSET_MAX: Final = 14 * 60
"""Minutes."""
NOT_DIGITS: Final = re.compile(r"[^0-9]")
FHIR_TIME: Final = re.compile(r"(\d\d):(\d\d)(?::(\d\d)(\.\d+)?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)


def instant(text: str, zone: tzinfo) -> str | None:
    """A FHIR dateTime as precise as the text; `zone` is that of texts without an offset. None if it is no time."""
    found = SHAPE.fullmatch(text)
    if found is None:
        return None
    day = _day(found)
    if day is None or found["hour"] is None:
        return day
    return _moment(found, zone)


def date(text: str) -> str | None:
    """A FHIR date: the day as it is written, whatever the time and zone beside it. None if it is none."""
    found = SHAPE.fullmatch(text)
    return None if found is None else _day(found)


def time(text: str) -> str | None:
    """A FHIR time of a TM; its offset, which FHIR has no place for, is left out. None if it is none."""
    found = TIME.fullmatch(text)
    if found is None:
        return None
    hour, minute, second = (int(found[group] or 0) for group in (1, 2, 3))
    valid = hour < 24 and minute < 60 and second < 60  # noqa: PLR2004  a clock
    return f"{hour:02}:{minute:02}:{second:02}{found[4] or ''}" if valid else None


def timestamp(text: str) -> str:
    """DT or DTM of a FHIR date, dateTime or instant: `202108181126+0215` without what it does not say."""
    day, _, clock = text.partition("T")
    found = FHIR_TIME.fullmatch(clock)
    if found is None:
        return NOT_DIGITS.sub("", day)
    hour, minute, second, fraction, offset = found.groups(default="")
    zone = "+0000" if offset == "Z" else offset.replace(":", "")
    return NOT_DIGITS.sub("", day) + hour + minute + second + fraction[:5] + zone


def of_moment(moment: datetime) -> str:
    """DTM to the second, with the offset: what MSH-7 says."""
    return moment.strftime("%Y%m%d%H%M%S%z")


def _day(found: re.Match[str]) -> str | None:
    parts = [found[name] for name in ("year", "month", "day") if found[name]]
    try:
        datetime(int(found["year"]), int(found["month"] or 1), int(found["day"] or 1))  # noqa: DTZ001  a day
    except ValueError:
        return None
    return "-".join(parts)


def _moment(found: re.Match[str], zone: tzinfo) -> str | None:
    parts = (int(found[name] or 0) for name in ("year", "month", "day", "hour", "minute", "second"))
    try:
        moment = datetime(*parts, tzinfo=_offset(found["offset"]) or zone)  # type: ignore[misc, arg-type]
    except ValueError:
        return None
    minutes = round((moment.utcoffset() or timedelta()) / timedelta(minutes=1))
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    clock = moment.replace(tzinfo=None).isoformat(timespec="seconds")  # four digits of a year, which %Y has not
    return f"{clock}{found['fraction'] or ''}{sign}{hours:02}:{rest:02}"


def _offset(text: str | None) -> tzinfo | None:
    """Raises ValueError where no clock on earth shows it."""
    if not text:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    if minutes > OFFSET_MAX or int(text[3:]) >= 60:  # noqa: PLR2004  minutes of an hour
        raise ValueError(text)
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
