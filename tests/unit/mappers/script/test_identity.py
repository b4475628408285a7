"""Who is the same without a number: whoever a partner writes alike, and nobody else."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from mappers.making import Making
from mappers.mapped import Entry, Mapped
from mappers.script.message import read
from mappers.script.to_fhir.convert import to_fhir
from tests.unit.mappers.script.messages import PATIENT, a_message, a_new_rx

INSURED = """<BenefitsCoordination><PayerIdentification><IINNumber>610014</IINNumber></PayerIdentification>
<CardholderID>W1</CardholderID></BenefitsCoordination>"""
ALLERGIC = """<AllergyOrAdverseEvent><Allergies><DrugProductCoded><Text>penicillin</Text></DrugProductCoded></Allergies>
</AllergyOrAdverseEvent>"""
WEIGHED = """<Observation><Measurement><VitalSign>29463-7</VitalSign><Value>38</Value><UnitOfMeasure>kg</UnitOfMeasure>
<ObservationDate><Date>2026-03-01</Date></ObservationDate></Measurement></Observation>"""


def entry(making: Making, raw: bytes, type_name: str = "Patient") -> Entry:
    return next(one for one in to_fhir(read(raw), making).entries if one.type_name == type_name)


def person(making: Making, old: str = "", new: str = "") -> str:
    found = entry(making, a_new_rx().replace(old.encode(), new.encode()) if old else a_new_rx())
    assert (found.how == "match") == bool(found.condition)
    return found.condition


def test_the_identifier_is_the_digest_that_is_documented(making: Making) -> None:
    value = sha256(b"\nokafor\nngozi\n2011-03-09\nf\n").hexdigest()[:32]
    assert person(making) == f"identifier=urn:galenic:partner:clinic:person|{value}"
    (identifier,) = entry(making, a_new_rx()).resource["identifier"]
    assert identifier == {"system": "urn:galenic:partner:clinic:person", "value": value}


@pytest.mark.parametrize(
    ("old", "new"), [("Okafor", "OKAFOR "), ("Ngozi", "\uff2egozi"), ("</Gender>", "</Gender><Other>1</Other>")]
)
def test_who_is_written_alike_is_the_same(old: str, new: str, making: Making) -> None:
    assert person(making, old, new) == person(making)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Okafor", "Okafo"),
        ("Ngozi", "Ada"),
        ("2011-03-09", "2011-03-10"),
        ("<Gender>F", "<Gender>M"),
        ("</HumanPatient>", "<Address><PostalCode>62701</PostalCode></Address></HumanPatient>"),
        ("LastName>Okafor</LastName><FirstName>Ngozi", "LastName>Ngozi</LastName><FirstName>Okafor"),
    ],
)
def test_who_is_written_otherwise_is_another(old: str, new: str, making: Making) -> None:
    assert person(making, old, new) not in ("", person(making))


def test_the_same_words_of_another_partner_are_another(making: Making) -> None:
    assert person(replace(making, partner="other")).startswith("identifier=urn:galenic:partner:other:person|")


@pytest.mark.parametrize(
    "missing", ["<LastName>Okafor</LastName>", "<FirstName>Ngozi</FirstName>", "<Date>2011-03-09</Date>"]
)
def test_who_cannot_be_told_from_others_is_made_anew(missing: str, making: Making) -> None:
    assert person(making, missing, "") == ""


def test_a_number_goes_before_the_words(making: Making) -> None:
    number = "<HumanPatient><Identification><MedicaidNumber>7</MedicaidNumber></Identification>"
    assert person(making, "<HumanPatient>", number) == "identifier=urn:galenic:partner:clinic:MedicaidNumber|7"


def test_the_choice_is_told(making: Making) -> None:
    choices = to_fhir(read(a_new_rx()), making).choices
    assert [one.place for one in choices if one.element == "Patient.identifier"] == ["NewRx/Patient/HumanPatient"]


@pytest.mark.parametrize(
    ("around", "type_name", "old", "new"),
    [
        (INSURED, "Coverage", "W1", "W2"),
        (ALLERGIC, "AllergyIntolerance", "penicillin", "latex"),
        (WEIGHED, "Observation", "2026-03-01", "2026-03-02"),
    ],
)
def test_what_a_person_has_is_there_already_where_the_same_was_said(
    around: str, type_name: str, old: str, new: str, making: Making, problems: Callable[[Mapped], list[str]]
) -> None:
    raw = a_new_rx(around=around)
    found = entry(making, raw, type_name)
    assert found.how == "match"
    assert entry(making, raw.replace(b"M-1", b"M-2"), type_name).condition == found.condition
    assert entry(making, raw.replace(old.encode(), new.encode()), type_name).condition != found.condition
    assert entry(making, raw.replace(b"Ngozi", b"Ada"), type_name).condition != found.condition
    assert entry(making, raw.replace(b"<FirstName>Ngozi</FirstName>", b""), type_name).how == "create"
    assert problems(to_fhir(read(raw), making)) == []


@pytest.mark.parametrize(
    ("around", "type_name"),
    [
        (INSURED.replace("<CardholderID>W1</CardholderID>", ""), "Coverage"),
        (WEIGHED.replace("<Date>2026-03-01</Date>", ""), "Observation"),
    ],
)
def test_what_cannot_be_told_from_others_of_its_kind_is_new(around: str, type_name: str, making: Making) -> None:
    assert entry(making, a_new_rx(around=around), type_name).how == "create"


def test_what_a_message_says_twice_is_one(making: Making) -> None:
    mapped = to_fhir(read(a_new_rx(around=INSURED * 2)), making)
    assert [one.type_name for one in mapped.entries].count("Coverage") == 1
    order = next(one.resource for one in mapped.entries if one.type_name == "MedicationRequest")
    assert len(order["insurance"]) == 2


def test_a_person_known_by_a_social_security_number_alone_has_nothing_that_is_found_again(making: Making) -> None:
    patient = PATIENT.replace(
        "<HumanPatient>", "<HumanPatient><Identification><SocialSecurity>1</SocialSecurity></Identification>"
    )
    raw = a_message("NewRxRequest", patient + INSURED)
    assert entry(making, raw, "Coverage").how == "create"
