"""Messages and what they mean, side by side in tests/golden/hl7v2: typed from the mapping tables, stage by stage.

`1_message.hl7` has a segment a line; `2_fhir.json` the entries by name (`Patient`, `Condition[2]`), in which references
are those names; `3_notes.json` place and severity of every note. Where the message is refused, `2_fault.json`.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fhir_server.errors import Issue
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse as parse_json
from fhir_server.validation.validator import Validator
from mappers.hl7v2.faults import Hl7Fault
from tests.golden.hl7v2_cases import RECEIVED, REFUSED, compared, mapped, stage, text_of


@pytest.fixture(scope="module")
def issues() -> Callable[[Any], list[Issue]]:
    validator = Validator(load_definitions())
    return lambda resource: validator.validate(parse_json(json.dumps(resource).encode(), 50))


def test_there_are_cases() -> None:
    assert RECEIVED


@pytest.mark.parametrize("case", RECEIVED, ids=lambda case: case.name)
def test_a_message_means_what_is_written_beside_it(case: Path) -> None:
    expected = stage(case, "2_fhir.json")
    assert compared(mapped(text_of(case)), expected) == expected


@pytest.mark.parametrize("case", RECEIVED, ids=lambda case: case.name)
def test_what_a_message_says_in_vain_is_noted_with_its_place(case: Path) -> None:
    found = [[note.place, note.severity] for note in mapped(text_of(case)).notes]
    assert sorted(found) == sorted(stage(case, "3_notes.json"))


@pytest.mark.parametrize("case", RECEIVED, ids=lambda case: case.name)
def test_what_comes_of_a_message_is_valid_r4(case: Path, issues: Callable[[Any], list[Issue]]) -> None:
    errors = [
        (entry.type_name, issue.expression, issue.diagnostics)
        for entry in mapped(text_of(case)).entries
        if entry.how != "find"
        for issue in issues(entry.resource)
        if issue.severity == "error"
    ]
    assert errors == []


@pytest.mark.parametrize("case", RECEIVED, ids=lambda case: case.name)
def test_a_message_that_is_mapped_twice_makes_the_same(case: Path) -> None:
    assert mapped(text_of(case)) == mapped(text_of(case))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_message_is_refused_by_the_code_and_place_beside_it(case: Path) -> None:
    with pytest.raises(Hl7Fault) as caught:
        mapped(text_of(case))
    fault = caught.value
    assert {"code": fault.code, "place": fault.place, "reject": fault.reject} == stage(case, "2_fault.json")
