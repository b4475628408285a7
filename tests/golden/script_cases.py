"""The cases of tests/golden/script: what is in their stages, and what the mapping makes of them."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from mappers.making import Making
from mappers.mapped import Entry, Mapped, Resource
from mappers.script.from_fhir.convert import KINDS, from_fhir
from mappers.script.from_fhir.sending import Written
from mappers.script.message import Message, read
from mappers.script.to_fhir.convert import to_fhir

GOLDEN: Final = Path(__file__).parent / "script"
CASES: Final = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
FOCUS: Final = {"NewRx": "MedicationRequest", "RxFill": "MedicationDispense"}
"""What a message that is written is about; the others are about a Task."""
FOUND: Final = ("Patient", "Pharmacy", "Prescriber")
"""The names that 4_stored.json refers to."""
MAKING: Final = Making("clinic", datetime(2026, 11, 21, 12, tzinfo=UTC), UUID(int=7))


def raw_of(case: str) -> bytes:
    return (GOLDEN / case / "1_message.xml").read_bytes()


def expected(case: str, stage: str, names: tuple[str, ...] = ()) -> Any:
    """A stage, with the references of its names in place of them."""
    text = (GOLDEN / case / stage).read_text(encoding="utf-8")
    for name in names:
        text = text.replace(f'"<{name}>"', json.dumps(MAKING.full_url(name)))
    return json.loads(text, parse_float=Decimal)


def entries_of(case: str) -> list[Entry]:
    names = tuple(one["name"] for one in json.loads((GOLDEN / case / "2_fhir.json").read_text(encoding="utf-8")))
    made = expected(case, "2_fhir.json", names)
    return [Entry(MAKING.full_url(one["name"]), one["resource"], one["how"], one["condition"]) for one in made]


def mapped(raw: bytes) -> Mapped:
    return to_fhir(read(raw), MAKING)


def written_cases() -> list[str]:
    return [case for case in CASES if read(raw_of(case)).kind in KINDS]


def resources_of(case: str) -> dict[str, Resource]:
    """What a message of the case is written from, by full URL: what `find` finds is in 4_stored.json."""
    stored = GOLDEN / case / "4_stored.json"
    found = expected(case, "4_stored.json", FOUND) if stored.exists() else {}
    return {
        one.full_url: found.get(one.type_name, one.resource) if one.how == "find" else one.resource
        for one in entries_of(case)
    }


def written(message: Message, resources: Mapping[str, Resource]) -> Written:
    """A message of the kind and with the header of another, about the resource that its kind is about."""
    about = FOCUS.get(message.kind, "Task")
    focus = next(one for one in resources.values() if one["resourceType"] == about)
    return from_fhir(message.kind, focus, resources, message.header, MAKING)
