"""Every real ADT, MFN and DFT is answered as the table beside this file says, and what it becomes is R4.

The table was made by the rules of docs/messages/hl7v2 from the headers of the messages, before they were mapped.
"""

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from fhir_server.errors import Issue
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse as parse_json
from fhir_server.validation.validator import Validator
from mappers.hl7v2.acknowledgement import acknowledge
from mappers.hl7v2.faults import APPLICATION_ERROR, Hl7Fault
from mappers.hl7v2.message import parse, parse_all
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Mapped
from tests.conftest import CORPUS

pytestmark = pytest.mark.corpus

MESSAGES = CORPUS / "pharmacy/hl7v2"
TABLE = Path(__file__).with_name("hl7v2_administration.tsv")
FOLDERS = ("ADT", "MFN", "DFT")
NOW = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)


class Expected(NamedTuple):
    file: str
    part: str
    code: str
    error: str
    place: str
    reason: str


def expected() -> list[Expected]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return [Expected(*row) for row in list(csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE))[1:]]


@cache
def answered(file: str, part: str) -> Mapped | Hl7Fault:
    raw = parse_all((MESSAGES / file).read_bytes())[int(part) - 1]
    making = Making("north", NOW, UUID(int=7), ZoneInfo("America/New_York"))
    try:
        return to_fhir(parse(raw), making)
    except Hl7Fault as fault:
        return fault


def the_code(answer: Mapped | Hl7Fault) -> tuple[str, str, str]:
    if isinstance(answer, Mapped):
        return "AA", "", ""
    return "AR" if answer.reject else "AE", answer.code, answer.place


@pytest.fixture(scope="module")
def issues() -> Callable[[Any], list[Issue]]:
    validator = Validator(load_definitions())
    return lambda resource: validator.validate(parse_json(json.dumps(resource).encode(), 50))


def test_the_table_has_every_message_of_the_corpus() -> None:
    files = sorted(path for folder in FOLDERS for path in (MESSAGES / folder).iterdir())
    found = {(f"{p.parent.name}/{p.name}", str(n)) for p in files for n, _ in enumerate(parse_all(p.read_bytes()), 1)}
    assert {(row.file, row.part) for row in expected()} == found


def test_every_message_is_answered_as_the_table_says() -> None:
    wrong = [
        (row, the_code(answered(row.file, row.part)))
        for row in expected()
        if the_code(answered(row.file, row.part)) != (row.code, row.error, row.place)
    ]
    assert wrong == []


def test_no_message_is_an_application_error_and_each_that_is_refused_has_a_reason() -> None:
    assert [row for row in expected() if row.error == APPLICATION_ERROR] == []
    assert [row for row in expected() if (row.code == "AA") == bool(row.reason)] == []


def test_whatever_a_message_becomes_is_valid_r4(issues: Callable[[Any], list[Issue]]) -> None:
    found = [
        (row.file, entry.type_name, issue.expression, issue.diagnostics)
        for row in expected()
        if isinstance(answer := answered(row.file, row.part), Mapped)
        for entry in answer.entries
        for issue in issues(entry.resource)
        if issue.severity == "error"
    ]
    assert found == []


def test_every_admission_has_its_patient_its_origin_and_its_provenance() -> None:
    lacking = [
        row.file
        for row in expected()
        if isinstance(answer := answered(row.file, row.part), Mapped)
        and not row.file.startswith("MFN")
        and not {"Patient", "MessageHeader", "Provenance"} <= {one.type_name for one in answer.entries}
    ]
    assert lacking == []


def test_every_message_that_cannot_be_mapped_can_be_acknowledged() -> None:
    for row in expected():
        answer = answered(row.file, row.part)
        if isinstance(answer, Hl7Fault):
            ack = parse(acknowledge(answer.header, row.code, [answer], now=NOW, control_id="A1"))
            assert ack.segments[1].text(1) == row.code
