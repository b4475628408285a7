"""Every code of table 0119: what it does to an order, or why it is refused. Nothing else makes an order active."""

import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import parse
from mappers.hl7v2.order_control import CONTROLS, NOT_TAKEN
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.making import Making
from mappers.mapped import Mapped

MAKING = Making("north", datetime(2026, 11, 2, 14, 30, tzinfo=UTC), UUID(int=7))
TABLE: Final = frozenset(import_module("hl7apy.v2_8.tables").TABLES["HL70119"][1])
"""As hl7apy has it."""
ORDERS: Final = frozenset({"NW", "RO", "CH", "PA", "PR", "OP", "PY", "RE", "SN"})
"""Codes that say: here is an order."""
RESUMED: Final = frozenset({"OR", "OE", "AF"})
"""Codes that say: it goes on."""
FILLED: Final = frozenset({"RF"})
"""What asks to be dispensed from an order makes one that is not known here, in RDE^O49 and beside an RXD."""
NO_STATUS: Final = ("", "XX", "Q")
"""ORC-5 without a code of table 0038."""
SEGMENTS: Final = {
    "RXO": "RXO|197361^amoxicillin^RXNORM|1||CAP",
    "RXE": "RXE||197361^amoxicillin^RXNORM|1||CAP",
    "RXD": "RXD|1|197361^amoxicillin^RXNORM|20261102|30",
    "RXG": "RXG|1|||197361^amoxicillin^RXNORM|1||CAP",
    "RXA": "RXA|0|1|20261102||197361^amoxicillin^RXNORM|1|CAP",
    "OBR": "OBR|1|||24323-8^panel^LN",
}
KINDS: Final = ("OMP^O09", "ORM^O01", "RDE^O11", "RDE^O25", "RDE^O49", "RDS^O13", "RGV^O15", "RAS^O17")
PAGE: Final = Path(__file__).parents[4] / "docs/messages/hl7v2/orders.md"


def mapped(kind: str, orc: str, *segments: str) -> Mapped | None:
    """None where it is refused."""
    header = f"MSH|^~\\&|WARD|HOSP|GALENIC|PHARM|20261102||{kind}|1|P|2.5.1"
    try:
        return to_fhir(parse("\r".join((header, "PID|1||4711", orc, *segments)).encode()), MAKING)
    except Hl7Fault:
        return None


def active(found: Mapped) -> list[str]:
    """What is made, or made again, to be active."""
    orders = ("MedicationRequest", "ServiceRequest")
    return [one.how for one in found.entries if one.type_name in orders and one.resource.get("status") == "active"]


def test_every_code_of_the_table_is_taken_or_refused_for_a_reason() -> None:
    assert CONTROLS.keys() | NOT_TAKEN.keys() == TABLE
    assert not CONTROLS.keys() & NOT_TAKEN.keys()


def test_the_codes_that_make_an_order_active_are_those_of_the_short_list() -> None:
    assert {code for code, one in CONTROLS.items() if one.status == "active"} == ORDERS | RESUMED


@settings(max_examples=400)
@given(
    code=st.sampled_from(sorted(TABLE - ORDERS - RESUMED - FILLED)),
    kind=st.sampled_from(KINDS),
    status=st.sampled_from(NO_STATUS),
    names=st.lists(st.sampled_from(sorted(SEGMENTS)), max_size=4),
)
def test_no_other_code_makes_an_order_or_makes_it_active_again(
    code: str, kind: str, status: str, names: list[str]
) -> None:
    found = mapped(kind, f"ORC|{code}|A1^OE|||{status}", *(SEGMENTS[name] for name in names))
    assert found is None or active(found) == []


@pytest.mark.parametrize("code", sorted(ORDERS | RESUMED))
def test_a_code_of_the_short_list_does(code: str) -> None:
    found = mapped("RDE^O11", f"ORC|{code}|A1^OE", SEGMENTS["RXE"])
    assert found is not None
    assert active(found) == ["merge"]


@pytest.mark.parametrize("code", ["XX", "NA", "XR", "FU", "OF", "OK"])
def test_a_notification_changes_all_but_the_status_of_an_order_that_is_there(code: str) -> None:
    found = mapped("RDE^O11", f"ORC|{code}|A1^OE", SEGMENTS["RXE"])
    assert found is not None
    there, told = (one for one in found.entries if one.type_name == "MedicationRequest")
    assert (there.how, told.how, there.condition) == ("find", "merge", told.condition)
    assert "status" not in told.resource
    assert "dosageInstruction" in told.resource
    assert "ORC-1" in [note.place for note in found.notes]


@pytest.mark.parametrize("kind", ["RDE^O25", "RDE^O49"])
def test_what_is_asked_beside_a_fill_is_asked(kind: str) -> None:
    found = mapped(kind, "ORC|CA|A1^OE", SEGMENTS["RXE"])
    assert found is not None
    (task,) = (one.resource for one in found.entries if one.type_name == "Task")
    assert (task["code"]["coding"][0]["code"], task["status"]) == ("abort", "requested")


def test_an_order_that_is_first_heard_of_by_what_ends_it_is_of_unknown_status() -> None:
    found = mapped("RDS^O13", "ORC|OC|A1^OE", SEGMENTS["RXE"], SEGMENTS["RXD"])
    assert found is not None
    (request,) = (one for one in found.entries if one.type_name == "MedicationRequest")
    assert (request.how, request.resource["status"]) == ("match", "unknown")


@pytest.mark.parametrize("code", sorted(NOT_TAKEN))
def test_a_code_that_is_not_taken_is_refused_with_the_reason(code: str) -> None:
    header = "MSH|^~\\&|WARD|HOSP|GALENIC|PHARM|20261102||RDE^O11|1|P|2.5.1"
    with pytest.raises(Hl7Fault) as caught:
        to_fhir(parse(f"{header}\rPID|1||4711\rORC|{code}|A1\r{SEGMENTS['RXE']}".encode()), MAKING)
    assert (caught.value.code, caught.value.place) == ("103", "ORC-1")
    assert NOT_TAKEN[code] in caught.value.text


def test_the_page_says_who_may_send_each_code() -> None:
    rows = re.findall(
        r"^\| ((?:[A-Z]{2}(?:, |; | \| ))+)(placer or filler|placer|filler) \|", PAGE.read_text("utf-8"), re.MULTILINE
    )
    said = {code: by for codes, by in rows for code in re.findall(r"[A-Z]{2}", codes)}
    assert said == {code: one.by for code, one in CONTROLS.items()}
