"""Time stamps: https://hl7.org/fhir/R4/datatypes.html#dateTime."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.hl7v2.times import date, instant, of_moment, time, timestamp

NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2021", "2021"),
        ("202108", "2021-08"),
        ("20210818", "2021-08-18"),
        ("2021081811", "2021-08-18T11:00:00-04:00"),
        ("202108181126", "2021-08-18T11:26:00-04:00"),
        ("20210118112657", "2021-01-18T11:26:57-05:00"),
        ("202108181126+0215", "2021-08-18T11:26:00+02:15"),
        ("20210818112657.2251-0930", "2021-08-18T11:26:57.2251-09:30"),
        ("20110701113813.225", "2011-07-01T11:38:13.225-04:00"),
        ("20210818112657+0000", "2021-08-18T11:26:57+00:00"),
        ("20210818+0200", "2021-08-18"),
        ("20200229", "2020-02-29"),
        ("000101011130+0000", "0001-01-01T11:30:00+00:00"),
        ("0999123123+0100", "0999-12-31T23:00:00+01:00"),
    ],
)
def test_a_time_is_as_precise_as_it_is_written(text: str, meant: str) -> None:
    assert instant(text, NEW_YORK) == meant


@pytest.mark.parametrize(
    "text",
    """ - 21 20211 202113 20210230 00000000 2021081824 202108181160 20210818112660 x 2021-08 202108181126+1500
    202108181126+0260 20210818112657. 202108181126Z \u0662\u0660\u0662\u0661""".split(),
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert instant(text, UTC) is None


def test_a_date_is_the_day_as_written() -> None:
    assert [date(one) for one in ("2021", "202108", "202108182330-0500", "20210230", "")] == [
        "2021",
        "2021-08",
        "2021-08-18",
        None,
        None,
    ]


def test_a_zone_whose_offset_has_seconds_is_rounded_to_minutes() -> None:
    assert instant("188001011200", ZoneInfo("Asia/Tokyo")) == "1880-01-01T12:00:00+09:19"


def test_a_time_of_day_has_no_offset() -> None:
    texts = ("08", "0830", "083015", "083015.25+0200", "2400", "0860", "8", "")
    assert [time(one) for one in texts] == ["08:00:00", "08:30:00", "08:30:15", "08:30:15.25", None, None, None, None]


@pytest.mark.parametrize(
    ("fhir", "written"),
    [
        ("2021", "2021"),
        ("2021-08", "202108"),
        ("2021-08-18", "20210818"),
        ("2021-08-18T11:26:57Z", "20210818112657+0000"),
        ("2021-08-18T11:26:57.123456-04:00", "20210818112657.1234-0400"),
    ],
)
def test_a_time_of_fhir_is_written_with_its_offset(fhir: str, written: str) -> None:
    assert timestamp(fhir) == written


def test_now_is_written_to_the_second() -> None:
    assert of_moment(datetime(2026, 11, 2, 8, 5, 9, 77, tzinfo=UTC)) == "20261102080509+0000"


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(), OFFSETS)
def test_a_moment_is_the_same_there_and_back(moment: datetime, zone: timezone) -> None:
    fhir = moment.replace(microsecond=0, tzinfo=zone).isoformat()
    assert instant(timestamp(fhir), UTC) == fhir
