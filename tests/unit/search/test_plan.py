"""A query to its steps: what is rare is sought, what is common is walked to; no database is asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from fhir_server.model.definitions import load_definitions
from fhir_server.search.has_key import HasKey
from fhir_server.search.keys import KeyHasher
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.search.plan import WALK_ROWS_MIN, Plan, Tokens, plan, seek_rows_max, to_count
from fhir_server.search.predicate import Scope
from fhir_server.search.query import Query
from fhir_server.search.registry import Registry
from fhir_server.search.sql import Page, Position, seek, walk
from fhir_server.search.types.string import Contains

BASE = "http://here.example/fhir"
REGISTRY = Registry(load_definitions())
OPTIONS = ParseOptions(BASE, 20, 1000, datetime(2026, 11, 3, tzinfo=UTC))
HASHER = KeyHasher(b"k" * 32)
MANY = 100_000


@dataclass(frozen=True)
class Known:
    """Rows by the name of what is asked; RARE for the rest."""

    rows: Mapping[str, int] = field(default_factory=dict)

    def rows_with(self, part: Tokens, type_name: str) -> int | None:
        in_tokens = part.tokens(Scope(type_name, "", HASHER))
        return self.rows.get(part.name, 10) if in_tokens else None

    def rows_containing(self, part: Contains) -> int | None:
        return self.rows.get(part.name, 10)

    def rows_of(self, type_name: str) -> int:
        return MANY


def query(type_name: str, text: str) -> Query:
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in text.split("&"))]
    return parse(REGISTRY, type_name, pairs, OPTIONS)[0]


def planned(type_name: str, text: str, **rows: int) -> Plan:
    """`rows` that statistics know; what would be counted is found to be many."""
    asked, known = query(type_name, text), Known(rows)
    return plan(asked, known, dict.fromkeys(to_count(asked, known), seek_rows_max(asked, known) + 1))


def test_what_is_rare_is_sought_by_its_index() -> None:
    made = planned("MedicationRequest", "identifier=urn:rx|1&status=active")
    assert not made.walks
    assert isinstance(made.driver, HasKey)
    assert made.driver.name == "identifier"


def test_the_rarest_of_several_drives() -> None:
    asked = "medication=Medication/m&requester=Practitioner/p"
    made = planned("MedicationRequest", asked, medication=900, requester=30)
    assert getattr(made.driver, "name", "") == "requester"


def test_what_is_common_is_walked_to_and_the_walk_gives_up() -> None:
    made = planned("MedicationRequest", "medication=Medication/m", medication=50_000)
    assert made.walks
    assert made.cap == WALK_ROWS_MIN


def test_the_cap_of_a_walk_grows_with_what_is_expected() -> None:
    made = planned("MedicationRequest", "medication=Medication/m&_count=1000", medication=20_000)
    assert made.cap == 4 * 1000 * MANY // 20_000


@pytest.mark.parametrize("asked", ["patient=p1", "patient=p1&status=active", "subject=Patient/p1&_sort=-authoredon"])
def test_one_patient_is_walked_by_an_index_and_nothing_is_counted(asked: str) -> None:
    asking = query("MedicationRequest", asked)
    assert to_count(asking, Known()) == []
    made = plan(asking, Known(), {})
    assert (made.walks, made.cap) == (True, None)
    assert len(made.prefix) == 1


def test_one_status_is_a_queue() -> None:
    made = planned("Task", "status=requested&_sort=authored-on")
    assert (made.walks, made.cap, len(made.prefix)) == (True, None, 1)


def test_several_statuses_are_queues_that_are_merged() -> None:
    made = planned("Task", "status=requested,ready&_sort=authored-on")
    assert (made.walks, made.cap, len(made.prefix)) == (True, None, 1)
    assert walk(made, Page(21), HASHER).sql.count("UNION ALL") == 1
    assert planned("Task", f"status={','.join('abcdef')}&_sort=authored-on").prefix == ()


def test_the_larger_the_table_the_more_is_sought() -> None:
    assert not planned("MedicationRequest", "medication=Medication/m", medication=1_400).walks
    assert planned("MedicationRequest", "medication=Medication/m", medication=1_500).walks
    assert not planned("Patient", "_has:Observation:patient:code=x", code=1_900).walks
    assert planned("Patient", "_has:Observation:patient:code=x", code=2_100).walks


def test_a_chain_is_counted_where_few_may_be_referred_to_by_many() -> None:
    counted = to_count(query("MedicationRequest", "medication.code=x"), Known())
    assert [type(part).__name__ for _, part in counted] == ["Chained"]
    assert to_count(query("MedicationRequest", "patient.identifier=x"), Known()) == []


def test_a_chain_that_was_not_counted_is_not_taken_for_rare() -> None:
    asked = query("MedicationRequest", "medication.code=x&identifier=urn:rx|1")
    assert getattr(plan(asked, Known(), {}).driver, "name", "") == "identifier"
    asked = query("MedicationRequest", "patient=p1&medication.code=x")
    made = plan(asked, Known(), {})
    assert (made.walks, made.cap, len(made.prefix)) == (True, None, 1)


def test_a_span_of_time_in_the_order_of_the_page_is_walked_to_its_end() -> None:
    asked, known = query("Observation", "date=ge2020-10&date=lt2020-11&code=x"), Known({"code": MANY})
    [window] = to_count(asked, known)
    for rows, walks, capped in ((900, False, False), (1_400, True, False), (1_500, True, True)):
        made = plan(asked, known, {window: rows})
        assert (made.walks, made.cap is not None) == (walks, capped)
    assert not planned("Observation", "date=ge2020-10&date=lt2020-11&code=x").walks


def test_a_span_of_time_is_counted_as_one() -> None:
    asked = "date=ge2020-10&date=lt2020-11&code=x&_lastUpdated=gt2020"
    counted = to_count(query("Observation", asked), Known({"code": MANY}))
    assert [type(part).__name__ for _, part in counted] == ["UpdatedWithin", "Window"]


@pytest.mark.parametrize(
    ("asked", "arms"),
    [
        ("date=lt2020-11&_sort=-date", 1),
        ("date=ge2020-10&_sort=date", 2),
        ("date=ge2020-10&date=lt2020-11", 2),
        ("date=2020-10", 1),
        ("_lastUpdated=ge2020-10&_sort=_lastUpdated", 1),
        ("status=final,amended&date=ge2020-10", 4),
        ("date=ge2020-10&_sort=_lastUpdated", 1),
    ],
)
def test_a_walk_begins_where_the_dates_let_it(asked: str, arms: int) -> None:
    made = plan(query("Observation", asked), Known(), {})
    assert walk(made, Page(21), HASHER).sql.count("ORDER BY s.") == arms


def test_an_order_that_no_index_has_is_sorted() -> None:
    for sort in ("medication", "-authoredon,status", "status"):
        assert not planned("MedicationRequest", f"medication=Medication/m&_sort={sort}", medication=MANY).walks


def test_what_statistics_cannot_tell_is_counted_and_only_that() -> None:
    counted = to_count(query("Patient", "birthdate=ge1970&gender=female&name=ada"), Known({"gender": MANY}))
    assert [type(part).__name__ for _, part in counted] == ["Within", "StartsWith"]


def test_nothing_is_counted_where_something_is_known_to_be_rare() -> None:
    assert to_count(query("Patient", "birthdate=ge1970&identifier=urn:x|1"), Known()) == []


def test_a_chain_is_as_rare_as_what_it_ends_in() -> None:
    made = planned("MedicationRequest", "patient:Patient.identifier=urn:mrn|1")
    assert (made.walks, made.rows) == (False, 10)


def test_only_one_page_more_is_asked_for_and_values_never_stand_in_the_statement() -> None:
    made = planned("MedicationRequest", "identifier=urn:rx|Maier&_sort=authoredon,-status")
    found = seek(made, Page(21, Position(("2026-11-03", None), 7), "1:2:"), HASHER)
    assert "Maier" not in found.sql
    assert "2026" not in found.sql
    assert 21 in found.values.values()
    assert found.keys == 2


def test_a_walk_keeps_to_the_snapshot_and_the_position() -> None:
    made = planned("MedicationRequest", "status=active")
    found = walk(made, Page(21, Position(("2026-11-03",), 7), "1:2:"), HASHER)
    assert "pg_visible_in_snapshot" in found.sql
    assert "date_low, s.rid) <" in found.sql


def test_equal_searches_are_equal_however_they_are_written() -> None:
    one = query("Patient", "gender=female&identifier=a,b")
    other = query("Patient", "identifier=b,a&gender=female")
    assert one.normalised == other.normalised
    assert one.normalised != query("Patient", "identifier=b&gender=female").normalised
