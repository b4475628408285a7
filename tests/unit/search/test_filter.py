"""`_filter`: https://hl7.org/fhir/R4/search_filter.html."""

from datetime import UTC, datetime

import pytest

from fhir_server.auth.compartments import patient_parameters
from fhir_server.errors import GalenicError, Invalid, NotSupported, TooCostly
from fhir_server.model.definitions import load_definitions
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import KeyHasher
from fhir_server.search.matches import matches
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.search.registry import Registry

BASE = "http://here.example/fhir"
DEFINITIONS = load_definitions()
INDEXER = Indexer(Registry(DEFINITIONS), KeyHasher(b"k" * 32), patient_parameters(DEFINITIONS), BASE)
OPTIONS = ParseOptions(BASE, 20, 1000, datetime(2026, 11, 3, tzinfo=UTC), "lenient")
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "gender": "female",
    "birthDate": "1974-12-25",
    "name": [{"family": "Cruz", "given": ["Ana", "María"]}],
    "identifier": [{"system": "urn:a", "value": "1"}, {"system": "urn:a", "value": "2"}],
    "telecom": [{"system": "phone", "value": "555"}],
}
PRESSURE = {
    "resourceType": "Observation",
    "id": "o1",
    "status": "final",
    "code": {"coding": [{"system": "urn:c", "code": "bp"}]},
    "valueQuantity": {"value": 5, "unit": "mg"},
}


def satisfies(resource: dict, text: str) -> bool:
    query, warnings = parse(INDEXER.registry, resource["resourceType"], [("_filter", text)], OPTIONS)
    assert warnings == []
    return matches(INDEXER, query, resource)


@pytest.mark.parametrize(
    "text",
    [
        "gender eq female",
        "gender eq male or gender eq female",
        "gender eq female and not (gender eq male)",
        "gender eq male and gender eq male or gender eq female",
        'name co "ruz"',
        'family sw "cr" and family ew "UZ"',
        'given eq "maria"',
        'given ne "maria"',
        "identifier eq urn:a|1",
        "identifier ne urn:a|1",
        "birthdate ge 1974-12 and birthdate lt 1975",
        "birthdate ne 1975",
        "_id eq p1 and _id ne p2",
        "death-date pr false and gender pr true",
    ],
)
def test_what_is_so_is_found(text: str) -> None:
    assert satisfies(PATIENT, text)


@pytest.mark.parametrize(
    "text",
    [
        "gender eq female or gender eq female and gender eq male",
        'family ne "cruz"',
        "identifier ne urn:a|",
        "phone ne 555",
        "address-city ne Rom",
        "_id ne p1",
        "not (gender eq female)",
        "not gender eq female",
    ],
)
def test_what_is_not_so_is_not_found(text: str) -> None:
    assert not satisfies(PATIENT, text)


def test_values_of_a_composite_belong_together() -> None:
    assert satisfies(PRESSURE, '''code-value-quantity eq "urn:c|bp$5"''')
    assert not satisfies(PRESSURE, '''code-value-quantity eq "urn:c|bp$6"''')


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("not " * 900 + "gender eq female", TooCostly),
        ("(" * 11 + "gender eq female" + ")" * 11, TooCostly),
        (" and ".join(["gender eq female"] * 51), TooCostly),
        ("family gt m", NotSupported),
        ("gender gt a", NotSupported),
        ("identifier sw A1", NotSupported),
        ("birthdate sw 1974", NotSupported),
        ("birthdate co 1974", NotSupported),
        ("_text ne x", NotSupported),
        ("_id sw p", NotSupported),
        ("gender in urn:x", NotSupported),
        ("family:exact eq x", Invalid),
        ("gender eq female and shoe-size eq 1", Invalid),
        ("_list sw L1", NotSupported),
        ("gender pr maybe", Invalid),
        ("gender eq", Invalid),
        ("gender eq female and", Invalid),
        ("gender eq female)", Invalid),
        ("(gender eq female", Invalid),
        ('name eq "x', Invalid),
        ('name eq "x\\u0000"', Invalid),
        ('name co " "', Invalid),
        ("_has:Observation:patient:code:not ne x", Invalid),
        ("_has:Observation:patient:code:text ne x", Invalid),
        ("general-practitioner.name:exact ne Zed", Invalid),
    ],
)
def test_what_cannot_be_read_is_refused_and_never_left_out(text: str, error: type[GalenicError]) -> None:
    with pytest.raises(error) as caught:
        satisfies(PATIENT, text)
    assert "\0" not in str(caught.value)


def test_a_filter_may_have_as_many_values_as_a_search() -> None:
    with pytest.raises(TooCostly):
        parse(INDEXER.registry, "Task", [("_filter", "subject.derived-from.derived-from._id eq x")], OPTIONS)
