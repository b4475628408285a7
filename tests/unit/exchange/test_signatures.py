"""Which messages authorise a controlled substance, however they say its schedule."""

import pytest

from fhir_server.exchange.signatures import authorises_controlled
from mappers.script.message import read
from tests.unit.mappers.script.messages import PATIENT, PRESCRIBER, a_message, a_new_rx

SPELLINGS = [
    *(f"<DEASchedule><Code>{code}</Code></DEASchedule>" for code in ("C48675", "c48679", "C48678", "II", "C-II", "2")),
    *(f"<DEASchedule>{text}</DEASchedule>" for text in ("II", "CII", "C-II", "2", "C48675", "Schedule II", "anything")),
    '<DEASchedule Code="C48675"/>',
    '<DEASchedule value="2"/>',
    '<DEASchedule Code="C48675"><Code>C38046</Code></DEASchedule>',
    "<DEASchedule><Text>II</Text></DEASchedule>",
    "<DEASchedule><Coded><Value>II</Value></Coded></DEASchedule>",
    "<DEASchedule>II<Code>C38046</Code></DEASchedule>",
    "<DEASchedule><Code>C38046</Code>II</DEASchedule>",
    "<DEASchedule><!-- -->II</DEASchedule>",
    "<DEASchedule><Code>C38046</Code></DEASchedule><DEASchedule><Code>C48675</Code></DEASchedule>",
    "<DrugDEASchedule>II</DrugDEASchedule>",
    "<DrugDEASchedule><Code>C48675</Code></DrugDEASchedule>",
    "<DEAScheduleCode>C48675</DEAScheduleCode>",
    "<deaSchedule>II</deaSchedule>",
    '<ProductCode DEASchedule="II"/>',
]
INGREDIENT = "CompoundIngredientsLotNotUsed"
UNCONTROLLED = [
    "",
    "<DEASchedule/>",
    "<DEASchedule> </DEASchedule>",
    '<DEASchedule Code=" "/>',
    "<DEASchedule><Code>C38046</Code></DEASchedule>",
    "<DEASchedule><Code>C38046</Code><Text>Unspecified</Text></DEASchedule>",
    '<DrugDEASchedule Code="C38046"/>',
    "<ProductCode><Code>II</Code></ProductCode>",
]


def authorises(inside: str, kind: str = "NewRx") -> bool:
    raw = a_new_rx(f"<DrugCoded>{inside}</DrugCoded>").decode()
    return authorises_controlled(read(raw.replace("NewRx>", f"{kind}>").encode()))


@pytest.mark.parametrize("inside", SPELLINGS)
def test_a_schedule_is_seen_however_it_is_said(inside: str) -> None:
    assert authorises(inside)


@pytest.mark.parametrize("inside", UNCONTROLLED)
def test_only_what_says_no_schedule_for_sure_is_of_none(inside: str) -> None:
    assert not authorises(inside)


@pytest.mark.parametrize(
    "medication",
    [
        "<DEASchedule>II</DEASchedule>",
        "<Product><DrugCoded><DEASchedule>II</DEASchedule></DrugCoded></Product>",
        f"<CompoundInformation><{INGREDIENT}><DEASchedule>II</DEASchedule></{INGREDIENT}></CompoundInformation>",
    ],
    ids=["beside the drug", "in a product", "in a compound"],
)
def test_a_schedule_is_seen_wherever_it_stands(medication: str) -> None:
    assert authorises_controlled(read(a_new_rx(medication)))


def test_an_approval_authorises_as_a_prescription_does() -> None:
    medication = "<DrugDescription>Oxycodone</DrugDescription><DrugDEASchedule>II</DrugDEASchedule>"
    approved = f"<Response><Approved/></Response>{PATIENT}{PRESCRIBER}"
    response = f"<MedicationResponse>{medication}<Quantity><Value>1</Value></Quantity></MedicationResponse>"
    assert authorises_controlled(read(a_message("RxRenewalResponse", approved + response)))


def test_a_request_authorises_nothing() -> None:
    assert not authorises("<DEASchedule>II</DEASchedule>", "RxRenewalRequest")
