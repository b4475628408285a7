"""Messages and what they mean, side by side in tests/golden/hl7v2: typed from the mapping tables, stage by stage.

`1_message.hl7` has a segment a line; `2_fhir.json` the entries by name (`Patient`, `Condition[2]`), in which references
are those names; `3_notes.json` place and severity of every note. Where the message is refused, `2_fault.json`.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from fhir_server.errors import Issue
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse as parse_json
from fhir_server.validation.validator import Validator
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Entry, Mapped, referring

GOLDEN = Path(__file__).parents[3] / "golden/hl7v2"
CASES = sorted(path.parent for path in GOLDEN.glob("*/2_fhir.json"))
REFUSED = sorted(path.parent for path in GOLDEN.glob("*/2_fault.json"))
DERIVED = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An identifier that nobody can work out by hand; test_identifiers.py says what it depends on."""
ORIGIN = ("MessageHeader", "Provenance")
"""In every message alike: compared where a case has typed them."""


def the_making() -> Making:
    now = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
    return Making("north", now, UUID(int=7), ZoneInfo("America/New_York"), {"NORTH": "http://north.example/mrn"})


def mapped(case: Path) -> Mapped:
    text = (case / "1_message.hl7").read_text("utf-8")
    return to_fhir(parse(text.replace("\n", "\r").encode()), the_making())


def stage(case: Path, name: str) -> Any:
    return json.loads((case / name).read_text("utf-8"))


def names_of(entries: tuple[Entry, ...]) -> dict[str, str]:
    """`Patient`, and `Patient[2]` for the second one, by full URL."""
    counts: Counter[str] = Counter()
    names = {}
    for entry in entries:
        counts[entry.type_name] += 1
        number = counts[entry.type_name]
        names[entry.full_url] = entry.type_name if number == 1 else f"{entry.type_name}[{number}]"
    return names


def written(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    said = {"how": entry.how, "condition": entry.condition, "cleared": list(entry.cleared)}
    whole = {name: value for name, value in said.items() if value} | {"resource": referring(entry.resource, names)}
    derived: dict[str, Any] = json.loads(DERIVED.sub("(derived)", json.dumps(whole)))
    return derived


@pytest.fixture(scope="module")
def issues() -> Callable[[Any], list[Issue]]:
    validator = Validator(load_definitions())
    return lambda resource: validator.validate(parse_json(json.dumps(resource).encode(), 50))


def test_there_are_cases() -> None:
    assert CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_message_means_what_is_written_beside_it(case: Path) -> None:
    found, expected = mapped(case), stage(case, "2_fhir.json")
    names = names_of(found.entries)
    said = {names[entry.full_url]: written(entry, names) for entry in found.entries}
    assert {name: one for name, one in said.items() if name in expected or name not in ORIGIN} == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_message_says_in_vain_is_noted_with_its_place(case: Path) -> None:
    found = [[note.place, note.severity] for note in mapped(case).notes]
    assert sorted(found) == sorted(stage(case, "3_notes.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_comes_of_a_message_is_valid_r4(case: Path, issues: Callable[[Any], list[Issue]]) -> None:
    errors = [
        (entry.type_name, issue.expression, issue.diagnostics)
        for entry in mapped(case).entries
        if entry.how != "find"
        for issue in issues(entry.resource)
        if issue.severity == "error"
    ]
    assert errors == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_message_that_is_mapped_twice_makes_the_same(case: Path) -> None:
    assert mapped(case) == mapped(case)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_a_message_is_refused_by_the_code_and_place_beside_it(case: Path) -> None:
    with pytest.raises(Hl7Fault) as caught:
        mapped(case)
    fault = caught.value
    assert {"code": fault.code, "place": fault.place, "reject": fault.reject} == stage(case, "2_fault.json")
