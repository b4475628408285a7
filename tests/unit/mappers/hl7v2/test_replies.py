"""What applications answer to orders and to queries of dispenses."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappers.hl7v2.dispense_history import history, query_of
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Message, parse
from mappers.hl7v2.replies import REPLIES, reply
from mappers.making import Making

NOW = datetime(2026, 11, 2, 8, 5, tzinfo=UTC)
MAKING = Making("north", NOW, UUID(int=7), authorities={"HOSP": "http://hosp.example/mrn"})


def a_message(*segments: str, kind: str = "RDE^O11", version: str = "2.5.1") -> Message:
    header = f"MSH|^~\\&|WARD|HOSP|GALENIC|PHARM|20261102||{kind}|7|P|{version}"
    return parse("\r".join((header, *segments)).encode())


def lines(message: Message, *faults: Hl7Fault, **options: Any) -> list[str]:
    refused = options.pop("refused", {})
    return reply(message, faults, refused, now=NOW, control_id="R1", **options).decode().rstrip("\r").split("\r")


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("OMP^O09", "ORP^O10^ORP_O10"),
        ("ORM^O01", "ORR^O02^ORR_O02"),
        ("RDE^O01", "RRE^O02^RRE_O02"),
        ("RDE^O11", "RRE^O12^RRE_O12"),
        ("RDE^O25", "RRE^O26^RRE_O12"),
        ("RDE^O49", "RRE^O50^RRE_O12"),
        ("RDS^O01", "RRD^O02^RRD_O02"),
        ("RDS^O13", "RRD^O14^RRD_O14"),
        ("RGV^O01", "RRG^O02^RRG_O02"),
        ("RGV^O15", "RRG^O16^RRG_O16"),
        ("RAS^O01", "RRA^O02^RRA_O02"),
        ("RAS^O17", "RRA^O18^RRA_O18"),
    ],
)
def test_every_kind_of_order_has_its_reply(kind: str, answer: str) -> None:
    assert lines(a_message("ORC|NW|A1^OE|F1^RX|G1", kind=kind)) == [
        rf"MSH|^~\&|GALENIC|PHARM|WARD|HOSP|20261102080500+0000||{answer}|R1|P|2.5.1",
        "MSA|AA|7",
        "ORC|OK|A1^OE|F1^RX|G1",
    ]
    assert kind in REPLIES


def test_before_2_3_1_a_reply_has_no_structure() -> None:
    assert "|RRE^O02|R1|P|2.3" in lines(a_message("ORC|NW|A1", kind="RDE^O01", version="2.3"))[0]


@pytest.mark.parametrize(
    ("asked", "taken", "done", "refused"),
    [
        ("NW", "OK", "OK", "UA"),
        ("RE", "OK", "OK", "UA"),
        ("CA", "RR", "CR", "UC"),
        ("DC", "RR", "DR", "UD"),
        ("HD", "RR", "HR", "UH"),
        ("RL", "RR", "OR", "UR"),
        ("RP", "RR", "RQ", "UM"),
        ("XO", "RR", "XR", "UX"),
        ("RF", "RR", "OF", "UF"),
        ("SN", "NA", "NA", "UA"),
    ],
)
def test_a_request_is_received_and_only_what_is_carried_out_is_done(
    asked: str, taken: str, done: str, refused: str
) -> None:
    message = a_message(f"ORC|{asked}|A1")
    assert lines(message)[2] == f"ORC|{taken}|A1"
    assert lines(message, carried_out={"A1"})[2] == f"ORC|{done}|A1"
    assert lines(message, refused={"A1": "not known"})[2] == f"ORC|{refused}|A1" + "|" * 13 + "|^not known"


def test_one_order_of_several_is_refused_and_the_message_is_taken() -> None:
    answer = lines(a_message("ORC|NW|A1", "ORC|CA||F2^RX", "ORC|NW|A3"), refused={"F2": "already dispensed"})
    assert answer[1] == "MSA|AA|7"
    assert [line.split("|")[1] for line in answer[2:]] == ["OK", "UC", "OK"]


def test_with_a_fault_nothing_was_done() -> None:
    fault = Hl7Fault("102", "RXE-3", "no number")
    answer = lines(a_message("ORC|NW|A1", "ORC|CA|A2"), fault)
    assert answer[1] == "MSA|AE|7"
    assert answer[2].startswith("ERR||RXE^1^3|102^Data type error^HL70357|E")
    assert [line.split("|")[1] for line in answer[3:]] == ["UA", "UC"]
    assert lines(a_message("ORC|NW|A1"), Hl7Fault("203", "MSH-12", "no", reject=True))[1] == "MSA|AR|7"


def test_what_is_no_order_has_no_reply_of_its_own() -> None:
    with pytest.raises(LookupError):
        lines(a_message(kind="ADT^A01"))


def a_query(*fields: str, kind: str = "QBP^Q31") -> Message:
    return a_message("|".join(("QPD", "Q31^Dispense History^HL70471", "T1", *fields)), "RCP|I|25^RD", kind=kind)


INCLUDED = "".join(
    f"&_include=MedicationDispense%3A{one}"
    for one in ("patient", "medication", "performer", "destination", "prescription")
)


def test_a_query_is_a_search_by_patient_and_days() -> None:
    query = query_of(a_query("4711^^^HOSP^MR", "", "20260101", "20261102"), MAKING)
    assert query == (
        "patient.identifier=http%3A%2F%2Fhosp.example%2Fmrn%7C4711"
        "&whenhandedover=ge2026-01-01&whenhandedover=le2026-11-02" + INCLUDED
    )


def test_a_patient_may_be_named_by_field_and_specials_are_escaped() -> None:
    assert query_of(a_query("@PID.3^47,11^^^HOSP"), MAKING).startswith(
        "patient.identifier=http%3A%2F%2Fhosp.example%2Fmrn%7C47%5C%2C11&"
    )


@pytest.mark.parametrize(
    ("message", "code", "place"),
    [
        (a_query("4711", kind="QBP^Q22"), "201", "MSH-9"),
        (a_message("RCP|I", kind="QBP^Q31"), "100", "QPD"),
        (a_query(""), "101", "QPD-3"),
        (a_query("4711", "", "yesterday"), "102", "QPD-5"),
    ],
)
def test_a_query_that_cannot_be_asked_is_refused(message: Message, code: str, place: str) -> None:
    with pytest.raises(Hl7Fault) as caught:
        query_of(message, MAKING)
    assert (caught.value.code, caught.value.place) == (code, place)


PATIENT = {
    "resourceType": "Patient",
    "id": "p",
    "identifier": [{"system": "http://hosp.example/mrn", "value": "4711"}],
    "name": [{"family": "Quill", "given": ["Nora"]}],
}


def a_dispense(code: str) -> dict[str, Any]:
    coding = {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": code, "display": "a drug"}
    return {
        "resourceType": "MedicationDispense",
        "status": "completed",
        "medicationCodeableConcept": {"coding": [coding]},
        "subject": {"reference": "Patient/p"},
        "whenHandedOver": "2026-10-01",
        "quantity": {"value": 30, "unit": "tablet"},
        "authorizingPrescription": [{"reference": "MedicationRequest/r"}],
    }


REQUEST = {
    "resourceType": "MedicationRequest",
    "id": "r",
    "identifier": [
        {
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "PLAC"}]},
            "system": "urn:galenic:partner:north:OE",
            "value": "A1",
        }
    ],
}


def answered(message: Message, found: list[Any], *faults: Hl7Fault) -> list[str]:
    written = history(message, found, faults, now=NOW, control_id="R1", making=MAKING)
    return written.decode().rstrip("\r").split("\r")


def test_a_history_has_the_patient_once_and_each_dispense_with_its_order() -> None:
    found = [a_dispense("197361"), a_dispense("198440"), PATIENT, REQUEST]
    lines_ = answered(a_query("4711^^^HOSP^MR"), found)
    assert lines_[0].split("|")[8] == "RSP^K31^RSP_K31"
    assert lines_[1:6] == [
        "MSA|AA|7",
        "QAK|T1|OK|Q31^Dispense History^HL70471|2|2|0",
        "QPD|Q31^Dispense History^HL70471|T1|4711^^^HOSP^MR",
        "RCP|I|25^RD",
        "PID|1||4711^^^HOSP||Quill^Nora",
    ]
    assert lines_[6:] == [
        "ORC|RE|A1^OE|||CM",
        "RXD|1|197361^a drug^RXNORM|20261001|30|^tablet",
        "RXR",
        "ORC|RE|A1^OE|||CM",
        "RXD|2|198440^a drug^RXNORM|20261001|30|^tablet",
        "RXR",
    ]


def test_a_history_of_one_drug_has_no_other() -> None:
    found = [a_dispense("197361"), a_dispense("198440"), PATIENT, REQUEST]
    lines_ = answered(a_query("4711^^^HOSP^MR", "198440^a drug^RXNORM"), found)
    assert [line for line in lines_ if line.startswith("RXD")] == ["RXD|2|198440^a drug^RXNORM|20261001|30|^tablet"]


def test_nothing_found_and_a_fault_are_told_apart() -> None:
    assert "|NF|" in answered(a_query("4711"), [])[2]
    fault = Hl7Fault("101", "QPD-3", "whose dispenses")
    lines_ = answered(a_query(""), [a_dispense("1")], fault)
    assert lines_[1] == "MSA|AE|7"
    assert "|AE|" in lines_[3]
    assert not any(line.startswith("RXD") for line in lines_)
