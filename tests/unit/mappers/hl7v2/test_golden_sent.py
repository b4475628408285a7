"""What is sent, and the messages it is sent as, side by side in tests/golden/hl7v2: typed from the mapping tables.

`1_fhir.json` has the resource that is sent and, behind it, those it refers to; `2_message.hl7` a segment a line;
`3_notes.json` the places of what is not carried.
"""

from pathlib import Path

import pytest

from tests.golden.hl7v2_cases import SENT, stage, written


@pytest.mark.parametrize("case", SENT, ids=lambda case: case.name)
def test_a_resource_is_sent_as_the_message_beside_it(case: Path) -> None:
    lines = written(case.name, stage(case, "1_fhir.json")).message.decode().rstrip("\r").split("\r")
    assert lines == (case / "2_message.hl7").read_text("utf-8").splitlines()


@pytest.mark.parametrize("case", SENT, ids=lambda case: case.name)
def test_what_is_not_carried_is_noted_with_its_place(case: Path) -> None:
    notes = [note.place for note in written(case.name, stage(case, "1_fhir.json")).notes]
    assert notes == stage(case, "3_notes.json")
