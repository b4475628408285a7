"""Where something is wrong, as ERR-2 says it, and that everything a message makes has such a place."""

from pathlib import Path

import pytest

from mappers.hl7v2.faults import location
from tests.golden.hl7v2_cases import RECEIVED, mapped, text_of


@pytest.mark.parametrize(
    ("place", "erl"),
    [
        ("PID", ("PID", "1", "", "", "")),
        ("PID-3", ("PID", "1", "3", "", "")),
        ("PID-3.1", ("PID", "1", "3", "", "1")),
        ("RXE[2]-2", ("RXE", "2", "2", "", "")),
        ("ZX1[12]-10.4", ("ZX1", "12", "10", "", "4")),
    ],
)
def test_a_place_is_an_error_location(place: str, erl: tuple[str, ...]) -> None:
    assert location(place) == erl


@pytest.mark.parametrize("place", ["", "MedicationRequest.status", "pid-3", "PID-", "PID.3", "PID-3.1.2", "PID[]-3"])
def test_what_names_no_segment_is_no_location(place: str) -> None:
    assert location(place) == ()


@pytest.mark.parametrize("case", RECEIVED, ids=lambda case: case.name)
def test_everything_that_a_message_makes_has_a_place(case: Path) -> None:
    entries = mapped(text_of(case)).entries
    assert [one.type_name for one in entries if not location(one.place)] == []
