"""FHIR as a message: what it is about, what it refers to, and what it cannot be."""

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from fhir_server.errors import GalenicError, Invalid, NotSupported
from fhir_server.exchange.composing import Composed, Ends, composed
from fhir_server.exchange.conversion import convert
from fhir_server.model.definitions import load_definitions
from fhir_server.rest.server import validate
from fhir_server.validation.validator import Validator
from mappers.making import Making
from mappers.script.message import read
from tests.golden.hl7v2_cases import GOLDEN

MAKING = Making(
    "north", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), UUID(int=7), authorities={"NORTH": "http://north.example/mrn"}
)
VALIDATOR = Validator(load_definitions())
ENDS = Ends("GALENIC|PHARM", "WARD|NORTH")
REQUEST = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "intent": "order",
    "medicationCodeableConcept": {"text": "a drug"},
    "subject": {"display": "somebody"},
}
PATIENT = {"resourceType": "Patient", "id": "p", "identifier": [{"system": "http://north.example/mrn", "value": "1"}]}


def written(resource: Any, to: str = "hl7v2-rde", ends: Ends = ENDS) -> Composed:
    return composed(json.dumps(resource).encode(), to, MAKING, ends, lambda one: validate(VALIDATOR, one))


def lines(resource: Any, to: str = "hl7v2-rde") -> list[str]:
    return written(resource, to).message.decode().rstrip("\r").split("\r")


def a_bundle(*resources: Any) -> Any:
    entries = [
        {"fullUrl": f"http://x.example/{one['resourceType']}/{one.get('id', number)}", "resource": one}
        for number, one in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@pytest.mark.parametrize(("case", "to"), [("sent_rde_o11", "hl7v2-rde"), ("sent_rds_o13", "hl7v2-rds")])
def test_a_bundle_is_written_as_its_resources_are(case: str, to: str) -> None:
    resources = json.loads((GOLDEN / case / "1_fhir.json").read_text("utf-8"))
    expected = (GOLDEN / case / "2_message.hl7").read_text("utf-8").splitlines()
    found = lines(a_bundle(*resources), to)
    assert found[1:] == expected[1:]
    assert found[0].split("|")[:9] == expected[0].split("|")[:9]


def test_what_it_refers_to_is_found_by_its_full_url_and_among_what_it_contains() -> None:
    url = "urn:uuid:0b1c2d3e-0000-4000-8000-00000000abcd"
    request = REQUEST | {"subject": {"reference": url}}
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": request}]}
    bundle["entry"].append({"fullUrl": url, "resource": PATIENT})
    assert "PID|1||1^^^NORTH" in lines(bundle)
    assert "PID|1||1^^^NORTH" in lines(REQUEST | {"contained": [PATIENT], "subject": {"reference": "#p"}})


def test_a_dispense_is_counted_among_those_of_its_order_that_are_at_hand() -> None:
    def dispense(day: int, order: str = "A1") -> Any:
        identifier = {"system": "urn:galenic:partner:north:OE", "value": order}
        return {
            "resourceType": "MedicationDispense",
            "id": f"{order}-{day}",
            "status": "completed",
            "medicationCodeableConcept": {"text": "a drug"},
            "whenHandedOver": f"2026-10-{day:02}",
            "authorizingPrescription": [{"identifier": identifier}],
        }

    days = [dispense(20), dispense(2), dispense(11), dispense(3, "A2"), dispense(30)]
    found = [lines(a_bundle(one, *(other for other in days if other != one)), "hl7v2-rds") for one in days]
    assert [line.split("|")[1] for each in found for line in each if line.startswith("RXD")] == list("31214")


def test_a_person_has_his_own_allergies_and_insurance() -> None:
    of = {"reference": "Patient/p"}
    active = {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
    }
    allergy = {"resourceType": "AllergyIntolerance", "clinicalStatus": active, "code": {"text": "latex"}, "patient": of}
    others = allergy | {"patient": {"reference": "Patient/q"}, "code": {"text": "nuts"}}
    coverage = {"resourceType": "Coverage", "status": "active", "beneficiary": of, "payor": [{"display": "North"}]}
    found = lines(a_bundle(PATIENT, allergy, others, coverage), "hl7v2-adt")
    assert [line.split("|")[0] for line in found] == ["MSH", "EVN", "PID", "PV1", "AL1", "IN1"]
    assert "latex" in found[4]


@pytest.mark.parametrize("version", ["2017071", "2023011"])
def test_an_order_is_written_as_a_prescription(version: str) -> None:
    resources = json.loads((GOLDEN / "sent_rde_o11" / "1_fhir.json").read_text("utf-8"))
    made = written(a_bundle(*resources), f"script-{version}", Ends("P:6557744", "D:1234567890"))
    message = read(made.message)
    assert (message.kind, message.version) == ("NewRx", version)
    assert (message.header.from_.value, message.header.to.qualifier) == ("6557744", "D")
    incomplete = written(REQUEST, f"script-{version}", Ends("P:6557744", "D:1234567890"))
    assert "NewRx/Patient/HumanPatient" in [note.place for note in incomplete.notes if note.severity == "warning"]


def test_of_several_that_it_could_be_about_it_is_about_the_first_and_says_so() -> None:
    other = REQUEST | {"medicationCodeableConcept": {"text": "another drug"}}
    made = written(a_bundle(REQUEST, other))
    assert b"a drug" in made.message
    assert [note.severity for note in made.notes if note.place == "MedicationRequest"] == ["information"]


@pytest.mark.parametrize(
    ("resource", "to", "kind"),
    [
        ({"resourceType": "Patient", "birthDate": "yesterday"}, "hl7v2-adt", Invalid),
        (PATIENT, "hl7v2-rde", Invalid),
        (REQUEST | {"status": "draft"}, "hl7v2-rde", Invalid),
        (REQUEST, "hl7v2-orm", NotSupported),
        (REQUEST, "", NotSupported),
        (REQUEST, "script-10.6", Invalid),
        ([], "hl7v2-rde", GalenicError),
    ],
)
def test_what_cannot_be_written_is_refused(resource: Any, to: str, kind: type[GalenicError]) -> None:
    with pytest.raises(kind):
        written(resource, to)


@pytest.mark.parametrize(
    "odd",
    [
        {"identifier": [{"system": "urn:oid:1.2.3"}], "groupIdentifier": {"assigner": {"display": "x"}}},
        {"identifier": [{"type": {"text": "PLAC"}, "assigner": {"display": "x"}}]},
        {"basedOn": [{"type": "MedicationRequest", "identifier": {"assigner": {"display": "x"}}}]},
        {"dosageInstruction": [{}], "note": [], "contained": []},
        {"dosageInstruction": [{"doseAndRate": [{"rateRatio": {"numerator": {"value": 1.5}}}]}]},
        {"dispenseRequest": {"performer": {"identifier": {"use": "old"}}, "quantity": {"comparator": "<"}}},
        {"extension": [{"url": "urn:galenic:hl7v2:last-fill", "valueUnsignedInt": 1}]},
        {"insurance": [{"display": "North"}], "encounter": {"display": "visit"}, "eventHistory": [{"display": "x"}]},
    ],
)
@pytest.mark.parametrize("to", ["hl7v2-rde", "script-2017071"])
def test_whatever_is_valid_is_written_or_refused(odd: Any, to: str) -> None:
    with suppress(GalenicError):
        assert written(REQUEST | odd, to).message


def test_fhir_that_is_to_become_fhir_and_two_messages_in_one_are_refused() -> None:
    with pytest.raises(NotSupported, match="which message"):
        convert(json.dumps(REQUEST).encode(), MAKING)
    order = b"MSH|^~\\&|W|H|G|P|20261102||RDE^O11|1|P|2.5.1\rPID|1||1\rORC|NW|A1\rRXE||1^x|1||mg\r"
    assert convert(order, MAKING).kind == "RDE^O11"
    batch = b"FHS|^~\\&|W\rBHS|^~\\&|W\r" + order + b"BTS|1\rFTS|1\r"
    with pytest.raises(Invalid, match="2 messages"):
        convert(order + order, MAKING)
    with pytest.raises(Invalid):
        convert(batch + order, MAKING)
