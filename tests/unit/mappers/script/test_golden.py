"""Every folder of tests/golden/script: a message, what comes of it, and the message that is written from that.

1_message.xml, 2_fhir.json (entries by name; `<Patient>` is the reference to the entry of that name), 3_notes.json,
4_stored.json (what `find` finds, where there is something to find).
"""

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mappers.making import Making
from mappers.mapped import Entry, Mapped
from mappers.script.from_fhir.convert import KINDS, from_fhir
from mappers.script.message import adapted, read, write
from mappers.script.to_fhir.convert import to_fhir

CASES = sorted(path.name for path in (Path(__file__).parents[3] / "golden" / "script").iterdir() if path.is_dir())
FOCUS = {"NewRx": "MedicationRequest", "RxFill": "MedicationDispense"}


def folder(case: str) -> Path:
    return Path(__file__).parents[3] / "golden" / "script" / case


def expected(case: str, stage: str, making: Making, names: list[str]) -> Any:
    """A stage, with the references of its names in place of them."""
    text = (folder(case) / stage).read_text(encoding="utf-8")
    for name in names:
        text = text.replace(f'"<{name}>"', json.dumps(making.full_url(name)))
    return json.loads(text, parse_float=Decimal)


def entries_of(case: str, making: Making) -> list[Entry]:
    names = [one["name"] for one in json.loads((folder(case) / "2_fhir.json").read_text(encoding="utf-8"))]
    made = expected(case, "2_fhir.json", making, names)
    return [Entry(making.full_url(one["name"]), one["resource"], one["how"], one["condition"]) for one in made]


def mapped(case: str, making: Making) -> Mapped:
    return to_fhir(read((folder(case) / "1_message.xml").read_bytes()), making)


@pytest.mark.parametrize("case", CASES)
def test_a_message_becomes_the_entries_of_its_case(case: str, making: Making) -> None:
    made = [(one.full_url, one.how, one.condition, one.resource) for one in mapped(case, making).entries]
    wanted = [(one.full_url, one.how, one.condition, one.resource) for one in entries_of(case, making)]
    assert json.loads(json.dumps(made, default=str)) == json.loads(json.dumps(wanted, default=str))


@pytest.mark.parametrize("case", CASES)
def test_a_message_leaves_the_notes_of_its_case_and_no_other(case: str, making: Making) -> None:
    made = [[note.severity, note.place, note.text] for note in mapped(case, making).notes]
    assert made == expected(case, "3_notes.json", making, [])


@pytest.mark.parametrize("case", CASES)
def test_what_comes_of_a_message_is_valid(case: str, making: Making, problems: Callable[[Mapped], list[str]]) -> None:
    assert problems(mapped(case, making)) == []


def written_cases() -> list[str]:
    return [case for case in CASES if read((folder(case) / "1_message.xml").read_bytes()).kind in KINDS]


@pytest.mark.parametrize("case", written_cases())
def test_the_entries_of_a_case_become_its_message_byte_for_byte(case: str, making: Making) -> None:
    raw = (folder(case) / "1_message.xml").read_bytes()
    message, entries = read(raw), entries_of(case, making)
    stored = folder(case) / "4_stored.json"
    names = ["Patient", "Pharmacy", "Prescriber"]
    found = expected(case, "4_stored.json", making, names) if stored.exists() else {}
    resources = {
        one.full_url: found.get(one.type_name, one.resource) if one.how == "find" else one.resource for one in entries
    }
    focus = next(one.resource for one in entries if one.type_name == FOCUS.get(message.kind, "Task"))
    written = from_fhir(message.kind, focus, resources, message.header, making)
    assert written.notes == ()
    assert write(written.message).decode() == raw.decode()


@pytest.mark.parametrize("case", written_cases())
def test_a_case_survives_the_way_through_the_later_version(case: str) -> None:
    message = read((folder(case) / "1_message.xml").read_bytes())
    assert adapted(message, "2023011").notes == ()
    later = read(write(message, "2023011"))
    assert later.version == "2023011"
    assert write(later, "2017071").decode() == write(message).decode()


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_transaction_that_is_written_has_a_case(kind: str) -> None:
    kinds = {read((folder(case) / "1_message.xml").read_bytes()).kind for case in CASES}
    assert kind in kinds
