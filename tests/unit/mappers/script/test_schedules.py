"""The schedule of a drug on its order, however the message spells it."""

from collections.abc import Callable
from typing import Any

import pytest

from mappers.making import Making
from mappers.mapped import Mapped
from mappers.script.from_fhir.medication_prescribed import medication_prescribed
from mappers.script.from_fhir.sending import Sending
from mappers.script.message import Header, Party
from mappers.script.schedules import schedules
from mappers.script.to_fhir.convert import to_fhir
from terminology.ncpdp.tables import NCIT
from tests.unit.mappers.script.messages import the_new_rx

OTHER = "urn:galenic:script:DEASchedule"
CII = {"system": NCIT, "code": "C48675", "display": "CII"}
CIV = {"system": NCIT, "code": "C48677", "display": "CIV"}
UNSPECIFIED = {"system": NCIT, "code": "C38046"}

HL7 = "http://terminology.hl7.org/CodeSystem/v2-0477"
DS = 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'


def mapped_schedules(drug: str, making: Making) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """The order, the codings of its schedules, and the places of the notes."""
    mapped = to_fhir(the_new_rx(f"<DrugCoded>{drug}</DrugCoded>"), making)
    order = next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")
    return order, [one["coding"][0] for one in order["category"][1:]], [note.place for note in mapped.notes]


@pytest.mark.parametrize(
    ("drug", "codings"),
    [
        ("<DEASchedule>II</DEASchedule>", [CII]),
        ("<DEASchedule><Code>C-II</Code></DEASchedule>", [CII]),
        ('<DEASchedule Code="C48675"/>', [CII]),
        ("<DrugDEASchedule>2</DrugDEASchedule>", [CII]),
        ("<DEASchedule><Code>C38046</Code></DEASchedule>", [UNSPECIFIED]),
        ("<DEASchedule>CIV</DEASchedule><DEASchedule>C48675</DEASchedule>", [CII, CIV]),
        ("<DEASchedule/>", []),
    ],
)
def test_every_spelling_is_the_code_of_the_list(drug: str, codings: list[Any], making: Making) -> None:
    _, made, places = mapped_schedules(drug, making)
    assert (made, places) == (codings, [])


def test_what_says_less_than_a_schedule_beside_it_is_noted(making: Making) -> None:
    _, made, places = mapped_schedules("<DEASchedule><Code>C48675</Code><Text>see label</Text></DEASchedule>", making)
    assert (made, places) == ([CII], ["NewRx/MedicationPrescribed/DrugCoded/DEASchedule/Text"])


def test_an_unknown_schedule_is_kept_as_it_is_noted_and_sent_again(making: Making) -> None:
    order, made, places = mapped_schedules("<DEASchedule>state\n list</DEASchedule>", making)
    assert made == [{"system": OTHER, "code": "state list"}]
    assert places == ["NewRx/MedicationPrescribed/DrugCoded/DEASchedule"]
    sent = medication_prescribed(Sending({}, making, Header(Party("1"), Party("2"), "M-2")), order)
    assert sent.value("DrugCoded/DEASchedule/Code") == "state list"


def test_an_unknown_schedule_goes_before_an_unspecified_one(making: Making) -> None:
    _, made, _ = mapped_schedules("<DEASchedule>X</DEASchedule><DEASchedule>C38046</DEASchedule>", making)
    assert made == [{"system": OTHER, "code": "X"}, UNSPECIFIED]


@pytest.mark.parametrize("drug", ["<DEASchedule>state\n list</DEASchedule>", '<DEASchedule Code=" C - II "/>'])
def test_every_text_makes_a_code_as_it_is_defined(
    drug: str, making: Making, problems: Callable[[Mapped], list[str]]
) -> None:
    assert problems(to_fhir(the_new_rx(f"<DrugCoded>{drug}</DrugCoded>"), making)) == []


@pytest.mark.parametrize(
    "drug",
    [
        '<x:DEASchedule xmlns:x="urn:x"><x:Code>CII</x:Code></x:DEASchedule>',
        '<DEASchedule xmlns="urn:x"><Code>CII</Code></DEASchedule>',
        f"<ds:DEASchedule {DS}><ds:Code>CII</ds:Code></ds:DEASchedule>",
        f"<DEASchedule><ds:Code {DS}>CII</ds:Code></DEASchedule>",
        '<ProductCode xmlns:x="urn:x" x:DEASchedule="CII"/>',
        '<DEASchedule xmlns:x="urn:x" x:Code="CII"/>',
        "<DEA_Schedule>CII</DEA_Schedule>",
        "<Drug.DEA-Schedule>CII</Drug.DEA-Schedule>",
        "<\uff24\uff25\uff21Schedule>CII</\uff24\uff25\uff21Schedule>",
    ],
)
def test_no_namespace_and_no_spelling_hides_a_schedule(drug: str) -> None:
    message = the_new_rx(f"<DrugCoded>{drug}</DrugCoded>")
    assert [text for _, text in schedules(message.body)] == ["CII"]


def test_what_speaks_of_schemas_says_no_schedule() -> None:
    attributes = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true" xml:lang="en"'
    message = the_new_rx(f"<DrugCoded><DEASchedule {attributes}/></DrugCoded>")
    assert list(schedules(message.body)) == []


def sent_schedule(making: Making, *codings: tuple[str, str]) -> str:
    order = {"category": [{"coding": [{"system": system, "code": code}]} for system, code in codings]}
    sent = medication_prescribed(Sending({}, making, Header(Party("1"), Party("2"), "M-2")), order)
    return sent.value("DrugCoded/DEASchedule/Code")


@pytest.mark.parametrize(
    ("codings", "code"),
    [
        ([(NCIT, "C48677"), (NCIT, "C48675")], "C48675"),
        ([(HL7, "III")], "C48676"),
        ([(NCIT, "C38046"), (HL7, "IV")], "C48677"),
        ([(NCIT, "C38046"), (OTHER, "state list")], "state list"),
        ([], ""),
    ],
)
def test_the_strictest_schedule_is_sent_whoever_wrote_it(
    codings: list[tuple[str, str]], code: str, making: Making
) -> None:
    assert sent_schedule(making, *codings) == code
