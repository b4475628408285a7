"""What the golden cases do not spell out: choices, faults and the edges of ADT. Chapter 3 of HL7 v2."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappers.hl7v2.escapes import Delimiters
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Message, Segment, parse
from mappers.hl7v2.to_fhir.convert import KINDS, to_fhir
from mappers.hl7v2.to_fhir.leftovers import left_over
from mappers.making import Making
from mappers.mapped import Mapped
from tests.running.growth import grows_evenly

MAKING = Making("north", datetime(2026, 11, 2, tzinfo=UTC), UUID(int=7))
PID = "PID|1||4711^^^NORTH^MR||Larsen^Mia"
OWN = "urn:galenic:partner:north"


def a_segment(name: str, **fields: str) -> str:
    """`a_segment("PV1", f2="I", f19="V-1")`."""
    by_number = {int(field[1:]): text for field, text in fields.items()}
    return "|".join((name, *(by_number.get(number, "") for number in range(1, max(by_number) + 1))))


def mapped(*lines: str, event: str = "A08", version: str = "2.5.1") -> Mapped:
    header = rf"MSH|^~\&|EHR|NORTH|GALENIC|SOUTH|20261102||ADT^{event}|7|P|{version}"
    return to_fhir(parse("\r".join((header, *lines)).encode()), MAKING)


def the(found: Mapped, type_name: str) -> dict[str, Any]:
    (entry,) = (one for one in found.entries if one.type_name == type_name)
    return entry.resource


def noted(found: Mapped) -> list[tuple[str, str]]:
    return [(note.place, note.severity) for note in found.notes]


@pytest.mark.parametrize(
    ("identifiers", "condition"),
    [
        ("9^^^X^AN~8^^^X^PI~7^^^X^MR", f"identifier={OWN}:X|7"),
        ("9^^^X^AN~8^^^X^PI", f"identifier={OWN}:X|8"),
        ("9^^^X^AN~8", f"identifier={OWN}|8"),
        ("8^^^X~9^^^X", f"identifier={OWN}:X|8"),
        ("a|b,c$d\\E\\e^^^X^MR".replace("|", "\\F\\"), f"identifier={OWN}:X|a%5C%7Cb%5C%2Cc%5C%24d%5C%5Ce"),
    ],
)
def test_a_patient_is_found_by_the_number_that_tells_patients_apart(identifiers: str, condition: str) -> None:
    entry = mapped(f"PID|1||{identifiers}||Larsen").entries[0]
    assert (entry.how, entry.condition) == ("merge", condition)


def test_why_a_number_was_chosen_is_said() -> None:
    assert ("Patient.identifier", "PID-3") in [(one.element, one.place) for one in mapped("PID|||8~9").choices]


def test_the_numbers_of_older_fields_are_identifiers_and_told_once() -> None:
    found = the(mapped("PID|1|4711|4711|88||" + "|" * 13 + "999001234|L-7^VT"), "Patient")
    assert [one["value"] for one in found["identifier"]] == ["4711", "88", "999001234", "L-7"]


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"f29": "20261101"}, {"deceasedDateTime": "2026-11-01"}),
        ({"f29": "20261101", "f30": "Y"}, {"deceasedDateTime": "2026-11-01"}),
        ({"f30": "Y"}, {"deceasedBoolean": True}),
        ({"f30": "N"}, {"deceasedBoolean": False}),
        ({"f29": "20261101", "f30": "N"}, {"deceasedBoolean": False}),
    ],
)
def test_death_is_a_time_or_a_yes_or_no(fields: dict[str, str], found: dict[str, Any]) -> None:
    patient = the(mapped(a_segment("PID", f3="1", **fields)), "Patient")
    assert {name: value for name, value in patient.items() if name.startswith("deceased")} == found


@pytest.mark.parametrize(
    ("event", "patient_class", "discharged", "status"),
    [
        ("A01", "I", "", "in-progress"),
        ("A04", "O", "", "in-progress"),
        ("A01", "P", "", "planned"),
        ("A08", "U", "", "unknown"),
        ("A08", "", "", "unknown"),
        ("A08", "X", "", "in-progress"),
        ("A03", "I", "", "finished"),
        ("A08", "I", "20261103", "finished"),
    ],
)
def test_a_visit_is_as_far_as_its_event_its_end_and_its_class_say(
    event: str, patient_class: str, discharged: str, status: str
) -> None:
    visit = a_segment("PV1", f2=patient_class, f19="V-1", f45=discharged)
    found = mapped(PID, visit, event=event)
    assert the(found, "Encounter")["status"] == status
    assert "Encounter.status" in [one.element for one in found.choices]


def test_a_visit_without_a_class_has_one_that_is_unknown() -> None:
    assert the(mapped(PID, a_segment("PV1", f19="V-1")), "Encounter")["class"]["code"] == "UNK"


@pytest.mark.parametrize(
    ("event", "made"), [("A01", True), ("A03", True), ("A04", True), ("A08", False), ("A31", False)]
)
def test_a_visit_without_a_number_is_made_by_events_of_visits_alone(event: str, *, made: bool) -> None:
    found = mapped(PID, "PV1|1|I", event=event)
    assert any(one.type_name == "Encounter" for one in found.entries) == made
    assert ("PV1-19", "warning") in noted(found)


def test_a_visit_that_is_not_applicable_is_none_and_no_loss() -> None:
    found = mapped(PID, "PV1|1|N", event="A31")
    assert noted(found) == []
    assert "Encounter" not in [one.type_name for one in found.entries]


def test_what_a_visit_no_longer_has_is_cleared() -> None:
    (visit,) = (
        one
        for one in mapped(PID, a_segment("PV1", f2="I", f3='""', f10='""', f19="V-1")).entries
        if one.type_name == "Encounter"
    )
    assert visit.cleared == ("serviceType", "location")


def test_a_place_is_told_apart_by_all_it_is_in_and_made_once() -> None:
    found = mapped(PID, a_segment("PV1", f2="I", f3="W^1^A^N", f6="W^1^B^N", f19="V-1"))
    names = [one.resource["identifier"][0]["value"] for one in found.entries if one.type_name == "Location"]
    assert names == ["N", "N/W", "N/W/1", "N/W/1/A", "N/W/1/B"]


def test_who_is_named_without_a_number_is_shown_and_makes_nobody() -> None:
    found = mapped(PID, a_segment("PV1", f2="I", f7="^Osei^Kofi", f19="V-1"))
    assert the(found, "Encounter")["participant"][0]["individual"] == {"type": "Practitioner", "display": "Kofi Osei"}
    assert "Practitioner" not in [one.type_name for one in found.entries]


def test_two_mentions_of_somebody_are_one_practitioner() -> None:
    found = mapped(PID, a_segment("PV1", f2="I", f7="17^Osei", f17="17^Osei", f19="V-1"))
    assert [one.type_name for one in found.entries].count("Practitioner") == 1


def test_an_allergy_that_is_told_again_is_the_same_one() -> None:
    once, again = (mapped(PID, "AL1|1|DA|^Latex", "AL1|2|FA|^Milk"), mapped(PID, "AL1|1|FA|^Milk"))
    assert [one.condition for one in again.entries][1] == [one.condition for one in once.entries][2]


def test_what_cannot_be_said_in_fhir_without_more_is_noted_and_left_out() -> None:
    found = mapped(PID, "AL1|1|DA", "DG1|1", "OBX|1|NM||5", "IN1|1", "NK1|1||SPO", "IN2|1|x")
    assert [one.type_name for one in found.entries] == ["Patient", "MessageHeader", "Provenance"]
    assert noted(found) == [
        ("NK1", "information"),
        ("AL1-3", "warning"),
        ("IN1-4", "warning"),
        ("DG1-3", "warning"),
        ("OBX-3", "warning"),
        ("AL1", "information"),
        ("OBX", "information"),
        ("IN2", "information"),
    ]


def test_a_diagnosis_before_2_4_has_its_coding_system_beside_it() -> None:
    found = the(mapped(PID, "DG1|1|I10C|I21.9|Infarction||W", version="2.3"), "Condition")
    assert found["code"] == {
        "coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "I21.9"}],
        "text": "Infarction",
    }


def test_what_a_message_says_again_and_again_is_one_entry() -> None:
    found = mapped(PID, *("AL1|1|DA|^Latex" for _ in range(200)), *(f"NK1|1|Larsen^{one}" for one in range(200)))
    counts = Counter(entry.type_name for entry in found.entries)
    assert (counts["AllergyIntolerance"], counts["RelatedPerson"]) == (1, 200)
    assert len({entry.full_url for entry in found.entries}) == len(found.entries)


@pytest.mark.parametrize(
    ("fields", "value"),
    [
        (
            "NM|X||70.5|kg",
            {"valueQuantity": {"value": 70.5, "unit": "kg", "system": "http://unitsofmeasure.org", "code": "kg"}},
        ),
        ("NM|X||-3", {"valueQuantity": {"value": -3}}),
        ("NM|X||about 3", {"valueString": "about 3"}),
        ("ST|X||one~two", {"valueString": "one\ntwo"}),
        ("TX|X||A \\T\\ B", {"valueString": "A & B"}),
        ("SN|X||>^100", {"valueQuantity": {"comparator": ">", "value": 100}}),
        ("SN|X||^1^:^128", {"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}),
        ("SN|X||^1^-^5", {"valueRange": {"low": {"value": 1}, "high": {"value": 5}}}),
        ("SN|X||^2^+", {"valueString": "2 +"}),
        ("CWE|X||260385009^Negative^SCT", None),
        ("DT|X||20261102", {"valueDateTime": "2026-11-02"}),
        ("TM|X||0830", {"valueTime": "08:30:00"}),
        ("DR|X||2025^2026", {"valuePeriod": {"start": "2025", "end": "2026"}}),
        ("ED|X||^^PDF^Base64^AAAA", {}),
        ("|X||", {}),
    ],
)
def test_a_value_is_of_the_kind_that_is_said(fields: str, value: dict[str, Any] | None) -> None:
    found = the(mapped(PID, f"OBX|1|{fields}".replace("|X|", "|8310-5^Temperature^LN|")), "Observation")
    negative = {"system": "http://snomed.info/sct", "code": "260385009", "display": "Negative"}
    expected = {"valueCodeableConcept": {"coding": [negative], "text": "Negative"}} if value is None else value
    assert {name: one for name, one in found.items() if name.startswith("value")} == expected


def test_a_value_of_a_kind_that_is_not_mapped_is_noted() -> None:
    assert ("OBX-5", "warning") in noted(mapped(PID, "OBX|1|ED|8310-5^Temperature^LN||^^PDF^Base64^AAAA"))


def test_whatever_nobody_reads_is_noted_once_and_without_its_value() -> None:
    found = mapped(
        "PID|1||4711^7^M10^NORTH^MR||Larsen^Mia|||Q||W^White|||||||||||||||||||||" + "|Y",
        "ZZ9|secret",
        "ZZ9|secret",
    )
    places = [place for place, _ in noted(found)]
    assert places[:5] == ["PID-3.2", "PID-3.3", "PID-8", "PID-10.1", "PID-32"]
    assert places[5:] == ["ZZ9[1]", "ZZ9[2]"]
    assert not any(word in note.text for note in found.notes for word in ("secret", "White", "Q "))


def test_a_second_repetition_that_is_not_read_is_noted() -> None:
    assert ("PID-16", "information") in noted(mapped("PID|||4711|||||||||||||S~M"))


def test_each_kind_of_message_says_its_origin() -> None:
    found = mapped("EVN||20261102||||20261101", PID)
    header, provenance = the(found, "MessageHeader"), the(found, "Provenance")
    assert header["source"] == {"name": "EHR NORTH", "endpoint": f"{OWN}:EHR"}
    assert provenance["occurredDateTime"] == "2026-11-01"
    assert provenance["entity"][0]["what"]["identifier"] == {"system": OWN, "value": "7"}
    assert provenance["target"] == header["focus"] == [{"reference": found.entries[0].full_url}]


@given(st.sampled_from(sorted(KINDS)), st.lists(st.text('ABCPIDVM109|^~&\\"HL71 ', max_size=40), max_size=6))
def test_whatever_stands_in_a_message_it_is_mapped_or_refused(kind: str, lines: list[str]) -> None:
    names = [
        "PID|1||1",
        "PV1",
        "OBX",
        "AL1",
        "DG1",
        "IN1",
        "GT1",
        "NK1",
        "MRG",
        "MFE",
        "STF",
        "IIM",
        "FT1",
        "ORC",
        "RXE",
    ]
    said = [f"{names[index % len(names)]}|{line}" for index, line in enumerate(lines)]
    raw = "\r".join((rf"MSH|^~\&|A|B|||2026||{kind}|7|P|2.5", *said)).encode()
    try:
        assert isinstance(to_fhir(parse(raw), MAKING), Mapped)
    except Hl7Fault as fault:
        assert fault.code in {"100", "101", "102", "103", "198", "205"}  # noqa: PT017


def test_what_is_left_over_of_a_field_takes_no_more_time_than_the_field_is_long() -> None:
    def of_components(components: int) -> Message:
        segment = Segment(f"PID|||||A{'^x' * components}", Delimiters())
        segment.text(5)
        return Message((segment,))

    assert grows_evenly(left_over, of_components, 500)


@pytest.mark.parametrize(
    ("order", "found"),
    [("2", 2), ("2147483647", 2**31 - 1), ("2147483648", None), ("-1", None), ("1.5", None), ("second", None)],
)
def test_a_birth_order_that_fhir_does_not_hold_is_noted(order: str, found: int | None) -> None:
    result = mapped(a_segment("PID", f3="4711", f24="Y", f25=order))
    patient = the(result, "Patient")
    assert patient.get("multipleBirthInteger") == found
    assert patient.get("multipleBirthBoolean") == (True if found is None else None)
    assert (("PID-25", "warning") in noted(result)) == (found is None)
