"""Names, addresses and telephones: https://hl7.org/fhir/R4/datatypes.html#HumanName."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappers.hl7v2.escapes import Delimiters
from mappers.hl7v2.message import Segment, Value
from mappers.hl7v2.to_fhir.persons import address, contact_point, contact_points, human_name, names, practitioner_name
from mappers.making import Making

MAKING = Making("north", datetime(2026, 11, 2, tzinfo=UTC), UUID(int=7))


def a_value(raw: str) -> Value:
    return Value(raw, Delimiters())


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("Larsen^Mia", {"family": "Larsen", "given": ["Mia"]}),
        ("van Dyk&van&Dyk^Jo^P^Jr.^Dr.^MD^L", None),
        ("Larsen^^^^^^N", {"use": "nickname", "family": "Larsen"}),
        (
            "Larsen^^^^^^^^^^^20200101^20251231",
            {"family": "Larsen", "period": {"start": "2020-01-01", "end": "2025-12-31"}},
        ),
        ("^^^^^^L", {}),
        ('""^""', {}),
        ("", {}),
    ],
)
def test_a_name_has_its_parts(raw: str, name: dict[str, Any] | None) -> None:
    full = {"use": "official", "family": "van Dyk", "given": ["Jo", "P"], "prefix": ["Dr."], "suffix": ["Jr.", "MD"]}
    assert human_name(a_value(raw), MAKING) == (full if name is None else name)


def test_a_type_of_name_that_fhir_has_no_use_for_is_left() -> None:
    value = a_value("Larsen^Mia^^^^^B")
    assert human_name(value, MAKING) == {"family": "Larsen", "given": ["Mia"]}
    assert value.reasons == {7: "is not a code of its table"}


def test_what_somebody_is_called_by_is_another_name() -> None:
    segment = Segment("NK1|1|Larsen^Jonathan^^^^^^^^^^^^^Jon", Delimiters())
    assert [one.get("use") for one in names(segment, MAKING, 2)] == [None, "nickname"]


def test_a_practitioners_name_begins_one_component_later() -> None:
    assert practitioner_name(a_value("17^Osei^Kofi^B^III^Dr.^MD")) == {
        "family": "Osei",
        "given": ["Kofi", "B"],
        "prefix": ["Dr."],
        "suffix": ["III", "MD"],
    }
    assert practitioner_name(a_value("17")) == {}


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("1 Elm St^^Bergen^VT^05401^USA^H", {"use": "home", "line": ["1 Elm St"]}),
        ("1 Elm St&Apt 2&3^Rear^Bergen^VT^05401^USA^M", {"type": "postal", "line": ["1 Elm St", "Apt 2", "3", "Rear"]}),
        ("1 Elm St^^Bergen^VT^05401^USA^BA", {"use": "old", "line": ["1 Elm St"]}),
        ("1 Elm St^^Bergen^VT^05401^USA^^^Chittenden", {"line": ["1 Elm St"], "district": "Chittenden"}),
    ],
)
def test_an_address_has_its_lines_and_its_use(raw: str, found: dict[str, Any]) -> None:
    there = {"city": "Bergen", "state": "VT", "postalCode": "05401", "country": "USA"}
    assert address(a_value(raw), MAKING) == found | there


def test_an_address_of_nothing_but_its_type_is_none() -> None:
    assert address(a_value("^^^^^^H"), MAKING) == {}


@pytest.mark.parametrize(
    ("raw", "point"),
    [
        ("(802)555-0142", {"system": "phone", "value": "(802)555-0142", "use": "home"}),
        ("(802)555-0142^WPN^PH", {"system": "phone", "value": "(802)555-0142", "use": "work"}),
        ("^PRN^PH^^1^802^5550142^9", {"system": "phone", "value": "+1 802 5550142 X9", "use": "home"}),
        ("^^CP^^^802^5550142", {"system": "phone", "value": "802 5550142", "use": "mobile"}),
        ("5550142^ASN^FX", {"system": "fax", "value": "5550142"}),  # an answering service is of no use of FHIR
        ("^NET^Internet^mia@larsen.example", {"system": "email", "value": "mia@larsen.example"}),
        ("^^^mia@larsen.example", {"system": "email", "value": "mia@larsen.example", "use": "home"}),
        ("mia@larsen.example^NET", {"system": "email", "value": "mia@larsen.example"}),
        ("^^PH^^^^^^^^^+18025550142", {"system": "phone", "value": "+18025550142", "use": "home"}),
        ("5550142^^^^^^^^^^^^^^^^^2", {"system": "phone", "value": "5550142", "use": "home", "rank": 2}),
        ("^PRN^PH", {}),
        ("", {}),
    ],
)
def test_a_telephone_has_its_number_however_it_is_written(raw: str, point: dict[str, Any]) -> None:
    assert contact_point(a_value(raw), MAKING, "home") == point


def test_a_number_that_is_told_twice_is_there_once() -> None:
    segment = Segment("PID|||||||||||||5550142^PRN^PH|5550143||||||||||||||||||||||||||5550142^PRN^PH", Delimiters())
    found = contact_points(segment, MAKING, {13: "home", 14: "work", 40: ""})
    assert [(one["value"], one["use"]) for one in found] == [("5550142", "home"), ("5550143", "work")]
