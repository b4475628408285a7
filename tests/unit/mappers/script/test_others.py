"""What is not an order: headers, answers, coverages, and transactions that nothing here acts upon."""

from typing import Any

import pytest

from mappers.making import Making
from mappers.mapped import Mapped
from mappers.script.from_fhir.convert import KINDS as WRITTEN
from mappers.script.kinds import KINDS, MAPPED, REPORTS, REQUESTS
from mappers.script.message import read
from mappers.script.to_fhir.convert import KINDS as READ
from mappers.script.to_fhir.convert import to_fhir
from tests.unit.mappers.script.messages import PATIENT, a_message, the_new_rx

RELATED = "<RelatesToMessageID>M-0</RelatesToMessageID>"


def the(mapped: Mapped, type_name: str) -> dict[str, Any]:
    return next(one.resource for one in mapped.entries if one.type_name == type_name)


def test_every_transaction_is_read_and_those_that_are_mapped_are_written() -> None:
    assert set(READ) == KINDS
    assert set(WRITTEN) == set(MAPPED)


@pytest.mark.parametrize("kind", sorted((*REQUESTS, *REPORTS)))
def test_what_nothing_acts_upon_is_a_task_or_a_communication(kind: str, making: Making) -> None:
    mapped = to_fhir(read(a_message(kind, PATIENT)), making)
    made = the(mapped, "Task" if kind in REQUESTS else "Communication")
    assert made["status"] == ("requested" if kind in REQUESTS else "completed")


def test_a_request_for_mail_is_no_more_than_its_header(making: Making) -> None:
    mapped = to_fhir(read(a_message("GetMessage", "")), making)
    assert [one.type_name for one in mapped.entries] == ["MessageHeader", "Provenance"]


@pytest.mark.parametrize(
    ("kind", "code", "response"),
    [
        ("Status", "000", "ok"),
        ("Status", "937", "ok"),
        ("Verify", "010", "ok"),
        ("Error", "900", "fatal-error"),
        ("Error", "601", "fatal-error"),
        ("Error", "600", "transient-error"),
        ("Error", "602", "transient-error"),
    ],
)
def test_an_answer_says_whether_to_try_again(kind: str, code: str, response: str, making: Making) -> None:
    mapped = to_fhir(read(a_message(kind, f"<Code>{code}</Code>", header=RELATED)), making)
    header = the(mapped, "MessageHeader")
    assert (header["response"]["identifier"], header["response"]["code"]) == ("M-0", response)
    codings = header["contained"][0]["issue"][0]["details"]["coding"]
    assert codings == [{"system": f"urn:galenic:script:{kind}-Code", "code": code}]


def test_an_id_that_fhir_cannot_have_is_noted(making: Making) -> None:
    mapped = to_fhir(read(a_message("Status", "<Code>000</Code>", header=RELATED.replace("M-0", "M 0"))), making)
    assert "response" not in the(mapped, "MessageHeader")
    assert [note.place for note in mapped.notes] == ["Header/RelatesToMessageID", "Status/Code"]


def test_an_answer_to_no_message_leaves_a_note_of_what_it_says(making: Making) -> None:
    mapped = to_fhir(read(a_message("Error", "<Code>900</Code>")), making)
    assert "contained" not in the(mapped, "MessageHeader")
    assert [note.place for note in mapped.notes] == ["Error/Code"]


def test_who_said_it_and_in_which_message_is_a_provenance(making: Making) -> None:
    made = the(to_fhir(the_new_rx(header=RELATED), making), "Provenance")
    values = [(one["role"], one["what"]["identifier"]["value"]) for one in made["entity"]]
    assert values == [("source", "M-1"), ("derivation", "M-0")]
    assert made["recorded"] == "2026-03-02T15:04:05Z"


def test_a_message_without_a_time_was_recorded_when_it_came(making: Making) -> None:
    raw = a_message("GetMessage", "").replace(b"<SentTime>2026-03-02T15:04:05Z</SentTime>", b"")
    assert the(to_fhir(read(raw), making), "Provenance")["recorded"] == "2026-11-21T12:00:00+00:00"


def test_a_coverage_has_its_group_and_its_payer(making: Making) -> None:
    benefits = """<BenefitsCoordination><PayerIdentification><PayerID>P1</PayerID></PayerIdentification>
    <GroupID>G</GroupID><GroupName>Everybody</GroupName></BenefitsCoordination>"""
    made = the(to_fhir(the_new_rx(around=benefits), making), "Coverage")
    assert (made["class"][0]["value"], made["class"][0]["name"]) == ("G", "Everybody")
    assert made["payor"] == [{"identifier": {"system": "urn:galenic:partner:clinic:PayerID", "value": "P1"}}]


def test_that_nothing_is_known_of_allergies_is_said(making: Making) -> None:
    none = "<AllergyOrAdverseEvent><NoKnownAllergies>Y</NoKnownAllergies></AllergyOrAdverseEvent>"
    made = the(to_fhir(the_new_rx(around=none), making), "AllergyIntolerance")
    assert made["code"]["coding"][0]["code"] == "716186003"


@pytest.mark.parametrize(
    ("fill", "status"),
    [
        ("Dispensed", "completed"),
        ("PartiallyDispensed", "completed"),
        ("NotDispensed", "declined"),
        ("Transferred", "declined"),
    ],
)
def test_a_fill_has_the_status_of_what_was_done(fill: str, status: str, making: Making) -> None:
    drug = "<MedicationPrescribed><DrugDescription>Drug</DrugDescription></MedicationPrescribed>"
    raw = a_message("RxFill", f"<FillStatus><{fill}/></FillStatus>{PATIENT}{drug}", header=RELATED)
    made = the(to_fhir(read(raw), making), "MedicationDispense")
    assert made["status"] == status
    assert made["type"]["coding"][0]["code"] == fill


@pytest.mark.parametrize(
    ("outcome", "status"), [("Denied", "rejected"), ("Pending", "on-hold"), ("Validated", "completed")]
)
def test_an_outcome_is_the_status_of_what_was_asked(outcome: str, status: str, making: Making) -> None:
    raw = a_message("RxChangeResponse", f"<Response><{outcome}/></Response>", header=RELATED)
    mapped = to_fhir(read(raw), making)
    (task,) = [one for one in mapped.entries if one.type_name == "Task"]
    assert (task.how, task.condition) == ("merge", "identifier=urn:galenic:partner:clinic:MessageID|M-0")
    assert task.resource["status"] == status


def test_an_answer_to_nothing_is_noted(making: Making) -> None:
    mapped = to_fhir(read(a_message("RxChangeResponse", "<Response><Denied/></Response>")), making)
    assert [note.place for note in mapped.notes] == ["Header/RelatesToMessageID"]


def test_a_transfer_that_is_denied_makes_no_order(making: Making) -> None:
    body = f"<Response><Denied><DenialReason>No</DenialReason></Denied></Response>{PATIENT}"
    drug = "<MedicationPrescribed><DrugDescription>Drug</DrugDescription></MedicationPrescribed>"
    mapped = to_fhir(read(a_message("RxTransfer", body + drug, header=RELATED)), making)
    assert "MedicationRequest" not in [one.type_name for one in mapped.entries]
    assert the(mapped, "Task")["status"] == "rejected"
