"""A page costs what a page costs: rows are touched in proportion to it and not to the table, by EXPLAIN ANALYZE.

Each shape is asked for at its extremes: where next to nothing satisfies a criterion, and where nearly everything does.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from fhir_server.auth.context import Context
from fhir_server.model.parser import write
from fhir_server.search.parse import parse
from fhir_server.search.sight import EVERYTHING
from fhir_server.settings import Settings
from fhir_server.storage.database import Connection
from fhir_server.storage.pages import Searcher
from fhir_server.storage.version import NewVersion, Version
from fhir_server.storage.write import write_versions
from fhir_server.wiring import Parts, build
from tests.conftest import Cluster, Database
from tests.running.galenic import CURSOR_KEY, INDEX_KEY

REQUESTS, PATIENTS, OBSERVATIONS = 14_000, 5_000, 5_000
PAGE = 20
VISITED_MAX = 3_500
"""Rows a page of 20 may touch: what is sought and sorted, 1,000 at most, its look-ups, and counting up to there."""

START = datetime(2020, 1, 1, tzinfo=UTC)
BATCH = 500

RARE, COMMON = "rare", "common"
PLANS = {
    "identifier": ("MedicationRequest", {RARE: "identifier=urn:rx|77"}),
    "patient": ("MedicationRequest", {RARE: "patient=p77", COMMON: "patient=p0"}),
    "patient and status": (
        "MedicationRequest",
        {RARE: "patient=p77&status=on-hold", COMMON: "patient=p0&status=active"},
    ),
    "status, oldest first": (
        "MedicationRequest",
        {RARE: "status=on-hold&_sort=authoredon", COMMON: "status=active&_sort=authoredon"},
    ),
    "medication": ("MedicationRequest", {RARE: "medication=Medication/rare", COMMON: "medication=Medication/m0"}),
    "one of medications": (
        "MedicationRequest",
        {RARE: "medication=Medication/rare,Medication/none", COMMON: "medication=Medication/m0,Medication/m1"},
    ),
    "two common criteria": ("MedicationRequest", {COMMON: "medication=Medication/m0&intent=order"}),
    "a common and a rare criterion": ("MedicationRequest", {RARE: "intent=order&medication=Medication/rare"}),
    "not": ("MedicationRequest", {COMMON: "intent:not=plan&category:not=urn:x|y"}),
    "date": ("MedicationRequest", {RARE: "authoredon=2020-03-03", COMMON: "authoredon=ge2020-01-02"}),
    "update": ("MedicationRequest", {RARE: "_lastUpdated=lt2020-01-02", COMMON: "_lastUpdated=gt2020-01-02"}),
    "missing, of what most have": (
        "MedicationRequest",
        {RARE: "requester:missing=true", COMMON: "requester:missing=false"},
    ),
    "missing, of what few have": (
        "MedicationRequest",
        {RARE: "encounter:missing=false", COMMON: "encounter:missing=true"},
    ),
    "chain": (
        "MedicationRequest",
        {RARE: "patient.identifier=urn:mrn|77", COMMON: "patient.gender=female&_sort=-authoredon"},
    ),
    "has": (
        "Patient",
        {
            RARE: "_has:MedicationRequest:patient:medication=Medication/rare",
            COMMON: "_has:MedicationRequest:patient:intent=order",
        },
    ),
    "word": ("MedicationRequest", {RARE: "_content=seldom", COMMON: "_content=tablet"}),
    "name": ("Patient", {RARE: "name=zyx", COMMON: "name=com"}),
    "name, sorted": ("Patient", {RARE: "name=zyx&_sort=family", COMMON: "name=com&_sort=family"}),
    "part of a name": ("Patient", {RARE: "name:contains=yxw", COMMON: "name:contains=ommo"}),
    "family name": ("Patient", {COMMON: "_sort=family"}),
    "birth date": ("Patient", {RARE: "birthdate=1970-01-05", COMMON: "birthdate=ge1900"}),
    "value": ("Observation", {RARE: "value-quantity=gt1000", COMMON: "value-quantity=gt1"}),
    "code and value": (
        "Observation",
        {RARE: "code=urn:c|c0&value-quantity=gt1000", COMMON: "code=urn:c|c0&value-quantity=gt1"},
    ),
    "pair": (
        "Observation",
        {RARE: "code-value-quantity=urn:c|c0$gt1000", COMMON: "code-value-quantity=urn:c|c0$gt1"},
    ),
    "several keys of few": ("MedicationRequest", {RARE: "patient=p77&_sort=status,-authoredon,intent"}),
}
CASES = [(shape, extreme) for shape, (_, queries) in PLANS.items() for extreme in queries]


def a_request(number: int, chance: random.Random) -> dict[str, Any]:
    patient = "p0" if chance.random() < 0.3 else f"p{chance.randrange(1, PATIENTS)}"
    drug = "rare" if number in (500, 900) else f"m{int(chance.paretovariate(0.8)) - 1}"
    return {
        "resourceType": "MedicationRequest",
        "id": f"r{number}",
        "identifier": [{"system": "urn:rx", "value": str(number)}],
        "status": "on-hold" if number % 4_000 == 0 else "active",
        "intent": "order",
        "medicationReference": {"reference": f"Medication/{drug}"},
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": (START + timedelta(minutes=200 * number)).isoformat(),
        "note": [{"text": "seldom" if number == 700 else "one tablet daily"}],
    } | ({"encounter" if number in (10, 20) else "requester": {"reference": "Encounter/e"}})


def a_patient(number: int, chance: random.Random) -> dict[str, Any]:
    family = "Zyxwv" if number in (5, 6) else f"{chance.choice(('Common', 'Other'))}{chance.randrange(10**6)}"
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "identifier": [{"system": "urn:mrn", "value": str(number)}],
        "name": [{"family": family, "given": ["Ada"]}],
        "gender": chance.choice(("female", "male")),
        "birthDate": (START - timedelta(days=5 * number + 1)).date().isoformat(),
    }


def an_observation(number: int, chance: random.Random) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o{number}",
        "status": "final",
        "code": {"coding": [{"system": "urn:c", "code": "c1" if number % 10 == 0 else "c0"}]},
        "subject": {"reference": f"Patient/p{chance.randrange(PATIENTS)}"},
        "effectiveDateTime": (START + timedelta(hours=number)).isoformat(),
        "valueQuantity": {"value": 5_000 if number == 801 else 2 + chance.randrange(90)},
    }


def resources() -> Iterator[dict[str, Any]]:
    chance = random.Random(11)
    yield from (a_patient(number, chance) for number in range(PATIENTS))
    yield from (a_request(number, chance) for number in range(REQUESTS))
    yield from (an_observation(number, chance) for number in range(OBSERVATIONS))


@pytest.fixture(scope="module")
def filled(cluster: Cluster) -> Iterator[Database]:
    """A database with all resources, written as the server writes them, vacuumed and analysed."""
    cluster.execute("CREATE DATABASE plans TEMPLATE galenic")
    database = cluster.database("plans")
    asyncio.run(fill(parts_of(database)))
    with psycopg.connect(database.superuser_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
    yield database
    cluster.execute("DROP DATABASE plans WITH (FORCE)")


def parts_of(database: Database) -> Parts:
    return build(Settings(database_url=database.app_url, index_key=INDEX_KEY, cursor_key=CURSOR_KEY))


async def fill(parts: Parts) -> None:
    written = [
        NewVersion(Version(rid, one["resourceType"], one["id"], 1, START, "create", write(one)), None,
                   parts.server.indexer.index(one | {"meta": {"lastUpdated": "2026-11-03T00:00:00Z"}}), 201)
        for rid, one in enumerate(resources(), start=10**6)
    ]  # fmt: skip
    async with opened(parts) as connection:
        for start in range(0, len(written), BATCH):
            await write_versions(connection, written[start : start + BATCH], Context("t", "t", "TREAT", "r"))
        await connection.commit()


async def visited_by(parts: Parts, type_name: str, text: str) -> tuple[int, list[str]]:
    """Rows that the statements of a first page touch, and the statements' plans."""
    pairs = [tuple(part.split("=", 1)) for part in text.split("&")]
    options = parts.server.parse_options(None, EVERYTHING)
    query, _ = parse(parts.server.indexer.registry, type_name, [*pairs, ("_count", str(PAGE))], options)
    async with opened(parts) as connection:
        searcher = Searcher(connection, parts.server.finder)
        await searcher.page(query, None, None)
        plans = [await explained(connection, step.statement.sql, step.statement.values) for step in searcher.steps]
    return sum(visited(plan) for plan in plans), [step.name for step in searcher.steps]


@asynccontextmanager
async def opened(parts: Parts) -> AsyncIterator[Connection]:
    await parts.server.database.open()
    try:
        async with parts.server.database.connection() as connection:
            yield connection
    finally:
        await parts.server.database.close()


async def explained(connection: Connection, sql: str, values: dict[str, Any]) -> dict[str, Any]:
    cursor = await connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", values, prepare=False)
    ((found,),) = await cursor.fetchall()
    plan: dict[str, Any] = found[0]["Plan"]
    return plan


def visited(node: dict[str, Any]) -> int:
    """Rows that scans have met, whether they were kept or not."""
    below = sum(visited(child) for child in node.get("Plans", ()))
    if "Relation Name" not in node and "Index Name" not in node:
        return below
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return below + round((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest.mark.parametrize(("shape", "extreme"), CASES)
def test_a_page_touches_rows_in_proportion_to_itself(filled: Database, shape: str, extreme: str) -> None:
    type_name, queries = PLANS[shape]
    rows, steps = asyncio.run(visited_by(parts_of(filled), type_name, queries[extreme]))
    assert rows <= VISITED_MAX, (rows, steps)
