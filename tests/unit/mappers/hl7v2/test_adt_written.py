"""ADT^A31 that is sent, and what comes back of it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.hl7v2.check import problems
from mappers.hl7v2.from_fhir.adt import a31
from mappers.hl7v2.from_fhir.sending import Envelope, Written
from mappers.hl7v2.message import parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Mapped

NOW = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
MAKING = Making("north", NOW, UUID(int=7), authorities={"NORTH": "http://north.example/mrn"})
ENVELOPE = Envelope(("GALENIC", "SOUTH"), ("EHR", "NORTH"), "G1", "2.5.1")
ADMISSION = Path(__file__).parents[3] / "golden/hl7v2/adt_a01_admission/1_message.hl7"


def mapped(raw: bytes) -> Mapped:
    return to_fhir(parse(raw), MAKING)


def of_type(found: Mapped, name: str) -> list[dict[str, Any]]:
    return [entry.resource for entry in found.entries if entry.type_name == name]


def sent(found: Mapped) -> Written:
    resources = {entry.full_url: entry.resource for entry in found.entries}
    (patient,) = of_type(found, "Patient")
    return a31(patient, of_type(found, "Coverage"), of_type(found, "AllergyIntolerance"), resources, MAKING, ENVELOPE)


def the_message(patient: dict[str, Any], **more: Any) -> list[str]:
    written = a31(patient, more.get("coverages", []), more.get("allergies", []), {}, MAKING, ENVELOPE)
    return written.message.decode().split("\r")


def an_allergy(**elements: Any) -> dict[str, Any]:
    return {"clinicalStatus": {"coding": [{"code": "active"}]}, "code": {"text": "Latex"}} | elements


def admission() -> Mapped:
    return mapped(ADMISSION.read_text("utf-8").replace("\n", "\r").encode())


def test_an_update_of_a_person_is_what_another_hand_calls_well_formed() -> None:
    assert problems(sent(admission()).message) == []


def payor_named(coverage: dict[str, Any], found: Mapped) -> dict[str, Any]:
    """With what the payor is found by in place of a reference, which is another one in each message."""
    known = {entry.full_url: entry.condition for entry in found.entries}
    return coverage | {"payor": [known[one["reference"]] for one in coverage["payor"]]}


def test_allergies_come_back_the_same() -> None:
    before = admission()
    assert of_type(mapped(sent(before).message), "AllergyIntolerance") == of_type(before, "AllergyIntolerance")


def test_a_coverage_comes_back_the_same() -> None:
    before = admission()
    after = mapped(sent(before).message)
    (one,), (other,) = of_type(before, "Coverage"), of_type(after, "Coverage")
    assert payor_named(one, before) == payor_named(other, after)


def test_a_patient_comes_back_with_everything_but_those_who_care_for_him() -> None:
    (before,), (after,) = of_type(admission(), "Patient"), of_type(mapped(sent(admission()).message), "Patient")
    told = {name: value for name, value in before.items() if name != "generalPractitioner"}
    assert after == told


def test_what_has_no_field_is_noted() -> None:
    assert ("Patient.generalPractitioner", "information") in [
        (one.place, one.severity) for one in sent(admission()).notes
    ]


def test_a_message_is_written_as_its_fields_say() -> None:
    patient = {
        "resourceType": "Patient",
        "identifier": [{"system": "http://north.example/mrn", "value": "4711"}],
        "name": [{"use": "official", "family": "O|Hara", "given": ["Mia", "K", "L"]}],
        "gender": "female",
        "birthDate": "1984-02",
        "deceasedBoolean": False,
    }
    assert the_message(patient)[:4] == [
        r"MSH|^~\&|GALENIC|SOUTH|EHR|NORTH|20261102143000+0000||ADT^A31^ADT_A05|G1|P|2.5.1||||||UNICODE UTF-8",
        "EVN||20261102143000+0000",
        "PID|1||4711^^^NORTH||O\\F\\Hara^Mia^K L^^^^L||198402|F||||||||||||||||||||||N",
        "PV1|1|N",
    ]


def test_an_allergy_that_is_not_in_force_is_not_told_as_one() -> None:
    over = {"clinicalStatus": {"coding": [{"code": "inactive"}]}}
    mistaken = {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    written = a31({}, [], [an_allergy(**over), an_allergy(), an_allergy(**mistaken)], {}, MAKING, ENVELOPE)
    assert written.message.count(b"AL1|") == 1
    assert [note.place for note in written.notes] == ["AL1"]


def test_an_allergen_has_two_codes_and_a_note_of_a_third() -> None:
    rxnorm, snomed = "http://www.nlm.nih.gov/research/umls/rxnorm", "http://snomed.info/sct"
    codings = [{"system": rxnorm, "code": "1191", "display": "Aspirin"}, {"system": snomed, "code": "387458008"}]
    written = [
        a31({}, [], [an_allergy(code={"coding": found, "text": "aspirin"})], {}, MAKING, ENVELOPE)
        for found in (codings, [*codings, {"code": "x"}])
    ]
    assert all(b"AL1|1||1191^Aspirin^RXNORM^387458008^^SCT^^^aspirin" in one.message for one in written)
    assert [[note.place for note in one.notes] for one in written] == [[], ["AL1-3"]]


def test_an_identifier_keeps_the_days_it_is_valid_between() -> None:
    number = {
        "system": "http://north.example/mrn",
        "value": "1",
        "period": {"start": "2026-01-01", "end": "2026-12-31"},
    }
    patient = {"resourceType": "Patient", "identifier": [number]}
    (back,) = of_type(mapped(a31(patient, [], [], {}, MAKING, ENVELOPE).message), "Patient")
    assert back == patient


@pytest.mark.parametrize("code", ["self", "ONESELF"])
def test_who_is_insured_himself_is_so_by_either_code(code: str) -> None:
    coverage = {"payor": [{"display": "Northern Mutual"}], "relationship": {"coding": [{"code": code}]}}
    (line,) = (one for one in the_message({}, coverages=[coverage]) if one.startswith("IN1"))
    assert (line.split("|")[4], line.split("|")[17]) == ("Northern Mutual", "SEL")


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1, max_size=8)
PATIENTS = st.fixed_dictionaries(
    {"identifier": st.just([{"system": "http://north.example/mrn", "value": "4711"}])},
    optional={
        "name": st.lists(
            st.fixed_dictionaries({"family": WORDS, "given": st.lists(WORDS, min_size=1, max_size=2)}),
            min_size=1,
            max_size=3,
        ),
        "gender": st.sampled_from(["male", "female", "other", "unknown"]),
        "birthDate": st.dates().map(str),
        "address": st.lists(
            st.fixed_dictionaries({"line": st.lists(WORDS, min_size=1, max_size=5), "city": WORDS}),
            min_size=1,
            max_size=2,
        ),
        "deceasedBoolean": st.booleans(),
        "multipleBirthInteger": st.integers(1, 9),
    },
)


@given(PATIENTS)
def test_any_patient_comes_back_as_he_was(patient: dict[str, Any]) -> None:
    written = a31(patient, [], [], {}, MAKING, ENVELOPE)
    (back,) = of_type(mapped(written.message), "Patient")
    assert back == {"resourceType": "Patient"} | patient
