"""Who is answered what."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from mappers.script.answers import (
    Answering,
    cancel_rx_response,
    denied,
    error,
    status,
    verify,
)
from mappers.script.faults import ScriptFault
from mappers.script.message import Message, Party, header_of, read
from tests.unit.mappers.script.messages import DRUG, PATIENT, PRESCRIBER, QUANTITY, SIG, a_message, the_new_rx

ANSWERING = Answering("A-1", datetime(2026, 3, 2, 9, 0, 1, tzinfo=timezone(timedelta(hours=-6))))
CANCEL = read(
    a_message(
        "CancelRx",
        f"<RequestReferenceNumber>Q</RequestReferenceNumber>{PATIENT}<MedicationPrescribed>{DRUG}</MedicationPrescribed>",
    )
)
TEN_SIX = read(
    a_message(
        "NewRx",
        f"{PATIENT}{PRESCRIBER}<MedicationPrescribed>{DRUG}{QUANTITY}{SIG}</MedicationPrescribed>",
        attributes='version="010" release="006"',
    )
)


def addressed(raw: bytes) -> tuple[Any, ...]:
    header = read(raw).header
    return header.to, header.from_, header.message_id, header.relates_to, header.sent_time


SWAPPED = (Party("6100000000001", "D"), Party("1400010", "P"), "A-1", "M-1", "2026-03-02T15:00:01Z")


@pytest.mark.parametrize(
    "raw",
    [
        status(the_new_rx(), ANSWERING),
        verify(the_new_rx(), ANSWERING),
        error(the_new_rx(), ANSWERING, ScriptFault("It is missing", "NewRx/Patient")),
        error(the_new_rx().header, ANSWERING, ScriptFault("It is missing", "NewRx/Patient")),
        cancel_rx_response(CANCEL, ANSWERING, approved=True),
        denied(CANCEL, ANSWERING),
    ],
)
def test_an_answer_goes_back_with_an_id_of_its_own(raw: bytes) -> None:
    assert addressed(raw) == SWAPPED


@pytest.mark.parametrize("version", ["2017071", "2022011", "2023011"])
def test_an_answer_has_the_version_of_the_request(version: str) -> None:
    assert read(status(the_new_rx(attributes=f'version="{version}"'), ANSWERING)).version == version


def test_ten_six_is_answered_in_2017071() -> None:
    assert read(status(TEN_SIX, ANSWERING)).version == "2017071"


@pytest.mark.parametrize(("write", "code"), [(status, "000"), (verify, "010")])
def test_what_was_taken_has_its_code(write: Any, code: str) -> None:
    assert read(write(the_new_rx(), ANSWERING)).body.value("Code") == code


def test_an_error_says_what_is_wrong_and_where() -> None:
    body = read(error(the_new_rx(), ANSWERING, ScriptFault("It is missing", "NewRx/Patient"), ("4010", "144"))).body
    assert body.value("Code") == "900"
    assert [node.text for node in body.all("DescriptionCode")] == ["4010", "144"]
    assert body.value("Description") == "NewRx/Patient: It is missing"


def test_bytes_that_are_no_message_are_answered_too() -> None:
    raw = b"\x00\x01 no XML"
    with pytest.raises(ScriptFault) as fault:
        read(raw)
    made = read(error(header_of(raw), ANSWERING, fault.value))
    assert (made.header.to, made.header.from_, made.header.relates_to) == (
        Party("Unknown"),
        Party("Galenic", "ZZZ"),
        "0",
    )


def test_what_a_fault_says_is_written_as_one_line_of_bounded_length() -> None:
    body = read(error(None, ANSWERING, ScriptFault("a\x00\nb" + "c" * 900))).body
    assert body.value("Description").startswith("Message: a  bccc")
    assert len(body.value("Description")) == 250


@pytest.mark.parametrize(
    ("approved", "path"), [(True, "Response/Approved/Note"), (False, "Response/Denied/DenialReason")]
)
def test_a_cancellation_is_approved_or_denied_with_a_reason(approved: bool, path: str) -> None:
    made = read(cancel_rx_response(CANCEL, ANSWERING, approved=approved, reason_codes=["AP"], note="Why"))
    assert made.kind == "CancelRxResponse"
    assert (made.body.value(path), made.body.value("RequestReferenceNumber")) == ("Why", "Q")


def test_only_requests_can_be_denied() -> None:
    with pytest.raises(ScriptFault, match="no request"):
        denied(the_new_rx(), ANSWERING)


def test_an_answer_can_be_read_as_fhir_again() -> None:
    assert isinstance(read(status(the_new_rx(), ANSWERING)), Message)
    assert ANSWERING.now.astimezone(UTC).hour == 15
