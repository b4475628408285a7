"""A predicate has two halves, in memory and in SQL: whatever a resource has and whatever is asked, they agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import combinations, product
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fhir_server.model.definitions import load_definitions
from fhir_server.model.resource_types import type_number
from fhir_server.search.boolean import Not
from fhir_server.search.comparison import PREFIXES
from fhir_server.search.entries import Amount, Entries, Span
from fhir_server.search.has_key import HasKey
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import KeyHasher
from fhir_server.search.predicate import Predicate, Scope
from fhir_server.search.registry import Registry
from fhir_server.search.resource import Missing
from fhir_server.search.types import date, number, special, string
from tests.conftest import PROVE, Cluster
from tests.unit.search.types import drawing

OBSERVATION, CONDITION = "Observation", "Condition"
HASHER = KeyHasher(b"k" * 32)
INDEXER = Indexer(Registry(load_definitions()), HASHER, {}, "http://galenic.example/fhir")
DATABASE = "halves"
EXAMPLES = settings(
    max_examples=2_000 if PROVE else 50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

Session = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(scope="module")
def session(cluster: Cluster) -> Iterator[Session]:
    """A database of this file's own; what a test writes there it takes back."""
    cluster.execute(f"CREATE DATABASE {DATABASE} TEMPLATE galenic")
    with psycopg.connect(cluster.database(DATABASE).app_url) as connection:
        yield connection
        connection.rollback()
    cluster.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


@st.composite
def entries(draw: st.DrawFn) -> Entries:
    """Of an Observation: its `date` is in columns of the row and has one value, other names are in side tables."""
    made = Entries(type_name=OBSERVATION, id="1")
    made.spans.update(draw(st.sets(drawing.spans(("date",)), max_size=1)))
    made.spans.update(draw(st.sets(drawing.spans(("performed", "other")), max_size=3)))
    made.spans.add(updated_at(draw(st.sampled_from(drawing.INSTANTS))))
    made.amounts.update(draw(st.sets(drawing.amounts(("value", "other")), max_size=4)))
    made.texts.update(draw(st.sets(st.tuples(st.sampled_from(["name", "other"]), drawing.texts()), max_size=4)))
    made.keys.update(draw(st.sets(st.tuples(st.sampled_from(["url", "url:below"]), drawing.texts()), max_size=3)))
    for latitude, longitude in draw(st.sets(drawing.PLACES, max_size=1)):
        made.amounts.add(Amount("near:latitude", "", *[number.read(str(latitude))] * 2))
        made.amounts.add(Amount("near:longitude", "", *[number.read(str(longitude))] * 2))
    return made


def updated_at(moment: datetime) -> Span:
    return Span(date.LAST_UPDATED, moment, moment + timedelta(milliseconds=1))


ASKED: dict[str, st.SearchStrategy[Predicate]] = {
    "a date in columns": drawing.withins("date"),
    "a date in a side table": drawing.withins("performed"),
    "the last update": drawing.updates(),
    "an amount": drawing.measures("value"),
    "the start of a text": drawing.starts("name"),
    "any part of a text": drawing.contents("name"),
    "a place": drawing.nearby("near"),
    "a key": st.builds(HasKey, st.just("url"), st.lists(drawing.texts(), min_size=1, max_size=3).map(tuple)),
}


@pytest.mark.parametrize("asked", ASKED)
@EXAMPLES
@given(data=st.data())
def test_what_matches_in_memory_is_what_the_database_finds(session: Session, asked: str, data: st.DataObject) -> None:
    resources = data.draw(st.lists(entries(), min_size=1, max_size=4))
    predicate = data.draw(ASKED[asked])
    with stored(session, resources):
        judge(session, resources, predicate)
        expected = {rid: not predicate.matches(resource) for rid, resource in enumerate(resources)}
        assert judged(session, Not(predicate)) == expected


FEW_ENDS = [
    date.EARLIEST,
    *(drawing.NOON + timedelta(**{unit: number}) for unit, number in [("days", -1), ("hours", -5), ("hours", 0)]),
    *(drawing.NOON + timedelta(**{unit: 1}) for unit in ("microseconds", "milliseconds", "days")),
    date.LATEST,
]
SPANS = list(combinations(FEW_ENDS, 2))
RANGES = [(value, value) for value in drawing.NUMBERS] + list(
    combinations([-number.INFINITY, *drawing.NUMBERS, number.INFINITY], 2)
)
WORDS = ["".join(letters) for length in (1, 2) for letters in product(drawing.ALPHABET, repeat=length)]
DATES = [date.Comparison(prefix, *span) for prefix in PREFIXES for span in SPANS]
NUMBERS = [number.compared(prefix, value) for prefix in PREFIXES for value in drawing.NUMBERS]

EVERY: dict[str, tuple[list[Entries], list[Predicate]]] = {
    "a date in columns": (
        [Entries(OBSERVATION, spans={Span("date", *span)}) for span in SPANS],
        [date.Within("date", (comparison,)) for comparison in DATES],
    ),
    "a date in a side table": (
        [Entries(OBSERVATION, spans={Span("performed", *span)}) for span in SPANS],
        [date.Within("performed", (comparison,)) for comparison in DATES],
    ),
    "the last update": (
        [Entries(OBSERVATION, spans={updated_at(moment)}) for moment in FEW_ENDS[:-1]],
        [date.UpdatedWithin((comparison,)) for comparison in DATES],
    ),
    "an amount": (
        [Entries(OBSERVATION, amounts={Amount("value", "", *ends)}) for ends in RANGES],
        [number.Measures("value", (comparison,)) for comparison in NUMBERS],
    ),
    "the start of a text": (
        [Entries(OBSERVATION, texts={("name", word)}) for word in WORDS],
        [string.StartsWith("name", (word,)) for word in ["", *WORDS]],
    ),
    "any part of a text": (
        [Entries(OBSERVATION, texts={("name", word + "b" + word)}) for word in WORDS],
        [string.Contains("name", (word,)) for word in ["", *WORDS, *(word + "b" for word in WORDS)]],
    ),
}


@pytest.mark.parametrize("case", EVERY)
def test_every_value_is_judged_alike_by_every_question(session: Session, case: str) -> None:
    resources, predicates = EVERY[case]
    answers = {predicate: [predicate.matches(resource) for resource in resources] for predicate in predicates}
    assert {True, False} == {answer for row in answers.values() for answer in row}
    with stored(session, resources):
        for predicate in predicates:
            judge(session, resources, predicate)


WHOLE = {
    "resourceType": OBSERVATION, "id": "1", "status": "final", "code": {"coding": [{"system": "urn:s", "code": "c"}]},
    "subject": {"reference": "Patient/1"}, "effectiveDateTime": "2026-01-01", "valueQuantity": {"value": 1},
    "meta": {"lastUpdated": "2026-01-01T00:00:00Z", "tag": [{"system": "urn:s", "code": "t"}]},
}  # fmt: skip
"""Has a value for each column a search row has."""


@pytest.mark.parametrize("name", [one.name for one in INDEXER.registry.indexed(OBSERVATION)])
def test_what_is_missing_is_judged_alike_of_every_parameter(session: Session, name: str) -> None:
    bare = {"resourceType": OBSERVATION, "id": "1"}
    resources = [INDEXER.entries(resource) for resource in (WHOLE, bare)]
    with stored(session, resources):
        for absent in (True, False):
            judge(session, resources, Missing(name, absent=absent))


def judge(session: Session, resources: list[Entries], predicate: Predicate) -> None:
    expected = {rid: predicate.matches(resource) for rid, resource in enumerate(resources)}
    assert judged(session, predicate) == expected
    assert found(session, predicate) in (None, {rid for rid, holds in expected.items() if holds})


@contextmanager
def stored(session: Session, resources: list[Entries]) -> Iterator[None]:
    """As Observations, and the same once more as Conditions, which no search for the other type may find."""
    with session.transaction(force_rollback=True):
        for rid, resource in enumerate(resources):
            insert(session, rid, resource)
            insert(session, -1 - rid, replace(resource, type_name=CONDITION))
        yield


def insert(session: Session, rid: int, resource: Entries) -> None:
    row = INDEXER.row(resource)
    updated = next((span.low for span in resource.spans if span.name == date.LAST_UPDATED), drawing.NOON)
    session.execute(
        "INSERT INTO search (rid, type, id, last_updated, status, patient, date_low, date_high, tokens, grams, words,"
        " compartments, labels, index_version)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s::bigint[], %s::integer[], %s::bigint[], '{}', '{}', 2)",
        (rid, type_number(resource.type_name), str(rid), updated, row.status, row.patient, row.date_low,
         row.date_high, list(row.tokens), row.grams and list(row.grams), row.words and list(row.words)),
    )  # fmt: skip
    for key, text in row.strings:
        session.execute("INSERT INTO search_string VALUES (%s, %s, %s)", (rid, key, text))
    for key, low, high in row.dates:
        session.execute("INSERT INTO search_date VALUES (%s, %s, %s, %s)", (rid, key, low, high))
    for key, least, most in row.numbers:
        session.execute("INSERT INTO search_number VALUES (%s, %s, %s, %s)", (rid, key, least, most))


def judged(session: Session, predicate: Predicate) -> dict[int, bool]:
    scope = Scope(OBSERVATION, "r", HASHER)
    condition = predicate.condition(scope)
    statement = f"SELECT r.rid, {condition} FROM search r WHERE {scope.of_type()}"  # noqa: S608
    return dict(session.execute(statement, scope.values).fetchall())


def found(session: Session, predicate: Predicate) -> set[int] | None:
    scope = Scope(OBSERVATION, "r", HASHER)
    statement = predicate.rids(scope)
    return None if statement is None else {rid for (rid,) in session.execute(statement, scope.values)}


LATER = drawing.NOON
INDEXED: dict[str, tuple[Predicate, set[str]]] = {
    "newer dates in columns": (
        date.Within("date", (date.Comparison("ge", LATER, LATER + timedelta(days=1)),)),
        {"search_date_idx", "search_long_date_idx"},
    ),
    "newer dates": (
        date.Within("performed", (date.Comparison("gt", LATER, LATER + timedelta(days=1)),)),
        {"search_date_low_idx", "search_date_long_idx"},
    ),
    "equal dates": (
        date.Within("performed", (date.Comparison("eq", LATER, LATER + timedelta(days=1)),)),
        {"search_date_low_idx"},
    ),
    "updates": (
        date.UpdatedWithin((date.Comparison("gt", LATER, LATER + timedelta(days=1)),)),
        {"search_type_last_updated_idx"},
    ),
    "larger numbers": (
        number.Measures("value", (number.compared("gt", drawing.NUMBERS[5]),)),
        {"search_number_low_idx", "search_number_range_idx"},
    ),
    "starts": (string.StartsWith("name", ("mull", "mei")), {"search_string_value_idx"}),
    "places": (special.Near("near", (special.Circle(52.0, 5.0, 25.0),)), {"search_number_low_idx"}),
}


FILL = """
INSERT INTO search (rid, type, id, last_updated, date_low, date_high, tokens, compartments, labels, index_version)
SELECT n, %(type)s, n, at, at, at + interval '1 hour', '{}', '{}', '{}', 2
FROM (SELECT n, timestamptz '2020-01-01Z' + n * interval '10 hours' AS at FROM generate_series(1, 9000) n) made;
INSERT INTO search_date SELECT rid, %(performed)s, date_low, date_high FROM search;
INSERT INTO search_string SELECT rid, %(name)s, md5(id) FROM search;
INSERT INTO search_number SELECT rid, key, rid %% 360 / 2.0 - 90, rid %% 360 / 2.0 - 90
FROM search, unnest(%(numbers)s::bigint[]) key;
ANALYZE search, search_date, search_string, search_number;
"""


@pytest.fixture(scope="module")
def filled(cluster: Cluster) -> Iterator[Session]:
    """Another database, with 9,000 rows of values that differ: in an empty one every index is as good as any."""
    numbers = [number.side_name(name, "") for name in ("value", "near:latitude", "near:longitude")]
    keys = {name: HASHER.key(OBSERVATION, name) for name in ("performed", "name")}
    cluster.execute(f"CREATE DATABASE {DATABASE}_filled TEMPLATE galenic")
    with psycopg.connect(cluster.database(f"{DATABASE}_filled").superuser_url, autocommit=True) as connection:
        values = {"type": type_number(OBSERVATION), "numbers": [HASHER.key(OBSERVATION, name) for name in numbers]}
        for statement in FILL.strip().removesuffix(";").split(";\n"):
            connection.execute(statement, values | keys)
        yield connection
    cluster.execute(f"DROP DATABASE {DATABASE}_filled WITH (FORCE)")


@pytest.mark.parametrize("case", INDEXED)
def test_an_index_can_find_it(filled: Session, case: str) -> None:
    """By a bound on the value: an index that only narrows by the key or type would read all values of a name."""
    predicate, indexes = INDEXED[case]
    scope = Scope(OBSERVATION, "r", HASHER)
    with filled.transaction(force_rollback=True):
        filled.execute("SET LOCAL enable_seqscan = off")
        lines = filled.execute(f"EXPLAIN {predicate.rids(scope)}", scope.values).fetchall()
    plan = "\n".join(line for (line,) in lines)
    assert {index for index in indexes if f" {index} " in plan} == indexes, plan
    conditions = [line for line in plan.splitlines() if "Index Cond" in line]
    assert all(any(sign in line for sign in (">", "<", "@>", "rid =")) for line in conditions), plan
    assert "Seq Scan" not in plan
