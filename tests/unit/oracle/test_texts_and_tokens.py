"""Strings, tokens, uris and references against one value. https://hl7.org/fhir/R4/search.html"""

from typing import Any

import pytest

from tests.oracle.definitions import Parameter
from tests.oracle.escapes import escape, split, unescape
from tests.oracle.extraction import Element
from tests.oracle.references import Base, reference_test
from tests.oracle.strings import folded, string_test, words
from tests.oracle.tokens import token_test
from tests.oracle.uris import uri_test

BASE = Base("http://local/fhir")
SUBJECT = Parameter("subject", "reference", "", frozenset({"Patient", "Group"}))


def test_separators_can_be_escaped() -> None:
    assert split(r"a\,b,c\\,d", ",") == [r"a\,b", r"c\\", "d"]
    assert unescape(r"a\,b\|c\$d\\e") == r"a,b|c$d\e"
    assert split(escape(r"a,\|$,"), ",") == [escape(r"a,\|$,")]
    assert unescape(escape(r"\\,|$\,")) == r"\\,|$\,"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ångström", "angstrom"),
        ("A\u030angstro\u0308m", "angstrom"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("  Mac  Donald\t", "mac donald"),
        ("O'Neil-Ševčík", "o'neil-sevcik"),
        ("ﬁn", "fin"),
        ("שָׁלוֹם", "שלום"),
    ],
)
def test_folding_drops_case_accents_and_superfluous_space(text: str, key: str) -> None:
    assert folded(text) == key


def test_words_are_letters_and_digits() -> None:
    assert words("Take 2 tablets/day: naïve_use") == {"take", "2", "tablets", "day", "naive", "use"}


NAME = {"family": "Ève-Marie", "given": ["Peter", "James"], "prefix": ["Dr."], "text": "P. J. Eve"}

STRINGS = [
    (None, "eve", True),
    (None, "EVE-", True),
    (None, "marie", False),
    (None, "jam", True),
    (None, "dr", True),
    (None, "p. j", True),
    (None, "peter james", False),
    ("contains", "MARIE", True),
    ("contains", "ames", True),
    ("contains", "x", False),
    ("exact", "Ève-Marie", True),
    ("exact", "Eve-Marie", False),
    ("exact", "Peter", True),
    ("exact", "Pete", False),
]


@pytest.mark.parametrize(("modifier", "value", "expected"), STRINGS)
def test_a_name_is_each_of_its_strings(modifier: str | None, value: str, expected: bool) -> None:
    assert string_test(modifier, value)(Element("HumanName", NAME)) is expected


CONCEPT = {"coding": [{"system": "http://s", "code": "a", "display": "Élan"}, {"code": "b"}], "text": "Some text"}
MEDICAL = {"coding": [{"system": "http://t", "code": "MR"}], "text": "Médical"}
IDENTIFIER = {"system": "http://s", "value": "1", "type": MEDICAL}

TOKENS: list[tuple[str, Any, str | None, str, bool]] = [
    ("CodeableConcept", CONCEPT, None, "a", True),
    ("CodeableConcept", CONCEPT, None, "A", False),
    ("CodeableConcept", CONCEPT, None, "http://s|a", True),
    ("CodeableConcept", CONCEPT, None, "http://s|b", False),
    ("CodeableConcept", CONCEPT, None, "|b", True),
    ("CodeableConcept", CONCEPT, None, "|a", False),
    ("CodeableConcept", CONCEPT, None, "http://s|", True),
    ("CodeableConcept", CONCEPT, None, "http://t|", False),
    ("CodeableConcept", CONCEPT, "text", "some", True),
    ("CodeableConcept", CONCEPT, "text", "elan", True),
    ("CodeableConcept", CONCEPT, "text", "text", False),
    ("Coding", {"system": "http://s", "display": "D"}, None, "http://s|", True),
    ("Coding", {"system": "http://s", "display": "D"}, "text", "d", True),
    ("Identifier", IDENTIFIER, None, "1", True),
    ("Identifier", IDENTIFIER, None, "http://s|1", True),
    ("Identifier", IDENTIFIER, None, "|1", False),
    ("Identifier", IDENTIFIER, "text", "medical", True),
    ("Identifier", IDENTIFIER, "of-type", "http://t|MR|1", True),
    ("Identifier", IDENTIFIER, "of-type", "http://t|MR|2", False),
    ("Identifier", IDENTIFIER, "of-type", "http://s|MR|1", False),
    ("ContactPoint", {"system": "phone", "value": "+1"}, None, "+1", True),
    ("ContactPoint", {"system": "phone", "value": "+1"}, None, "phone|+1", False),
    ("ContactPoint", {"system": "phone", "value": "+1"}, None, "|+1", False),
    ("boolean", True, None, "true", True),
    ("boolean", False, None, "true", False),
    ("code", "active", None, "active", True),
    ("code", "active", None, "|active", True),
    ("code", "active", None, "http://hl7.org/fhir/x|active", False),
]


@pytest.mark.parametrize(("kind", "value", "modifier", "asked", "expected"), TOKENS)
def test_a_token_matches_by_its_form(kind: str, value: Any, modifier: str | None, asked: str, expected: bool) -> None:
    assert token_test(modifier, asked)(Element(kind, value)) is expected


URIS = [
    (None, "http://a/b", "http://a/b", True),
    (None, "http://a/b", "http://a/B", False),
    ("below", "http://a/b", "http://a/b/c", True),
    ("below", "http://a/b/", "http://a/b", True),
    ("below", "http://a/b", "http://a/bc", False),
    ("below", "urn:oid:1.2", "urn:oid:1.2/3", False),
    ("above", "http://a/b/c", "http://a/b", True),
    ("above", "http://a/b/c", "http://a", True),
    ("above", "http://a/bc", "http://a/b", False),
    ("above", "http://a/b", "http://a/b", True),
]


@pytest.mark.parametrize(("modifier", "asked", "stored", "expected"), URIS)
def test_a_uri_is_compared_by_segments(modifier: str | None, asked: str, stored: str, expected: bool) -> None:
    assert uri_test(modifier, asked)(Element("uri", stored)) is expected


REFERENCES: list[tuple[str | None, str, Any, bool]] = [
    (None, "1", {"reference": "Patient/1"}, True),
    (None, "1", {"reference": "Group/1/_history/3"}, True),
    (None, "1", {"reference": "Practitioner/1"}, False),
    (None, "1", {"reference": "http://local/fhir/Patient/1"}, True),
    (None, "1", {"reference": "http://other/fhir/Patient/1"}, False),
    (None, "1", {"reference": "#1"}, False),
    (None, "Patient/1", {"reference": "Patient/1"}, True),
    (None, "Patient/1/_history/2", {"reference": "Patient/1"}, True),
    (None, "http://local/fhir/Patient/1", {"reference": "Patient/1"}, True),
    (None, "http://other/fhir/Patient/1", {"reference": "http://other/fhir/Patient/1/_history/9"}, True),
    (None, "http://other/fhir/Patient/1", {"reference": "Patient/1"}, False),
    (None, "Patient/1", {"display": "someone"}, False),
    ("Patient", "1", {"reference": "Patient/1"}, True),
    ("Group", "1", {"reference": "Patient/1"}, False),
    ("identifier", "http://s|7", {"identifier": {"system": "http://s", "value": "7"}}, True),
    ("identifier", "|7", {"identifier": {"system": "http://s", "value": "7"}}, False),
    ("identifier", "7", {"reference": "Patient/7"}, False),
    (None, "http://c/x", "http://c/x|1.0", True),
    (None, "http://c/x|1.0", "http://c/x|1.0", True),
    (None, "http://c/x|1.0", "http://c/x", False),
    (None, "http://c/x", "http://c/xy", False),
]


@pytest.mark.parametrize(("modifier", "asked", "stored", "expected"), REFERENCES)
def test_a_reference_is_the_resource_it_is_to(modifier: str | None, asked: str, stored: Any, expected: bool) -> None:
    assert reference_test(SUBJECT, modifier, asked, BASE)(Element("Reference", stored)) is expected
