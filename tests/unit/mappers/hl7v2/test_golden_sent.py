"""What is sent, and the messages it is sent as, side by side in tests/golden/hl7v2: typed from the mapping tables.

`1_fhir.json` has the resource that is sent and, behind it, those it refers to; `2_message.hl7` a segment a line;
`3_notes.json` the places of what is not carried.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from mappers.hl7v2.from_fhir.rde import rde
from mappers.hl7v2.from_fhir.rds import rds
from mappers.hl7v2.from_fhir.sending import Envelope, Written
from mappers.making import Making

GOLDEN = Path(__file__).parents[3] / "golden/hl7v2"
WRITERS: Final[dict[str, Callable[..., Written]]] = {"sent_rde_o11": rde, "sent_rds_o13": rds}
MAKING = Making(
    "north", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), UUID(int=7), UTC, {"NORTH": "http://north.example/mrn"}
)
ENVELOPE = Envelope(("GALENIC", "PHARM"), ("WARD", "NORTH"), "R1")


def written(case: str) -> Written:
    resources: list[Any] = json.loads((GOLDEN / case / "1_fhir.json").read_text("utf-8"))
    by_reference = {f"{one['resourceType']}/{one['id']}": one for one in resources}
    return WRITERS[case](resources[0], by_reference, MAKING, ENVELOPE)


@pytest.mark.parametrize("case", WRITERS)
def test_a_resource_is_sent_as_the_message_beside_it(case: str) -> None:
    lines = written(case).message.decode().rstrip("\r").split("\r")
    assert lines == (GOLDEN / case / "2_message.hl7").read_text("utf-8").splitlines()


@pytest.mark.parametrize("case", WRITERS)
def test_what_is_not_carried_is_noted_with_its_place(case: str) -> None:
    notes = [note.place for note in written(case).notes]
    assert notes == json.loads((GOLDEN / case / "3_notes.json").read_text("utf-8"))
