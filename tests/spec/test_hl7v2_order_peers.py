"""Orders and dispenses, element by element, beside what another converter makes of the same messages.

https://github.com/microsoft/FHIR-Converter. Where the two differ, the table says why ours is what the message says. It
makes two requests of an order that is written (RXO) and encoded (RXE); ours is compared with the encoded one.
"""

import json
from collections.abc import Callable, Iterator
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

MESSAGES = CORPUS / "pharmacy/hl7v2"
THEIRS = CORPUS / "pharmacy/expected_fhir/microsoft_fhir-converter"
KINDS = ("RDE_O11", "RDE_O25", "RDS_O13", "ORM_O01")
Resource = dict[str, Any]

DIFFERENCES: Final = {
    "MedicationRequest.identifier": "a request for a refill (O25) is a proposal without a number of its own: the "
    "order's number is that of the prescription it continues, where theirs makes an order of it",
    "MedicationRequest.status": "a request for a refill is a draft until somebody approves it",
    "MedicationRequest.intent": "one request stands for an order that is written and encoded: an `order`; that of a "
    "refill is a `proposal`",
    "MedicationRequest.reasonCode": "RXO-20 goes before RXE-27, and DG1 says why too; theirs looks into RXE alone",
    "MedicationRequest.dispenseInterval": "RXO-28, which RXE has no field for, is still the prescriber's",
    "MedicationRequest.substitution": "RXO-9 is the prescriber's permission; theirs looks into RXE alone",
    "MedicationRequest.medication": "RXE-31 is a further code of the drug, which theirs leaves out",
    "MedicationRequest.text": "theirs joins words with a plus sign, ours in lines",
    "MedicationRequest.patientInstruction": "words without a code are words: theirs makes codes with spaces of them",
    "MedicationDispense": "theirs makes a dispense of the product of a charge (FT1-29): that something is charged for "
    "does not say that it was dispensed; ours is the product of the ChargeItem",
    "MedicationDispense.status": "an RDS tells of a dispense that took place: `completed`; theirs is `unknown`",
    "MedicationDispense.prescription": "the order is told in the same message and is referred to; theirs names the "
    "prescription number, which is an identifier of the dispense in ours",
    "MedicationDispense.location": "RXD-30 is the pharmacy it is dispensed to, and not where that was done",
    "MedicationDispense.destination": "RXD-30 is the pharmacy it is dispensed to",
    "MedicationDispense.dosage": "RXD-12 is the maximum of a day in each Dosage; theirs takes a field of FT1 for "
    "another",
    "ServiceRequest": "an ORC that does not say what for is still an order with a number; theirs drops it",
    "ServiceRequest.reasonCode": "DG1 behind an OBR says why; theirs makes a Condition that no order refers to",
}


def cases() -> list[Path]:
    return [path for kind in KINDS for path in sorted((THEIRS / kind).glob("*-expected.json"))]


def the_message(case: Path) -> bytes:
    name = case.name.removesuffix("-expected.json")
    folder = name.partition("-")[0]
    found = sorted((MESSAGES / folder).glob(f"microsoft__*__{name}-hl7.hl7")) or [THEIRS / "_inputs" / f"{name}.hl7"]
    return parse_all(found[0].read_bytes())[0]


def ours(case: Path) -> list[Resource]:
    mapped = to_fhir(parse(the_message(case)), Making("north", datetime(2026, 11, 2, tzinfo=UTC), UUID(int=7)))
    ids = ((entry, entry.full_url.removeprefix("urn:uuid:")) for entry in mapped.entries if entry.how != "find")
    return [entry.resource | {"id": name} for entry, name in ids]


def theirs(case: Path) -> list[Resource]:
    return [entry["resource"] for entry in json.loads(case.read_text("utf-8"))["entry"]]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def codes(value: Any) -> list[str]:
    return sorted(coding.get("code", "") for one in listed(value) for coding in listed(one.get("coding")))


def at(text: Any) -> Any:
    """A time as an instant: the same moment may be written in two zones."""
    return datetime.fromisoformat(text).astimezone(UTC) if isinstance(text, str) and "T" in text else text


def amount(quantity: Any) -> Any:
    return (quantity or {}).get("value")


def dosage(one: Resource) -> Resource:
    return next(iter(listed(one.get("dosageInstruction"))), {})


def rate(one: Resource) -> Resource:
    return next(iter(listed(dosage(one).get("doseAndRate"))), {})


def repeat(one: Resource) -> Resource:
    found: Resource = dosage(one).get("timing", {}).get("repeat", {})
    return found


def supply(one: Resource) -> Resource:
    found: Resource = one.get("dispenseRequest", {})
    return found


ORDER: Final[dict[str, Callable[[Resource], Any]]] = {
    "identifier": lambda one: sorted(number["value"] for number in listed(one.get("identifier"))),
    "status": lambda one: one.get("status"),
    "intent": lambda one: one.get("intent"),
    "priority": lambda one: one.get("priority"),
    "authoredOn": lambda one: at(one.get("authoredOn")),
    "reasonCode": lambda one: codes(one.get("reasonCode")),
}
REQUEST: Final[dict[str, Callable[[Resource], Any]]] = ORDER | {
    "quantity": lambda one: amount(supply(one).get("quantity")),
    "initialFill": lambda one: amount(supply(one).get("initialFill", {}).get("quantity")),
    "numberOfRepeatsAllowed": lambda one: supply(one).get("numberOfRepeatsAllowed"),
    "dispenseInterval": lambda one: amount(supply(one).get("dispenseInterval")),
    "substitution": lambda one: codes(one.get("substitution", {}).get("allowedCodeableConcept"))[:1],
    "dose": lambda one: [
        amount(rate(one).get("doseQuantity")),
        rate(one).get("doseRange", {}).get("high", {}).get("value"),
    ],
    "rate": lambda one: amount(rate(one).get("rateQuantity")),
    "maxDosePerPeriod": lambda one: amount(dosage(one).get("maxDosePerPeriod", {}).get("numerator")),
    "route": lambda one: codes(dosage(one).get("route")),
    "site": lambda one: codes(dosage(one).get("site")),
    "text": lambda one: dosage(one).get("text"),
    "patientInstruction": lambda one: dosage(one).get("patientInstruction"),
    "boundsPeriod": lambda one: {name: at(text) for name, text in repeat(one).get("boundsPeriod", {}).items()},
    "boundsDuration": lambda one: amount(repeat(one).get("boundsDuration")),
    "count": lambda one: repeat(one).get("count"),
}
DISPENSE: Final[dict[str, Callable[[Resource], Any]]] = {
    "status": lambda one: one.get("status"),
    "quantity": lambda one: amount(one.get("quantity")),
    "whenHandedOver": lambda one: one.get("whenHandedOver"),
    "type": lambda one: codes(one.get("type")),
    "note": lambda one: [note["text"] for note in listed(one.get("note"))],
    "performer": lambda one: len(listed(one.get("performer"))),
    "prescription": lambda one: [
        reference.get("identifier", {}).get("value") for reference in listed(one.get("authorizingPrescription"))
    ],
    "location": lambda one: "location" in one,
    "destination": lambda one: "destination" in one,
    "dosage": lambda one: [
        amount(each.get("maxDosePerPeriod", {}).get("numerator")) for each in one["dosageInstruction"]
    ],
    "route": lambda one: codes(dosage(one).get("route")),
}
SERVICE: Final[dict[str, Callable[[Resource], Any]]] = ORDER | {"code": lambda one: codes(one.get("code"))}
COMPARED: Final = (("MedicationRequest", REQUEST), ("MedicationDispense", DISPENSE), ("ServiceRequest", SERVICE))


def first(resources: list[Resource], type_name: str) -> Resource | None:
    """The encoded one of two requests."""
    found = [one for one in resources if one["resourceType"] == type_name]
    return next((one for one in found if one.get("intent") == "filler-order"), next(iter(found), None))


def drug(resources: list[Resource], type_name: str) -> list[str]:
    one = first(resources, type_name) or {}
    name = one.get("medicationReference", {}).get("reference", "").rpartition("/")[2].removeprefix("urn:uuid:")
    known = {str(other.get("id")): other for other in resources}
    return codes(one.get("medicationCodeableConcept") or known.get(name, {}).get("code"))


def differences(case: Path) -> Iterator[str]:
    mine, other = ours(case), theirs(case)
    for type_name, elements in COMPARED:
        one, peer = first(mine, type_name), first(other, type_name)
        if one is not None and peer is not None:
            yield from (f"{type_name}.{name}" for name, key in elements.items() if key(one) != key(peer))
            yield from [] if drug(mine, type_name) == drug(other, type_name) else [f"{type_name}.medication"]
        elif peer is not None or one is not None:
            yield type_name


def test_there_are_peers_to_compare_with() -> None:
    assert len(cases()) >= 12


@pytest.mark.parametrize("case", cases(), ids=lambda path: path.stem)
def test_each_element_agrees_or_its_difference_has_a_reason(case: Path) -> None:
    assert set(differences(case)) - set(DIFFERENCES) == set()


def test_each_reason_is_still_needed() -> None:
    assert set(DIFFERENCES) - {found for case in cases() for found in differences(case)} == set()
