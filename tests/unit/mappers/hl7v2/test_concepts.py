"""Coded values: https://hl7.org/fhir/R4/datatypes.html#CodeableConcept."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from mappers.hl7v2.escapes import Delimiters
from mappers.hl7v2.message import Value
from mappers.hl7v2.tables import MARITAL_STATUS, SEX
from mappers.hl7v2.to_fhir.concepts import code, code_system, codeable_concept, coding
from mappers.making import Making

MAKING = Making(
    "north", datetime(2026, 11, 2, tzinfo=UTC), UUID(int=7), authorities={"FORMULARY": "http://north.example/f"}
)
OWN = "urn:galenic:partner:north"
MARRIED = {"system": "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus", "code": "M", "display": "Married"}


def a_value(raw: str) -> Value:
    return Value(raw, Delimiters())


@pytest.mark.parametrize(
    ("name", "system"),
    [
        ("RXNORM", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("rxnorm", "http://www.nlm.nih.gov/research/umls/rxnorm"),
        ("NDC", "http://hl7.org/fhir/sid/ndc"),
        ("SCT", "http://snomed.info/sct"),
        ("SNOMED", "http://snomed.info/sct"),
        ("LN", "http://loinc.org"),
        ("I10", "http://hl7.org/fhir/sid/icd-10"),
        ("ICD-10", "http://hl7.org/fhir/sid/icd-10"),
        ("I10C", "http://hl7.org/fhir/sid/icd-10-cm"),
        ("HL70162", "http://terminology.hl7.org/CodeSystem/v2-0162"),
        ("hl70002", "http://terminology.hl7.org/CodeSystem/v2-0002"),
        ("2.16.840.1.113883.6.96", "http://snomed.info/sct"),
        ("http://codes.example", "http://codes.example"),
        ("urn:oid:1.2.3", "urn:oid:1.2.3"),
        ("FORMULARY", "http://north.example/f"),
        (f"{OWN}:99LOC", f"{OWN}:99LOC"),
        ("urn:galenic:partner:south:99LOC", f"{OWN}:urn%3Agalenic%3Apartner%3Asouth%3A99LOC"),
        ("http://codes .example", f"{OWN}:http%3A%2F%2Fcodes%20.example"),
        ("99LOC", f"{OWN}:99LOC"),
        ("L", f"{OWN}:L"),
        ("", OWN),
    ],
)
def test_a_coding_system_is_known_by_its_name(name: str, system: str) -> None:
    assert code_system(name, MAKING) == system


def test_an_oid_says_what_a_name_does_not() -> None:
    assert code_system("99LOC", MAKING, "1.2.840.7") == "urn:oid:1.2.840.7"
    assert code_system("99LOC", MAKING, "2.16.840.1.113883.6.88") == "http://www.nlm.nih.gov/research/umls/rxnorm"


def test_what_is_no_oid_says_nothing() -> None:
    assert code_system("99LOC", MAKING, "1.2 840") == f"{OWN}:99LOC"


@pytest.mark.parametrize("system", ["http://codes .example", "urn:galenic:partner:south"])
def test_a_system_that_is_taken_for_a_word_is_left_with_a_reason(system: str) -> None:
    value = a_value(f"A^Aspirin^{system}")
    codeable_concept(value, MAKING)
    assert value.reasons == {3: "is no URI that its sender may name, and is taken for a word"}


def test_three_codes_and_a_text_are_one_concept() -> None:
    raw = "1191^Aspirin^RXNORM^A-1^ASA^L^2026^3^aspirin tablets^387458008^Aspirin^SCT^2025"
    assert codeable_concept(a_value(raw), MAKING) == {
        "coding": [
            {
                "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                "version": "2026",
                "code": "1191",
                "display": "Aspirin",
            },
            {"system": f"{OWN}:L", "version": "3", "code": "A-1", "display": "ASA"},
            {"system": "http://snomed.info/sct", "version": "2025", "code": "387458008", "display": "Aspirin"},
        ],
        "text": "aspirin tablets",
    }


@pytest.mark.parametrize(
    ("raw", "concept"),
    [
        ("^Peanut", {"text": "Peanut"}),
        ("", {}),
        ('""', {}),
        ("A", {"coding": [{"system": OWN, "code": "A"}], "text": "A"}),
        ("two  blanks", {"text": "two  blanks"}),  # no code of FHIR has them
        ("^^^7980^Penicillin G^RXNORM", None),
    ],
)
def test_a_text_without_a_code_is_a_text(raw: str, concept: dict[str, object] | None) -> None:
    found = codeable_concept(a_value(raw), MAKING)
    assert found == concept if concept is not None else found["coding"][0]["code"] == "7980"


@pytest.mark.parametrize(("raw", "found"), [("M", MARRIED), ("M^wed^HL70002", MARRIED)])
def test_a_code_of_a_table_is_what_the_table_says(raw: str, found: dict[str, str]) -> None:
    assert coding(a_value(raw), MAKING, MARITAL_STATUS) == found


def test_a_code_of_another_system_or_of_none_is_its_senders() -> None:
    assert coding(a_value("M^^99OWN"), MAKING, MARITAL_STATUS) == {"system": f"{OWN}:99OWN", "code": "M"}
    assert coding(a_value("Q"), MAKING, MARITAL_STATUS) == {"system": OWN, "code": "Q"}


def test_a_plain_code_that_its_table_lacks_is_left_with_a_reason() -> None:
    known, unknown = a_value("f^Female^HL70001"), a_value("Q")
    assert (code(known, SEX), code(unknown, SEX), code(a_value(""), SEX)) == ("female", None, None)
    assert (known.reasons, known.unread) == ({}, ())
    assert unknown.reasons == {1: "is not a code of its table"}
