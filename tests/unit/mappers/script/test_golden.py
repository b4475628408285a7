"""Every folder of tests/golden/script: a message, what comes of it, and the message that is written from that.

1_message.xml, 2_fhir.json (entries by name; `<Patient>` is the reference to the entry of that name), 3_notes.json,
4_stored.json (what `find` finds, where there is something to find).
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from mappers.mapped import Mapped
from mappers.script.from_fhir.convert import KINDS
from mappers.script.message import adapted, read, write
from tests.golden.script_cases import (
    CASES,
    entries_of,
    expected,
    mapped,
    raw_of,
    resources_of,
    written,
    written_cases,
)


@pytest.mark.parametrize("case", CASES)
def test_a_message_becomes_the_entries_of_its_case(case: str) -> None:
    made = [(one.full_url, one.how, one.condition, one.resource) for one in mapped(raw_of(case)).entries]
    wanted = [(one.full_url, one.how, one.condition, one.resource) for one in entries_of(case)]
    assert json.loads(json.dumps(made, default=str)) == json.loads(json.dumps(wanted, default=str))


@pytest.mark.parametrize("case", CASES)
def test_a_message_leaves_the_notes_of_its_case_and_no_other(case: str) -> None:
    made = [[note.severity, note.place, note.text] for note in mapped(raw_of(case)).notes]
    assert made == expected(case, "3_notes.json")


@pytest.mark.parametrize("case", CASES)
def test_what_comes_of_a_message_is_valid(case: str, problems: Callable[[Mapped], list[str]]) -> None:
    assert problems(mapped(raw_of(case))) == []


@pytest.mark.parametrize("case", written_cases())
def test_the_entries_of_a_case_become_its_message_byte_for_byte(case: str) -> None:
    raw = raw_of(case)
    sent = written(read(raw), resources_of(case))
    assert sent.notes == ()
    assert write(sent.message).decode() == raw.decode()


@pytest.mark.parametrize("case", written_cases())
def test_a_case_survives_the_way_through_the_later_version(case: str) -> None:
    message = read(raw_of(case))
    assert adapted(message, "2023011").notes == ()
    later = read(write(message, "2023011"))
    assert later.version == "2023011"
    assert write(later, "2017071").decode() == write(message).decode()


def without_codes(value: Any) -> Any:
    """All of it but the codes of codings: R4 has no need of them."""
    if isinstance(value, list):
        return [without_codes(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: one for name, one in value.items() if name != "coding"}
    codings = [{"system": one["system"], "display": "Its name"} for one in value.get("coding", ())]
    return {name: without_codes(one) for name, one in kept.items()} | ({"coding": codings} if codings else {})


@pytest.mark.parametrize("case", written_cases())
def test_codings_without_a_code_keep_no_message_from_being_written(case: str) -> None:
    message = read(raw_of(case))
    sent = written(message, without_codes(resources_of(case)))
    assert sent.message.kind == message.kind


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_transaction_that_is_written_has_a_case(kind: str) -> None:
    kinds = {read(raw_of(case)).kind for case in CASES}
    assert kind in kinds
