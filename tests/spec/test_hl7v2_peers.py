"""Patient and Encounter of admissions, element by element, beside what another converter makes of them.

https://github.com/microsoft/FHIR-Converter. Where the two differ, the table says why ours is what the message says.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest

from mappers.hl7v2.message import parse, parse_all
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from tests.conftest import CORPUS

pytestmark = pytest.mark.corpus

MESSAGES = CORPUS / "pharmacy/hl7v2/ADT"
THEIRS = CORPUS / "pharmacy/expected_fhir/microsoft_fhir-converter"
EVENTS = ("A01", "A03", "A04", "A08", "A28", "A31", "A40")
Resource = dict[str, Any]

DIFFERENCES: Final = {
    "Patient.identifier": "theirs adds numbers of NK1, IN1, MRG and PD1, which are other people's, payers' and visits'",
    "Patient.name": "theirs puts what the patient is called by (XPN-15) among the given names, and adds the names of "
    "guarantors and relatives; XPN-15 is a nickname of its own in the guide",
    "Patient.telecom": "a cellular phone (CP) is a mobile one whatever the use beside it; theirs adds phones of others",
    "Patient.address": "theirs adds the guarantor's address",
    "Patient.communication": "theirs rewrites ISO 639-2 codes to 639-1; ours keeps the code that was sent",
    "Patient": "theirs makes a Linkage of a merge, without Patients: the old number leads to nobody",
    "Encounter.status": "a pre-admission (P) is planned, and a visit with a time of discharge is finished, by the "
    "concept map of PV1-2 and by PV1-45; theirs is in-progress always",
    "Encounter.period": "theirs has an end where PV1-45 is empty",
    "Encounter.location": "theirs adds the prior temporary place (PV1-43) and the pending one of PV2-1, which the "
    "visit did not take place in; ours notes them",
}


def cases() -> list[Path]:
    return [path for event in EVENTS for path in sorted(THEIRS.glob(f"ADT_{event}/ADT-*-expected.json"))]


def the_message(case: Path) -> bytes:
    name = case.name.removesuffix("-expected.json")
    (found,) = MESSAGES.glob(f"microsoft__*__{name}-hl7.hl7")
    return parse_all(found.read_bytes())[0]


def ours(case: Path) -> list[Resource]:
    mapped = to_fhir(parse(the_message(case)), Making("north", datetime(2026, 11, 2, tzinfo=UTC), UUID(int=7)))
    return [entry.resource for entry in mapped.entries]


def theirs(case: Path) -> list[Resource]:
    return [entry["resource"] for entry in json.loads(case.read_text("utf-8"))["entry"]]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def codes(value: Any) -> list[str]:
    return sorted(coding.get("code", "") for one in listed(value) for coding in listed(one.get("coding")))


def values(found: Any) -> list[str]:
    return sorted({str(one.get("value", "")).strip() for one in listed(found)} - {""})


def at(text: Any) -> Any:
    """A time as an instant: the same moment may be written in two zones."""
    return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) and "T" in text else text


def addresses(found: Any) -> list[tuple[str, ...]]:
    parts = ("city", "state", "postalCode", "country")
    return [
        (*(str(one.get(part, "")).strip() for part in parts), *(line.strip() for line in one.get("line", ())))
        for one in listed(found)
    ]


def names(found: Any) -> list[tuple[str, ...]]:
    return [(one.get("family", ""), one.get("use", ""), *listed(one.get("given"))) for one in listed(found)]


PATIENT: Final[dict[str, Callable[[Resource], Any]]] = {
    "identifier": lambda one: values(one.get("identifier")),
    "name": lambda one: names(one.get("name")),
    "telecom": lambda one: sorted(
        str((p.get("system"), p.get("value"), p.get("use"))) for p in listed(one.get("telecom"))
    ),
    "gender": lambda one: one.get("gender"),
    "birthDate": lambda one: one.get("birthDate"),
    "deceased": lambda one: (at(one.get("deceasedDateTime")), one.get("deceasedBoolean")),
    "address": lambda one: addresses(one.get("address")),
    "maritalStatus": lambda one: codes(one.get("maritalStatus")),
    "multipleBirth": lambda one: (one.get("multipleBirthInteger"), one.get("multipleBirthBoolean")),
    "communication": lambda one: [codes(spoken.get("language")) for spoken in listed(one.get("communication"))],
}
ENCOUNTER: Final[dict[str, Callable[[Resource], Any]]] = {
    "identifier": lambda one: values(one.get("identifier")),
    "status": lambda one: one.get("status"),
    "class": lambda one: one.get("class", {}).get("code"),
    "type": lambda one: codes(one.get("type")),
    "serviceType": lambda one: codes(one.get("serviceType")),
    "priority": lambda one: codes(one.get("priority")),
    "period": lambda one: {name: at(text) for name, text in one.get("period", {}).items()},
    "reasonCode": lambda one: codes(one.get("reasonCode")),
    "participant": lambda one: sorted(
        code for part in listed(one.get("participant")) for code in codes(part.get("type"))
    ),
    "location": lambda one: len(listed(one.get("location"))),
    "diagnosis": lambda one: bool(one.get("diagnosis")),
    "admitSource": lambda one: codes(one.get("hospitalization", {}).get("admitSource")),
    "dischargeDisposition": lambda one: codes(one.get("hospitalization", {}).get("dischargeDisposition")),
}


def first(resources: Iterable[Resource], type_name: str) -> Resource | None:
    return next((one for one in resources if one["resourceType"] == type_name), None)


def differences(case: Path) -> Iterator[str]:
    for type_name, elements in (("Patient", PATIENT), ("Encounter", ENCOUNTER)):
        one, other = first(ours(case), type_name), first(theirs(case), type_name)
        if one is None or other is None:
            yield from [type_name] if one is not other else []
            continue
        yield from (f"{type_name}.{name}" for name, key in elements.items() if key(one) != key(other))


def test_there_are_peers_to_compare_with() -> None:
    assert len(cases()) >= 12


@pytest.mark.parametrize("case", cases(), ids=lambda path: path.stem)
def test_each_element_agrees_or_its_difference_has_a_reason(case: Path) -> None:
    assert set(differences(case)) - set(DIFFERENCES) == set()


def test_each_reason_is_still_needed() -> None:
    assert set(DIFFERENCES) - {found for case in cases() for found in differences(case)} == set()
