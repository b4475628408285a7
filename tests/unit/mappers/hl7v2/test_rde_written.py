"""RDE^O11 out: the visit, who pays, and who prescribed and verified the order."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappers.hl7v2.check import problems
from mappers.hl7v2.from_fhir.rde import rde
from mappers.hl7v2.from_fhir.sending import Envelope, Written
from mappers.hl7v2.message import Segment, parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Resource

MAKING = Making("north", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), UUID(int=7))
ENVELOPE = Envelope(("GALENIC", "PHARM"), ("WARD", "HOSP"), "7")
PARTS = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
REQUEST: Resource = {
    "resourceType": "MedicationRequest",
    "status": "active",
    "medicationCodeableConcept": {"text": "a drug"},
    "encounter": {"reference": "Encounter/e"},
}


def sent(request: Resource, **resources: Resource) -> Written:
    """`Encounter_e=…` is what `Encounter/e` refers to."""
    by_reference = {name.replace("_", "/"): one for name, one in resources.items()}
    return rde(REQUEST | request, by_reference, MAKING, ENVELOPE)


def segment(written: Written, name: str) -> Segment:
    found = parse(written.message).first(name)
    assert found is not None
    return found


def visit(**elements: Any) -> Resource:
    return {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}} | elements


def test_an_order_of_no_visit_says_so_and_one_whose_visit_is_not_at_hand_is_noted() -> None:
    without = {name: one for name, one in REQUEST.items() if name != "encounter"}
    written = rde(without, {}, MAKING, ENVELOPE)
    assert segment(written, "PV1").raw == "PV1|1|N"
    assert written.notes == ()
    assert [note.place for note in sent({}).notes] == ["Reference"]


@pytest.mark.parametrize(
    ("coding", "code"),
    [
        ({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"}, "I"),
        ({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"}, "O"),
        ({"system": "http://terminology.hl7.org/CodeSystem/v2-0004", "code": "R"}, "R"),
        ({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "VR"}, "U"),
    ],
)
def test_a_class_that_has_no_code_is_unknown(coding: Resource, code: str) -> None:
    written = sent({}, Encounter_e=visit(**{"class": coding}))
    assert segment(written, "PV1").text(2) == code


VISIT = {
    1: "1",
    2: "I",
    3: "4W^12^A^NORTH^^^MAIN^2^by the window",
    4: "R^Routine^HL70007",
    5: "P9^^^PRE^VN",
    6: "3E",
    7: "T1^Marsh^Ada^^^Dr.",
    9: "T2^Lind^Per~T3^Holm^Eva",
    10: "MED",
    11: "DAY",
    13: "R",
    14: "7",
    17: "T4^Berg^Ola",
    19: "V77^^^VISIT^VN",
    36: "01",
    39: "North Hospital",
    42: "5S",
    44: "20261101070000+0000",
    50: "V78^^^OTHER^VN",
}


@pytest.mark.parametrize("more", [{}, {45: "20261103070000+0000", 11: ""}])
def test_a_visit_that_was_read_is_written_so_that_it_reads_the_same(more: dict[int, str]) -> None:
    fields = {number: text for number, text in (VISIT | more).items() if text}
    pv1 = "|".join(("PV1", *(fields.get(number, "") for number in range(1, 51))))
    lines = ("MSH|^~\\&|WARD|HOSP|GALENIC|PHARM|20261102||ADT^A08|1|P|2.5.1", "PID|1||4711", pv1)
    mapped = to_fhir(parse("\r".join(lines).encode()), MAKING)
    resources = {one.full_url: one.resource for one in mapped.entries}
    url = next(one.full_url for one in mapped.entries if one.type_name == "Encounter")
    written = rde(REQUEST | {"encounter": {"reference": url}}, resources, MAKING, ENVELOPE)
    again = segment(written, "PV1")
    said = {number: again.written(number) for number in range(1, again.fields + 1) if again.written(number)}
    assert said == fields
    assert written.notes == ()


def test_what_a_visit_has_no_field_for_is_noted() -> None:
    participants = [{"type": [{"coding": [{"system": PARTS, "code": "PART"}]}], "individual": {"display": "Eva Holm"}}]
    more = {"reasonCode": [{"text": "fever"}], "type": [{"text": "one"}, {"text": "two"}], "participant": participants}
    places = [note.place for note in sent({}, Encounter_e=visit(**more)).notes]
    assert sorted(places) == ["PV1", "PV1-4", "PV1-7"]


def test_only_a_coverage_is_written_as_insurance() -> None:
    insurance = [{"reference": "Coverage/c"}, {"reference": "ClaimResponse/r"}]
    coverage = {"resourceType": "Coverage", "payor": [{"display": "North Health"}]}
    written = sent(
        {"insurance": insurance}, Coverage_c=coverage, ClaimResponse_r={"resourceType": "ClaimResponse"}, Encounter_e={}
    )
    assert [one.text(4) for one in parse(written.message).all("IN1")] == ["North Health"]
    assert "IN1" in [note.place for note in written.notes]


def test_only_a_verifier_is_the_pharmacist_of_the_order_and_only_a_dea_number_the_prescribers() -> None:
    kinds = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
    agents = [{"type": {"coding": [{"system": kinds, "code": code}]}, "who": {"display": code}} for code in KINDS]
    provider = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1"}
    someone = {"resourceType": "Practitioner", "identifier": [provider]}
    written = sent(
        {"eventHistory": [{"reference": "Provenance/v"}], "requester": {"reference": "Practitioner/d"}},
        Provenance_v={"resourceType": "Provenance", "agent": agents},
        Practitioner_d=someone,
    )
    assert segment(written, "RXE").written(14) == "^verifier"
    assert segment(written, "RXE").written(13) == ""
    number = {"type": {"coding": [{"code": "DEA"}]}, "system": "urn:oid:2.16.840.1.113883.4.814", "value": "BM1234563"}
    known = someone | {"identifier": [provider, number]}
    written = sent({"requester": {"reference": "Practitioner/d"}}, Practitioner_d=known)
    assert segment(written, "RXE").text(13) == "BM1234563"


KINDS = ("author", "verifier")


def test_hl7apy_has_nothing_to_say_against_visit_and_insurance() -> None:
    number = {"type": {"coding": [{"code": "PLAC"}]}, "system": "urn:galenic:partner:north:OE", "value": "A1"}
    record = {"type": {"coding": [{"code": "MR"}]}, "system": "urn:galenic:partner:north:MRN", "value": "4711"}
    request: Resource = {
        "identifier": [number],
        "subject": {"reference": "Patient/p"},
        "insurance": [{"reference": "Coverage/c"}],
        "dosageInstruction": [
            {
                "timing": {"code": {"text": "at noon"}},
                "route": {"coding": [{"code": "PO"}]},
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "mg"}}],
            }
        ],
    }
    payor = record | {"type": {"coding": [{"code": "NIIP"}]}}
    plan = {"type": {"coding": [{"code": "plan"}]}, "value": "P1"}
    written = sent(
        request,
        Encounter_e=visit(identifier=[{"value": "V7"}, {"value": "V8"}], location=[{"location": {"display": "4W"}}]),
        Patient_p={"resourceType": "Patient", "identifier": [record], "name": [{"family": "Quill"}]},
        Coverage_c={"resourceType": "Coverage", "payor": [{"identifier": payor, "display": "North"}], "class": [plan]},
    )
    assert problems(written.message) == []
