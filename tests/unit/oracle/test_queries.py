"""Whole queries on a handful of resources. https://hl7.org/fhir/R4/search.html"""

from decimal import Decimal
from typing import Any

import pytest

from tests.oracle.definitions import Definitions
from tests.oracle.evaluate import Oracle, evaluate

pytestmark = pytest.mark.corpus

Resource = dict[str, Any]


def a_patient(number: str, **elements: Any) -> Resource:
    return {"resourceType": "Patient", "id": number, **elements}


def an_observation(number: str, subject: str = "Patient/1", **elements: Any) -> Resource:
    return {"resourceType": "Observation", "id": number, "subject": {"reference": subject}, **elements}


def a_code(code: str) -> Resource:
    return {"coding": [{"system": "http://loinc.org", "code": code}]}


PEOPLE = [
    a_patient("1", name=[{"family": "Ève", "given": ["Ada"]}], gender="female", birthDate="1980-02"),
    a_patient("2", name=[{"family": "Bo"}, {"family": "Zed"}], gender="male", deceasedBoolean=False),
    a_patient("3", birthDate="1980-01-31", generalPractitioner=[{"reference": "Organization/9"}]),
    {"resourceType": "Organization", "id": "9", "name": "Acme", "partOf": {"reference": "Organization/8"}},
    {"resourceType": "Organization", "id": "8", "name": "Holding"},
    {"resourceType": "Group", "id": "1", "type": "person", "actual": True},
]
SYSTOLIC = {"code": a_code("8480-6"), "valueQuantity": {"value": Decimal(120), "code": "mm[Hg]"}}
DIASTOLIC = {"code": a_code("8462-4"), "valueQuantity": {"value": Decimal(80), "code": "mm[Hg]"}}
FINDINGS = [
    an_observation("a", code=a_code("85354-9"), component=[SYSTOLIC, DIASTOLIC], status="final"),
    an_observation("b", "Patient/3/_history/1", code=a_code("x"), status="final", valueString="Nothing, really"),
    an_observation("c", "Group/1", code=a_code("x"), valueCodeableConcept=a_code("y")),
    {"resourceType": "List", "id": "l", "entry": [{"item": {"reference": "Patient/2"}}]},
    {"resourceType": "Provenance", "id": "p", "target": [{"reference": "Observation/a"}]},
]

QUERIES: list[tuple[str, list[tuple[str, str]], str]] = [
    ("Patient", [], "1 2 3"),
    ("Patient", [("_id", "1,3")], "1 3"),
    ("Patient", [("name", "eve,zed")], "1 2"),
    ("Patient", [("name", "eve"), ("name", "ada")], "1"),
    ("Patient", [("gender:not", "male")], "1 3"),
    ("Patient", [("gender:not", "male,female")], "3"),
    ("Patient", [("gender:missing", "true")], "3"),
    ("Patient", [("gender:missing", "false")], "1 2"),
    ("Patient", [("deceased", "false")], "1 2 3"),
    ("Patient", [("birthdate", "1980")], "1 3"),
    ("Patient", [("birthdate", "ne1980-02")], "3"),
    ("Observation", [("patient", "1")], "a"),
    ("Observation", [("subject", "1")], "a c"),
    ("Observation", [("subject:Group", "1")], "c"),
    ("Observation", [("value-string", r"nothing\, really")], "b"),
    ("Observation", [("combo-code", "8480-6")], "a"),
    ("Observation", [("value-concept", "http://loinc.org|y")], "c"),
    ("Observation", [("component-code-value-quantity", "8480-6$gt100||mm[Hg]")], "a"),
    ("Observation", [("component-code-value-quantity", "8462-4$gt100")], ""),
    ("Observation", [("component-code-value-quantity", "8462-4$gt100,8480-6$120")], "a"),
    ("Observation", [("subject:Patient.name", "eve")], "a"),
    ("Observation", [("subject.gender:not", "male")], "a b"),
    ("Observation", [("patient.general-practitioner:Organization.partof.name", "hold")], "b"),
    ("Patient", [("general-practitioner.name", "acme")], "3"),
    ("Patient", [("_has:Observation:patient:code", "x")], "3"),
    ("Patient", [("_has:Observation:subject:_has:Provenance:target:_id", "p")], "1"),
    ("Patient", [("_list", "l")], "2"),
    ("Patient", [("_sort", "birthdate")], "3 1 2"),
    ("Patient", [("_sort", "-birthdate")], "1 3 2"),
    ("Patient", [("_sort", "-family")], "2 1 3"),
    ("Patient", [("_sort", "gender,-_id")], "1 2 3"),
    ("Patient", [("_filter", 'name co "ev" or birthdate lt 1980-02')], "1 3"),
    ("Patient", [("_filter", "not (gender eq female) and birthdate pr false")], "2"),
    ("Patient", [("_filter", "gender pr false or gender eq male and name eq bo")], "2"),
    ("Patient", [("_filter", "gender ne female")], "2"),
    ("Patient", [("_filter", "general-practitioner re Organization/9")], "3"),
    ("Observation", [("_filter", "subject.name sw eve")], "a"),
]


@pytest.mark.parametrize(("type_name", "pairs", "expected"), QUERIES)
def test_a_query_selects(definitions: Definitions, type_name: str, pairs: list[tuple[str, str]], expected: str) -> None:
    assert " ".join(evaluate(PEOPLE + FINDINGS, definitions, type_name, pairs)) == expected


INCLUDES: list[tuple[str, list[tuple[str, str]], set[str]]] = [
    ("Observation", [("_include", "Observation:subject")], {"Patient/1", "Patient/3", "Group/1"}),
    ("Observation", [("_include", "Observation:subject:Group")], {"Group/1"}),
    ("Observation", [("_include", "Observation:patient")], {"Patient/1", "Patient/3"}),
    ("Patient", [("_include", "*")], {"Organization/9"}),
    (
        "Patient",
        [("_include", "Patient:general-practitioner"), ("_include", "Organization:partof")],
        {"Organization/9"},
    ),
    (
        "Patient",
        [("_include", "Patient:general-practitioner"), ("_include:iterate", "Organization:partof")],
        {"Organization/9", "Organization/8"},
    ),
    ("Patient", [("_revinclude", "Observation:subject")], {"Observation/a", "Observation/b"}),
    ("Patient", [("_id", "1"), ("_revinclude", "*")], {"Observation/a"}),
    (
        "Patient",
        [("_id", "1"), ("_revinclude", "Observation:patient"), ("_revinclude:iterate", "Provenance:target")],
        {"Observation/a", "Provenance/p"},
    ),
]


@pytest.mark.parametrize(("type_name", "pairs", "expected"), INCLUDES)
def test_an_include_adds(
    definitions: Definitions, type_name: str, pairs: list[tuple[str, str]], expected: set[str]
) -> None:
    found = Oracle(PEOPLE + FINDINGS, definitions, "http://local").search(type_name, pairs)
    assert {"/".join(key) for key in found.included} == expected


def test_words_are_sought_in_the_narrative_or_everywhere(definitions: Definitions) -> None:
    narrative = {
        "status": "generated",
        "div": '<div xmlns="http://www.w3.org/1999/xhtml">Two <b>tablets</b>&amp;water</div>',
    }
    note = [{"text": "Élan vital"}]
    request = {"resourceType": "MedicationRequest", "id": "1", "status": "active", "text": narrative, "note": note}
    request["subject"] = {"reference": "Patient/secret"}

    def finds(name: str, value: str) -> bool:
        return bool(evaluate([request], definitions, "MedicationRequest", [(name, value)]))

    assert finds("_text", "water TWO")
    assert not finds("_text", "elan")
    assert finds("_content", "elan tablets")
    assert not finds("_content", "active")
    assert not finds("_content", "secret")
    assert not finds("_text", "tablet")
    assert not finds("_text", "xhtml")


def test_one_reference_can_be_of_a_contained_patient(definitions: Definitions) -> None:
    inside = an_observation("1", "#p", contained=[a_patient("p")])
    for name in ("patient:missing", "subject:missing"):
        assert evaluate([inside], definitions, "Observation", [(name, "false")]) == ["1"]
    assert evaluate([inside], definitions, "Observation", [("subject", "p")]) == []


def test_the_components_of_a_relationship_are_a_code_and_a_document(definitions: Definitions) -> None:
    relation = {"code": "replaces", "target": {"reference": "DocumentReference/2"}}
    document = {"resourceType": "DocumentReference", "id": "1", "relatesTo": [relation]}
    for value, expected in (("replaces$2", ["1"]), ("replaces$DocumentReference/2", ["1"]), ("appends$2", [])):
        assert evaluate([document], definitions, "DocumentReference", [("relationship", value)]) == expected
