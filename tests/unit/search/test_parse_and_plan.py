"""Query text to a query, to a plan, to SQL: each step without a database."""

import pytest

from fhir_server.errors import Invalid, NotSupported, TooCostly
from fhir_server.model.definitions import load_definitions
from fhir_server.search.keys import KeyHasher
from fhir_server.search.matches import matches
from fhir_server.search.parse import OR_VALUES_MAX, ParseOptions, parse
from fhir_server.search.plan import plan
from fhir_server.search.query import Query
from fhir_server.search.registry import Registry
from fhir_server.search.sql import matching_rows
from fhir_server.storage.statements import compile_with_values

BASE = "http://here.example/fhir"
REGISTRY = Registry(load_definitions())
OPTIONS = ParseOptions(BASE, page_size=50, page_size_max=1000)
PATIENT = {
    "resourceType": "Patient",
    "id": "p1",
    "active": True,
    "identifier": [{"system": "urn:mrn", "value": "a,b|c"}, {"value": "bare"}],
    "telecom": [{"system": "phone", "value": "555"}],
    "managingOrganization": {"reference": f"{BASE}/Organization/o1/_history/3"},
    "generalPractitioner": [{"reference": "http://there.example/fhir/Practitioner/x"}],
}


def query(*pairs: tuple[str, str]) -> Query:
    return parse(REGISTRY, "Patient", pairs, OPTIONS)[0]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("identifier", "urn:mrn|a\\,b\\|c", True),
        ("identifier", "a\\,b\\|c", True),
        ("identifier", "urn:mrn|", True),
        ("identifier", "|bare", True),
        ("identifier", "|a\\,b\\|c", False),
        ("identifier", "urn:other|bare", False),
        ("identifier", "none,bare", True),
        ("identifier", "a,b|c", False),
        ("active", "true", True),
        ("active", "false", False),
        ("phone", "555", True),
        ("organization", "Organization/o1", True),
        ("organization", "o1", True),
        ("organization", f"{BASE}/Organization/o1", True),
        ("organization:Organization", "o1", True),
        ("organization", "Organization/o2", False),
        ("general-practitioner", "http://there.example/fhir/Practitioner/x", True),
        ("general-practitioner", "Practitioner/x", False),
        ("_id", "p1", True),
        ("_id", "p2,p3", False),
    ],
)
def test_values_match_as_r4_says(name: str, text: str, expected: bool) -> None:
    assert matches(REGISTRY, query((name, text)), PATIENT, BASE) is expected


def test_all_parameters_must_hold() -> None:
    assert matches(REGISTRY, query(("active", "true"), ("identifier", "bare")), PATIENT, BASE)
    assert not matches(REGISTRY, query(("active", "true"), ("identifier", "other")), PATIENT, BASE)


def test_a_query_does_not_match_another_type() -> None:
    assert not matches(REGISTRY, query(("_id", "p1")), PATIENT | {"resourceType": "Person"}, BASE)


@pytest.mark.parametrize(
    "pair",
    [
        ("colour", "red"),
        ("identifier", ""),
        ("identifier", "a,,b"),
        ("identifier", "a|b|c"),
        ("_count", "-1"),
        ("_count", "many"),
    ],
)
def test_what_makes_no_sense_is_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(Invalid):
        query(pair)


@pytest.mark.parametrize(
    "pair", [("birthdate", "2024"), ("identifier:not", "a"), ("organization.name", "x"), ("family:exact", "x")]
)
def test_what_is_not_known_yet_is_refused_by_name(pair: tuple[str, str]) -> None:
    with pytest.raises(NotSupported, match="not supported yet"):
        query(pair)


def test_an_unknown_control_parameter_is_left_out_with_a_warning() -> None:
    found, warnings = parse(REGISTRY, "Patient", [("_totalMethod", "count")], OPTIONS)
    assert found.criteria == ()
    assert [issue.severity for issue in warnings] == ["warning"]


def test_alternatives_are_limited() -> None:
    with pytest.raises(TooCostly):
        query(("identifier", ",".join(map(str, range(OR_VALUES_MAX + 1)))))


def test_a_count_past_the_limit_is_clamped() -> None:
    assert query(("_count", "5000")).count == 1000


def test_equal_questions_take_the_same_lock() -> None:
    one = query(("identifier", "a,b"), ("active", "true"))
    other = query(("active", "true"), ("identifier", "b,a"))
    assert one.normalised == other.normalised
    assert one.normalised != query(("identifier", "a"), ("active", "true")).normalised


def test_values_reach_sql_as_bind_parameters_only() -> None:
    hasher = KeyHasher(b"k" * 32)
    compiled = plan(query(("identifier", "x'; DROP TABLE resource;--"), ("_id", "'or'1")), hasher.token)
    sql, values = compile_with_values(matching_rows(compiled, 10))
    assert "DROP" not in sql
    assert "'or'1" not in sql
    assert "'or'1" in values.values()


def test_hashes_differ_by_key_type_and_parameter() -> None:
    one, other = KeyHasher(b"a" * 32), KeyHasher(b"b" * 32)
    assert one.token("Patient", "identifier", "x") != other.token("Patient", "identifier", "x")
    assert len({one.token(t, p, "x") for t in ("Patient", "Person") for p in ("identifier", "email")}) == 4
