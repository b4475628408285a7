"""What an approved cancellation does to the order of whoever asked for it."""

from collections.abc import Callable

import pytest

from mappers.making import Making
from mappers.mapped import Entry, Mapped
from mappers.script.message import read
from mappers.script.to_fhir.convert import to_fhir
from tests.unit.mappers.script.messages import a_message

HEADER = "<RelatesToMessageID>M-0</RelatesToMessageID>"
NUMBER = "<PrescriberOrderNumber>ORD-5</PrescriberOrderNumber>"
OURS = "identifier=urn:galenic:partner:clinic:PrescriberOrderNumber|ORD-5"


def mapped(making: Making, outcome: str, inner: str = "", header: str = HEADER + NUMBER) -> Mapped:
    body = f"<Response><{outcome}>{inner}</{outcome}></Response>"
    return to_fhir(read(a_message("CancelRxResponse", body, header=header)), making)


def orders(found: Mapped) -> list[Entry]:
    return [one for one in found.entries if one.type_name == "MedicationRequest"]


def test_an_approval_cancels_the_order_which_has_to_be_there(making: Making) -> None:
    there, told = orders(mapped(making, "Approved"))
    assert [(one.how, one.condition) for one in (there, told)] == [("find", OURS), ("merge", OURS)]
    assert told.resource == {
        "resourceType": "MedicationRequest",
        "status": "cancelled",
        "statusReason": {"text": "A CancelRx was approved"},
    }


def test_the_reason_of_the_answer_is_the_orders(making: Making) -> None:
    _, told = orders(mapped(making, "Approved", "<ReasonCode>AA</ReasonCode>"))
    assert told.resource["statusReason"] == {"coding": [{"system": "urn:galenic:script:ReasonCode", "code": "AA"}]}


def test_the_order_is_told_once_by_the_header(making: Making) -> None:
    header = next(one.resource for one in mapped(making, "Approved").entries if one.type_name == "MessageHeader")
    assert len(header["focus"]) == 2


def test_a_denial_leaves_the_order_as_it_is(making: Making) -> None:
    assert orders(mapped(making, "Denied")) == []


def test_without_a_number_no_order_is_cancelled_and_it_is_noted(making: Making) -> None:
    found = mapped(making, "Approved", header=HEADER)
    assert orders(found) == []
    assert "Header/PrescriberOrderNumber" in [note.place for note in found.notes]


@pytest.mark.parametrize("outcome", ["Approved", "Denied"])
def test_what_is_written_whole_is_valid(outcome: str, making: Making, problems: Callable[[Mapped], list[str]]) -> None:
    assert problems(mapped(making, outcome)) == []
