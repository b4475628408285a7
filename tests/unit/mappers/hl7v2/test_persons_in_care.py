"""Race and ethnicity, who takes part in the care of a patient (ROL, PRT), and what IN2 adds to an insurance."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse as parse_json
from fhir_server.validation.validator import Validator
from mappers.hl7v2.from_fhir.adt import a31
from mappers.hl7v2.from_fhir.sending import Envelope
from mappers.hl7v2.message import parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Mapped

MAKING = Making("north", datetime(2026, 11, 2, tzinfo=UTC), UUID(int=7))
CDC = "urn:oid:2.16.840.1.113883.6.238"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
VISIT = "PV1|1|I|||||A1^Marsh^Ada||||||||||||V1"
OWN = "urn:galenic:partner:north"


def mapped(*lines: str) -> Mapped:
    header = r"MSH|^~\&|EHR|NORTH|GALENIC|SOUTH|20261102||ADT^A08|7|P|2.5.1"
    return to_fhir(parse("\r".join((header, *lines)).encode()), MAKING)


def the(found: Mapped, type_name: str) -> Any:
    (entry,) = (one for one in found.entries if one.type_name == type_name)
    return entry.resource


def patient(race: str = "", ethnicity: str = "") -> Mapped:
    return mapped(f"PID|1||4711||Larsen|||||{race}||||||||||||{ethnicity}")


def notes(found: Mapped) -> list[str]:
    return [note.place for note in found.notes]


def test_race_and_ethnicity_are_those_of_us_core() -> None:
    found = patient("2106-3^White~2108-9^European^CDCREC", "H^Hispanic^HL70189")
    race, ethnicity = the(found, "Patient")["extension"]
    assert race == {
        "url": f"{US_CORE}race",
        "extension": [
            {"url": "ombCategory", "valueCoding": {"system": CDC, "code": "2106-3", "display": "White"}},
            {"url": "detailed", "valueCoding": {"system": CDC, "code": "2108-9", "display": "European"}},
            {"url": "text", "valueString": "White, European"},
        ],
    }
    assert ethnicity["url"] == f"{US_CORE}ethnicity"
    assert ethnicity["extension"][0]["valueCoding"]["code"] == "2135-2"
    assert notes(found) == []
    resource = json.dumps(the(found, "Patient")).encode()
    assert [
        one for one in Validator(load_definitions()).validate(parse_json(resource, 50)) if one.severity == "error"
    ] == []


@pytest.mark.parametrize("race", ["W^White", "^White", "2106-3^White^99LOCAL", "4^Aboriginal^AU"])
def test_what_other_countries_call_it_is_noted(race: str) -> None:
    found = patient(race)
    assert "extension" not in the(found, "Patient")
    assert [place.partition(".")[0] for place in notes(found)] == ["PID-10"]


def test_race_and_ethnicity_are_written_as_they_were_read() -> None:
    one = the(patient("2106-3^White~2108-9^European^CDCREC", "2186-5"), "Patient")
    written = a31(one, [], [], {}, MAKING, Envelope(("G", "P"), ("W", "H"), "7"))
    assert written.notes == ()
    assert the(to_fhir(parse(written.message), MAKING), "Patient")["extension"] == one["extension"]


@pytest.mark.parametrize(
    ("role", "part"), [("AD", "ADM"), ("AT", "ATND"), ("CP", "CON"), ("RP", "REF"), ("PP", None), ("TR", None)]
)
def test_who_has_a_role_in_a_visit_takes_part_in_it(role: str, part: str | None) -> None:
    rol = f"ROL||AD|{role}|B2^Lind^Per|20261101|20261103"
    found = mapped("PID|1||4711", VISIT, rol)
    first, *others = the(found, "Encounter")["participant"]
    assert first["individual"]["display"] == "Ada Marsh"
    codes = [one["type"][0]["coding"][0]["code"] for one in others]
    assert codes == ([part] if part else [])
    assert [one["period"] for one in others] == [{"start": "2026-11-01", "end": "2026-11-03"}] * len(codes)
    assert ("ROL" in notes(found)) == (role == "TR")


def test_a_primary_care_provider_is_the_patients_and_named_once() -> None:
    said = ("ROL||UP|PP^Primary Care^HL70443|B2^Lind^Per", "PRT||AD||PP|C3^Holm^Eva", "PRT||AD||OP|D4^Berg^Ola")
    found = mapped("PID|1||4711", "PD1||||B2^Lind^Per", *said, VISIT)
    assert [one["display"] for one in the(found, "Patient")["generalPractitioner"]] == ["Per Lind", "Eva Holm"]
    assert notes(found) == ["PRT[2]"]


@pytest.mark.parametrize("action", ["D", "DE", "UN"])
def test_a_role_that_is_taken_back_is_noted(action: str) -> None:
    found = mapped("PID|1||4711", f"ROL||{action}|PP|B2^Lind^Per", VISIT)
    assert "generalPractitioner" not in the(found, "Patient")
    assert notes(found) == ["ROL"]


def coverage(in1: str, *more: str) -> Any:
    found = mapped("PID|1||4711", in1, *more)
    return next(one.resource for one in found.entries if one.type_name == "Coverage")


def test_the_second_segment_of_an_insurance_has_its_numbers() -> None:
    in2 = "IN2" + "|" * 6 + "MCR1" + "|" * 2 + "MCD1" + "|" * 53 + "M1^^^PLAN" + "|" * 11 + "SPO"
    told = coverage("IN1|1|P1||North Health", in2)
    assert told["subscriberId"] == "M1"
    assert told["relationship"]["coding"][0]["code"] == "SPS"
    numbers = [(one["type"]["coding"][0]["code"], one["system"], one["value"]) for one in told["identifier"][1:]]
    assert numbers == [
        ("MB", f"{OWN}:PLAN", "M1"),
        ("MC", "http://hl7.org/fhir/sid/us-medicare", "MCR1"),
        ("MA", OWN, "MCD1"),
    ]


def test_what_the_first_segment_says_goes_before_it_and_each_has_its_own() -> None:
    in1 = "IN1|1|P1||North Health" + "|" * 13 + "SEL" + "|" * 19 + "S1"
    in2 = "IN2" + "|" * 61 + "M1" + "|" * 11 + "SPO"
    told = coverage(in1, in2)
    assert (told["subscriberId"], told["relationship"]["coding"][0]["code"]) == (
        "S1",
        coverage(in1)["relationship"]["coding"][0]["code"],
    )
    assert len(coverage(in1, "IN1|2|P2||South Health", in2)["identifier"]) == 1
