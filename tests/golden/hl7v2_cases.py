"""The cases of tests/golden/hl7v2: what is in their stages, and what the mapping makes of them."""

import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from mappers.hl7v2.from_fhir.adt import a31
from mappers.hl7v2.from_fhir.rde import rde
from mappers.hl7v2.from_fhir.rds import rds
from mappers.hl7v2.from_fhir.sending import Envelope, Written
from mappers.hl7v2.message import parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Entry, Mapped, Resource, referring

GOLDEN: Final = Path(__file__).parent / "hl7v2"
RECEIVED: Final = sorted(path.parent for path in GOLDEN.glob("*/2_fhir.json"))
REFUSED: Final = sorted(path.parent for path in GOLDEN.glob("*/2_fault.json"))


def _update(patient: Resource, resources: dict[str, Resource], making: Making, envelope: Envelope) -> Written:
    coverages, allergies = (
        [one for one in resources.values() if one["resourceType"] == name]
        for name in ("Coverage", "AllergyIntolerance")
    )
    return a31(patient, coverages, allergies, resources, making, envelope)


WRITERS: Final[dict[str, Callable[..., Written]]] = {
    "sent_adt_a31": _update,
    "sent_rde_o11": rde,
    "sent_rds_o13": rds,
}
SENT: Final = [GOLDEN / name for name in WRITERS]
DERIVED: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""An identifier that nobody can work out by hand; test_identifiers.py says what it depends on."""
ORIGIN: Final = ("MessageHeader", "Provenance")
"""In every message alike: compared where a case has typed them."""
NOW: Final = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
AUTHORITIES: Final = {"NORTH": "http://north.example/mrn"}
RECEIVING: Final = Making("north", NOW, UUID(int=7), ZoneInfo("America/New_York"), AUTHORITIES)
SENDING: Final = Making("north", NOW, UUID(int=7), UTC, AUTHORITIES)
ENVELOPE: Final = Envelope(("GALENIC", "PHARM"), ("WARD", "NORTH"), "R1")


def stage(case: Path, name: str) -> Any:
    return json.loads((case / name).read_text("utf-8"))


def text_of(case: Path) -> str:
    """The message of a case that is received, a segment a line."""
    return (case / "1_message.hl7").read_text("utf-8")


def mapped(text: str) -> Mapped:
    return to_fhir(parse(text.replace("\n", "\r").encode()), RECEIVING)


def names_of(entries: tuple[Entry, ...]) -> dict[str, str]:
    """`Patient`, and `Patient[2]` for the second one, by full URL."""
    counts: Counter[str] = Counter()
    names = {}
    for entry in entries:
        counts[entry.type_name] += 1
        number = counts[entry.type_name]
        names[entry.full_url] = entry.type_name if number == 1 else f"{entry.type_name}[{number}]"
    return names


def typed(entry: Entry, names: dict[str, str]) -> dict[str, Any]:
    """An entry as a case has it: references are the names of entries."""
    said = {"how": entry.how, "condition": entry.condition, "cleared": list(entry.cleared)}
    whole = {name: value for name, value in said.items() if value} | {"resource": referring(entry.resource, names)}
    derived: dict[str, Any] = json.loads(DERIVED.sub("(derived)", json.dumps(whole)))
    return derived


def entries_of(found: Mapped) -> dict[str, Any]:
    """What a message makes, by name, as a case has it."""
    names = names_of(found.entries)
    return {names[entry.full_url]: typed(entry, names) for entry in found.entries}


def is_compared(name: str, expected: dict[str, Any]) -> bool:
    """Whether a case has a say about an entry."""
    return name in expected or name not in ORIGIN


def compared(found: Mapped, expected: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in entries_of(found).items() if is_compared(name, expected)}


def written(case: str, resources: list[Resource]) -> Written:
    """The first resource of a case that is sent, as its message; the others are what it refers to."""
    by_reference = {f"{one['resourceType']}/{one['id']}": one for one in resources}
    return WRITERS[case](resources[0], by_reference, SENDING, ENVELOPE)
