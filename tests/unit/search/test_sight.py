"""Every alias of a statement is held to what its caller may see."""

import re
from datetime import UTC, datetime

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.search.boolean import flat
from fhir_server.search.entries import Entries
from fhir_server.search.keys import KeyHasher
from fhir_server.search.order import sort_of
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.search.plan import Plan
from fhir_server.search.predicate import Scope
from fhir_server.search.query import Query
from fhir_server.search.registry import Registry
from fhir_server.search.resource import InCompartment
from fhir_server.search.sight import ALWAYS, EVERYTHING, Sight, Unowned
from fhir_server.search.sql import Page, capped_counts, count, matching, referring, seek, walk

REGISTRY = Registry(load_definitions())
HASHER = KeyHasher(b"k" * 32)
MINE = InCompartment(("Patient/mine",))
TYPES = ("Patient", "Observation", "MedicationRequest", "MedicationDispense", "List", "Encounter", "Practitioner")
RESTRICTED = Sight(dict.fromkeys(TYPES, MINE), dict.fromkeys(TYPES, MINE))

OTHERS = re.compile(r"\b(t\d+)\.")
"""Aliases of the rows of other resources than the one that is searched."""

SEARCHES = [
    ("Patient", "name=a"),
    ("MedicationRequest", "status=active&_sort=-authoredon"),
    ("MedicationRequest", "patient.name=a"),
    ("MedicationRequest", "subject:Patient.identifier=a|b"),
    ("MedicationRequest", "requester:Practitioner.name=a"),
    ("MedicationDispense", "prescription.patient.name=a"),
    ("MedicationDispense", "prescription.requester:Practitioner.identifier=a"),
    ("Patient", "_has:Observation:patient:code=a"),
    ("Patient", "_has:MedicationRequest:patient:_has:MedicationDispense:prescription:status=completed"),
    ("Encounter", "_has:Observation:encounter:date=gt2020"),
    ("Observation", "_list=1"),
    ("Observation", "encounter.date=2020"),
    ("Patient", "_filter=name eq a or birthdate gt 2000"),
    ("Observation", "code:not=a&patient.birthdate:missing=true"),
    ("", "_lastUpdated=gt2020"),
]


def a_query(type_name: str, text: str, sight: Sight) -> Query:
    options = ParseOptions("http://here.example/fhir", 20, 100, datetime(2026, 11, 21, tzinfo=UTC), None, sight)
    pairs = [tuple(part.split("=", 1)) for part in text.split("&")]
    return parse(REGISTRY, type_name, pairs, options)[0]


def statements(query: Query) -> list[str]:
    """Every way the query might be run, whatever drives it but the sight itself, which then holds the rows it finds."""
    page, keys = Page(10), sort_of(query)
    drivers = [None, *(part for part in query.where if part not in flat((query.sight.of(query.type_name),)))]
    found = [seek(Plan(query, keys, driver), page, HASHER) for driver in drivers]
    found += [count(query, driver, HASHER) for driver in drivers]
    found += [matching(query, driver, HASHER, 10) for driver in drivers]
    return [one.sql for one in [*found, walk(Plan(query, keys, None, walks=True), page, HASHER)]]


@pytest.mark.parametrize(("type_name", "text"), SEARCHES)
def test_a_statement_without_limits_asks_nothing_of_rights(type_name: str, text: str) -> None:
    assert all("compartments" not in sql for sql in statements(a_query(type_name, text, EVERYTHING)))


@pytest.mark.parametrize(("type_name", "text"), SEARCHES)
def test_each_other_resource_a_statement_looks_at_is_held_to_the_sight(type_name: str, text: str) -> None:
    for sql in statements(a_query(type_name, text, RESTRICTED)):
        looked_at = {*OTHERS.findall(sql), "s"}
        assert all(f"{alias}.compartments && " in sql for alias in looked_at), sql


def test_a_closed_type_is_found_by_no_way_round() -> None:
    only_patients = Sight({"Patient": ALWAYS}, {"Patient": ALWAYS})
    query = a_query("Patient", "_has:Observation:patient:code=a", only_patients)
    other = Scope("Observation", "t9", HASHER, sight=only_patients)
    assert other.seen().endswith("AND false")
    assert all("AND false" in sql for sql in statements(query))


def test_what_refers_to_a_resource_is_held_to_the_sight() -> None:
    assert "s.compartments && " in referring([1], RESTRICTED, HASHER, 5).sql


def test_counting_for_a_plan_looks_at_others_as_the_search_does() -> None:
    query = a_query("Patient", "_has:Observation:patient:code=a", RESTRICTED)
    sql = capped_counts([("Patient", query.where[0])], query, HASHER, 10).sql
    assert "compartments && " in sql


def test_two_callers_who_ask_the_same_wait_for_each_other() -> None:
    texts = {a_query("Patient", "identifier=a|b", sight).normalised for sight in (EVERYTHING, RESTRICTED)}
    assert len(texts) == 1


def test_shared_resources_are_those_in_nobodys_compartment() -> None:
    mine, anothers, nobodys = (Entries("Device", "1", owners) for owners in (("Patient/mine",), ("Patient/b",), ()))
    assert [Unowned().matches(one) for one in (mine, anothers, nobodys)] == [False, False, True]
    assert [MINE.matches(one) for one in (mine, anothers, nobodys)] == [True, False, False]


def test_types_with_the_same_rights_are_asked_together() -> None:
    scope = Scope("", "s", HASHER)
    assert RESTRICTED.of("").condition(scope).count("compartments") == 1
