"""CX, EI, XCN and HD as identifiers: https://hl7.org/fhir/R4/datatypes.html#Identifier."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from mappers.hl7v2.escapes import Delimiters
from mappers.hl7v2.message import Value, parse
from mappers.hl7v2.to_fhir.convert import to_fhir
from mappers.hl7v2.to_fhir.identifiers import cx, derived, ei, system_of, xcn, xon
from mappers.making import Making

UUID_TEXT = "0B1C2D3E-0000-4000-8000-00000000ABCD"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"


def the_making(partner: str = "north") -> Making:
    return Making(
        partner, datetime(2026, 11, 2, tzinfo=UTC), UUID(int=7), authorities={"NORTH": "http://north.example/mrn"}
    )


def a_value(raw: str) -> Value:
    return Value(raw, Delimiters())


@pytest.mark.parametrize(
    ("authority", "system"),
    [
        ("NORTH", "http://north.example/mrn"),
        ("NORTH&1.2.3&ISO", "http://north.example/mrn"),  # configured for the partner
        ("LAB&1.2.840.99&ISO", "urn:oid:1.2.840.99"),
        ("&1.2.840.99", "urn:oid:1.2.840.99"),
        ("&2.16.840.1.113883.4.1&ISO", "http://hl7.org/fhir/sid/us-ssn"),
        (f"&{UUID_TEXT}&UUID", f"urn:uuid:{UUID_TEXT.lower()}"),
        (f"&{UUID_TEXT}&GUID", f"urn:uuid:{UUID_TEXT.lower()}"),
        ("&http://lab.example/ids&URI", "http://lab.example/ids"),
        ("&lab.example&DNS", "lab.example"),
        ("LAB", "urn:galenic:partner:north:LAB"),
        ("LAB OF US", "urn:galenic:partner:north:LAB%20OF%20US"),
        ("LAB&not an oid&ISO", "urn:galenic:partner:north:LAB"),
        ("&1.02.3&ISO", "urn:galenic:partner:north:1.02.3"),  # no OID: a part begins with 0
        ("&99&L", "urn:galenic:partner:north:99"),
        ("&urn:galenic:partner:north:LAB&URI", "urn:galenic:partner:north:LAB"),
        ("&urn:galenic:partner:north", "urn:galenic:partner:north"),
        ("&urn:galenic:partner:south&URI", "urn:galenic:partner:north:urn%3Agalenic%3Apartner%3Asouth"),
        ("&URN:galenic:partner:south", "urn:galenic:partner:north:URN%3Agalenic%3Apartner%3Asouth"),
        ("&urn:galenic:partner:northern&URI", "urn:galenic:partner:north:urn%3Agalenic%3Apartner%3Anorthern"),
        ("LAB&urn:galenic:partner:south:X&URI", "urn:galenic:partner:north:LAB"),
        ("&http://lab .example&URI", "urn:galenic:partner:north:http%3A%2F%2Flab%20.example"),
        ("&http://lab\u00a0.example&URI", "urn:galenic:partner:north:http%3A%2F%2Flab%C2%A0.example"),
        ("", "urn:galenic:partner:north"),
    ],
)
def test_an_authority_is_the_system_it_stands_for(authority: str, system: str) -> None:
    assert system_of(a_value(f"1^^^{authority}").inner(4), the_making()) == system


@pytest.mark.parametrize(
    ("raw", "system", "code"),
    [
        ("1234567893^^^^NPI", "http://hl7.org/fhir/sid/us-npi", "NPI"),
        ("1234567893^^^CMS^NPI", "http://hl7.org/fhir/sid/us-npi", "NPI"),
        ("AB1234563^^^^DEA", "urn:oid:2.16.840.1.113883.4.814", "DEA"),
        ("999001234^^^SSA^SS", "http://hl7.org/fhir/sid/us-ssn", "SS"),
        ("1^^^X&1.2.3&ISO^SS", "urn:oid:1.2.3", "SS"),  # its authority is told: another country's number
        ("1^^^NORTH^MR", "http://north.example/mrn", "MR"),
    ],
)
def test_a_type_whose_numbers_have_one_authority_has_its_system(raw: str, system: str, code: str) -> None:
    found: Any = cx(a_value(raw), the_making())
    assert (found["system"], found["type"]["coding"]) == (system, [{"system": TYPES, "code": code}])


def test_a_type_that_no_table_has_is_a_text() -> None:
    assert cx(a_value("1^^^^LOCAL"), the_making()) == {
        "type": {"text": "LOCAL"},
        "system": "urn:galenic:partner:north",
        "value": "1",
    }


def test_an_identifier_is_valid_between_two_days() -> None:
    found: Any = cx(a_value("1^^^^^^20260101^20261231"), the_making())
    assert found["period"] == {"start": "2026-01-01", "end": "2026-12-31"}


def test_a_day_that_is_none_is_left_with_a_reason() -> None:
    value = a_value("1^^^^^^soon")
    assert cx(value, the_making()) == {"system": "urn:galenic:partner:north", "value": "1"}
    assert value.reasons == {7: "is no time stamp"}


def test_a_check_digit_is_left_unread() -> None:
    value = a_value("1^7^M10^NORTH^MR")
    cx(value, the_making())
    assert value.unread == (2, 3)


@pytest.mark.parametrize("raw", ["", "^^^NORTH^MR", '""', '""^^^NORTH'])
def test_what_has_no_number_is_no_identifier(raw: str) -> None:
    value = a_value(raw)
    assert (cx(value, the_making()), ei(value, the_making())) == (None, None)


def test_an_entity_identifier_has_its_authority_in_its_own_components() -> None:
    value = a_value("77^LAB^1.2.840.99^ISO")
    assert ei(value, the_making(), "FILL") == {
        "type": {"coding": [{"system": TYPES, "code": "FILL"}]},
        "system": "urn:oid:1.2.840.99",
        "value": "77",
    }
    assert value.unread == ()


def test_an_order_is_of_no_other_partner_whatever_its_number_says() -> None:
    found: Any = ei(a_value("77^^urn:galenic:partner:south:OE^URI"), the_making())
    assert found["system"] == "urn:galenic:partner:north:urn%3Agalenic%3Apartner%3Asouth%3AOE"


def test_people_and_organizations_have_theirs_in_other_places() -> None:
    person: Any = xcn(a_value("17^Osei^Kofi^^^^^^STAFF^^^^EI"), the_making())
    house: Any = xon(a_value("Clinic^^12^^^ORGS^XX^^^C-9"), the_making())
    assert (person["system"], person["value"]) == ("urn:galenic:partner:north:STAFF", "17")
    assert (house["system"], house["value"]) == ("urn:galenic:partner:north:ORGS", "C-9")


def test_what_has_no_number_gets_one_that_is_always_the_same() -> None:
    one = derived(the_making(), "allergy", "4711", "Peanut")
    assert one == derived(the_making(), "allergy", "4711", "Peanut")
    others = [("allergy", "4711", "Milk"), ("allergy", "4712", "Peanut"), ("diagnosis", "4711", "Peanut")]
    assert one["value"] not in [derived(the_making(), *parts)["value"] for parts in others]
    assert one["system"] == "urn:galenic:partner:north:allergy"
    assert "4711" not in one["value"]


def test_parts_do_not_run_into_each_other() -> None:
    assert derived(the_making(), "a", "b", "cd") != derived(the_making(), "a", "bc", "d")


def own(*segments: str) -> list[str]:
    header = "MSH|^~\\&|WARD|HOSP|GALENIC|PHARM|20261102||RDE^O11|1|P|2.5.1"
    message = parse("\r".join((header, *segments, "RXE||1^a drug^L|1||mg")).encode())
    return [one.place for one in to_fhir(message, the_making()).choices if one.element == "Identifier.system"]


@pytest.mark.parametrize(
    ("number", "places"),
    [
        ("1^^^MRN^MR", ["PID-3.4"]),
        ("1^^^MRN^MR~2^^^LAB^PI", ["PID-3.4"]),
        ("1^^^NORTH^MR", []),
        ("1^^^MRN&1.2.3&ISO^MR", []),
        ("1^^^^MR", []),
        ("1^^^SSA^SS", []),
    ],
)
def test_a_word_that_only_its_sender_understands_is_told_once_for_each_place(number: str, places: list[str]) -> None:
    assert own(f"PID|1||{number}", "ORC|NW|A1") == places


def test_the_words_of_orders_and_of_people_are_told_too() -> None:
    first, second = "ORC|NW|A1^CPOE|||||||||^^|D1^Marsh^Ada^^^^^^DOCS", "ORC|NW|A2^CPOE^^"
    assert own("PID|1||1", first, "RXE||1^a drug^L|1||mg", second) == ["ORC[1]-2.2", "ORC[1]-12.9", "ORC[2]-2.2"]
