"""The other design: a row for each value in side tables, as HAPI FHIR has it, for three shapes.

Made from the files of the store, in a schema of their own, and dropped again; nothing of Galenic's search is used.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import msgspec
import psycopg

from fhir_server.model.resource_types import type_number
from tests.benchmarks.search.chance import Resource
from tests.benchmarks.search.database_time import DatabaseTime
from tests.benchmarks.search.limits import READER
from tests.benchmarks.search.measure import TIMED_REQUESTS, Measured
from tests.benchmarks.search.shapes import subject
from tests.benchmarks.search.store import Store
from tests.benchmarks.search.systems import LOINC, MRN

TABLES = """
CREATE SCHEMA bench_side;
CREATE TABLE bench_side.token (rid bigint NOT NULL, hash bigint NOT NULL);
CREATE TABLE bench_side.link (rid bigint NOT NULL, hash bigint NOT NULL);
CREATE TABLE bench_side.date (rid bigint NOT NULL, param bigint NOT NULL, low timestamptz, high timestamptz);
GRANT USAGE ON SCHEMA bench_side TO galenic_app;
GRANT SELECT ON ALL TABLES IN SCHEMA bench_side TO galenic_app;
"""
INDEXES = """
CREATE INDEX ON bench_side.token (hash, rid);
CREATE INDEX ON bench_side.token (rid);
CREATE INDEX ON bench_side.link (hash, rid);
CREATE INDEX ON bench_side.link (rid);
CREATE INDEX ON bench_side.date (param, low, high, rid);
CREATE INDEX ON bench_side.date (param, high, low, rid);
CREATE INDEX ON bench_side.date (rid, param);
"""
SIZE = """
SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'bench_side' AND c.relkind = 'r'
"""
BY_TOKEN = """
SELECT r.body FROM (SELECT rid FROM bench_side.token WHERE hash = %s LIMIT 51) AS m
JOIN resource r ON r.rid = m.rid
"""
BY_PATIENT_AND_STATUS = """
SELECT r.body FROM (
    SELECT d.rid, d.low FROM bench_side.link l
    JOIN bench_side.token t ON t.rid = l.rid AND t.hash = %s
    JOIN bench_side.date d ON d.rid = l.rid AND d.param = %s
    WHERE l.hash = %s ORDER BY d.low DESC LIMIT 51
) AS m JOIN resource r ON r.rid = m.rid ORDER BY m.low DESC
"""
BY_CODE_AND_DATE = """
SELECT r.body FROM (
    SELECT d.rid, d.low FROM bench_side.token t
    JOIN bench_side.date d ON d.rid = t.rid AND d.param = %s
    WHERE t.hash = %s AND d.low >= %s::timestamptz - interval '29 days' AND d.low < %s::timestamptz + interval '1 day'
    ORDER BY d.low DESC LIMIT 51
) AS m JOIN resource r ON r.rid = m.rid ORDER BY m.low DESC
"""
TYPES = ("Patient", "MedicationRequest", "Observation")
DATES = {"Patient": "birthDate", "MedicationRequest": "authoredOn", "Observation": "effectiveDateTime"}

Values = Callable[[Resource], tuple[object, ...]]


@dataclass(frozen=True)
class Comparison:
    """Milliseconds in the database for the same questions, and bytes of side tables for each resource in them."""

    name: str
    ours_ms: float
    side_tables_ms: float
    side_tables_bytes: float

    def __str__(self) -> str:
        ratio = self.ours_ms / self.side_tables_ms
        ours = f"{self.name}: in the database {self.ours_ms:.2f} ms, with side tables {self.side_tables_ms:.2f} ms"
        return f"{ours}: {ratio:.2f} ({self.side_tables_bytes:.0f} bytes of side tables a resource)"


def hashed(*parts: str) -> int:
    digest = hashlib.blake2b("\0".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


@dataclass(frozen=True)
class Question:
    """One shape as a statement of the other design; its values are those of the sampled resources of a type."""

    shape: str
    type_name: str
    statement: str
    values: Values


QUESTIONS = (
    Question("patient by identifier", "Patient", BY_TOKEN, lambda r: (_token(r, "identifier", MRN, _mrn(r)),)),
    Question(
        "active prescriptions of a patient, newest first",
        "MedicationRequest",
        BY_PATIENT_AND_STATUS,
        lambda r: (_token(r, "status", "", "active"), _date_of(r), hashed(r["resourceType"], "subject", subject(r))),
    ),
    Question(
        "readings by code and date",
        "Observation",
        BY_CODE_AND_DATE,
        lambda r: (_date_of(r), _token(r, "code", LOINC, _code(r)), *[r["effectiveDateTime"][:10]] * 2),
    ),
)


def compare(store: Store, ours: Sequence[Measured]) -> list[Comparison]:
    """`ours` are the shapes as measured in the same store; those that were refused have nothing to compare."""
    by_name = {one.name: one for one in ours if not one.refusal}
    asked = [question for question in QUESTIONS if question.shape in by_name]
    if not asked:
        return []
    with store.connect() as connection:
        connection.execute(TABLES)
        try:
            size = build(connection, store.files)
            return [Comparison(q.shape, by_name[q.shape].database_ms, time_of(store, q), size) for q in asked]
        finally:
            connection.execute("DROP SCHEMA bench_side CASCADE")


def build(connection: psycopg.Connection[tuple[object, ...]], files: Sequence[Path]) -> float:
    """Returns the bytes a resource takes."""
    query = "SELECT id, rid FROM directory WHERE type = ANY(%s)"
    rids = {str(key): int(str(rid)) for key, rid in connection.execute(query, [[*map(type_number, TYPES)]])}
    for table, rows in (("token", tokens_of), ("link", links_of), ("date", dates_of)):
        with connection.cursor() as cursor, cursor.copy(f"COPY bench_side.{table} FROM STDIN".encode()) as copy:
            for resource in _resources(files):
                for row in rows(resource):
                    copy.write_row((rids[resource["id"]], *row))
    connection.execute(INDEXES)
    for table in ("token", "link", "date"):
        connection.execute(f"VACUUM (ANALYZE) bench_side.{table}".encode())
    size = connection.execute(SIZE).fetchone()
    assert size
    return int(str(size[0])) / len(rids)


def time_of(store: Store, question: Question) -> float:
    """Median milliseconds in the database; planned for its values each time, as a search is."""
    samples = store.samples.of(question.type_name)[:TIMED_REQUESTS]
    url, taken = store.galenic.postgres.app_url, []
    with psycopg.connect(url, autocommit=True, prepare_threshold=None, application_name=READER) as connection:
        cursor = connection.cursor(binary=True)
        with DatabaseTime(store, READER) as clock:
            for resource in samples:
                cursor.execute(question.statement.encode(), question.values(resource))
                cursor.fetchall()
                taken.append(clock.taken_ms())
    return median(taken)


def _resources(files: Sequence[Path]) -> Iterator[Resource]:
    wanted = tuple(f'{{"resourceType":"{name}"'.encode() for name in TYPES)
    for file in files:
        with file.open("rb") as lines:
            yield from (msgspec.json.decode(line) for line in lines if line.startswith(wanted))


def tokens_of(resource: Resource) -> Iterator[tuple[int]]:
    """Of everything that is an Identifier, a Coding or a code at the resource's first level."""
    for name, value in resource.items():
        for one in value if isinstance(value, list) else [value]:
            for system, text in _codes(name, one):
                yield (_token(resource, name, system, text),)


def _codes(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        if "system" in value and "value" in value and isinstance(value["value"], str):
            yield value["system"], value["value"]
        for coding in value.get("coding", ()):
            yield coding["system"], coding["code"]
    elif name in ("status", "intent", "gender", "priority", "active"):
        yield "", str(value)


def links_of(resource: Resource) -> Iterator[tuple[int]]:
    for name, value in resource.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict) and "reference" in one:
                yield (hashed(resource["resourceType"], name, one["reference"]),)


def dates_of(resource: Resource) -> Iterator[tuple[int, str, str]]:
    value = resource[DATES[resource["resourceType"]]]
    yield _date_of(resource), value, value


def _token(resource: Resource, name: str, system: str, value: str) -> int:
    return hashed(resource["resourceType"], name, system, value)


def _date_of(resource: Resource) -> int:
    return hashed(resource["resourceType"], DATES[resource["resourceType"]])


def _mrn(patient: Resource) -> str:
    return next(str(i["value"]) for i in patient["identifier"] if i["system"] == MRN)


def _code(observation: Resource) -> str:
    return str(observation["code"]["coding"][0]["code"])
