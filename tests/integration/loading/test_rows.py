"""What `galenic load` writes is what the API writes, byte for byte."""

import json
import re

import psycopg
import pytest

from tests.benchmarks.generator import Generator
from tests.running.galenic import running

OWN_COLUMNS = {"rid", "xid", "number", "recorded", "last_updated", "request_id", "address"}
"""What differs between any two writes: internal ids, transactions, times, request ids, where they came from."""

TABLES = ("resource", "history", "search", "outbox", "audit")
ONLY_WRITES = {"audit": " WHERE version IS NOT NULL"}
"""What asked for a write and made none is on record where a client asked."""

SIDE_TABLES = ("search_string", "search_date", "search_number")
LAST_UPDATED = re.compile(rb'"lastUpdated":"[^"]*"')

ODD = [
    {"resourceType": "Observation", "id": "numbers", "status": "final", "code": {"text": "x"}, "valueQuantity": 1.00},
    {
        "resourceType": "Patient",
        "id": "labelled",
        "meta": {
            "versionId": "7",
            "lastUpdated": "2001-01-01T00:00:00Z",
            "security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "V"}],
            "tag": [{"code": "a"}],
        },
        "_birthDate": {"extension": [{"url": "http://x.example/e", "valueDecimal": 0}]},
        "identifier": [{"system": "urn:s", "value": "v'\"\\{},é☤"}],
    },
]


def lines():
    generator = Generator(120)
    resources = [r for name in generator.counts for r in generator.of_type(name)]
    texts = [json.dumps(one) for one in resources]
    odd = json.dumps(ODD[0]).replace('"valueQuantity": 1.0', '"valueQuantity": {"value": 1.00}')
    raw = '{"resourceType":"Observation","id":"raw","status":"final","code":{"text":"x"},"valueQuantity":{"value":-0}}'
    return [*texts, odd, raw, json.dumps(ODD[1])]


@pytest.fixture
def other(cluster):
    cluster.execute("CREATE DATABASE loaded_by_api TEMPLATE galenic")
    yield cluster.database("loaded_by_api")
    cluster.execute("DROP DATABASE loaded_by_api WITH (FORCE)")


def rows(url, table, ignored=OWN_COLUMNS):
    with psycopg.connect(url) as connection:
        cursor = connection.execute(
            f"SELECT * FROM {table}{ONLY_WRITES.get(table, '')} ORDER BY type, id, to_jsonb({table}) -> 'version'"  # noqa: S608 - our own tables
        )
        names = [column.name for column in cursor.description]
        return [
            {
                n: LAST_UPDATED.sub(b"", v) if n == "body" else v
                for n, v in zip(names, row, strict=True)
                if n not in ignored
            }
            for row in cursor.fetchall()
        ]


def side_rows(url, table):
    """By the resource they are of."""
    columns = f"s.type, s.id, {table}.*"
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT {columns} FROM {table} JOIN search s USING (rid)")  # noqa: S608 - our own
        return sorted((number, resource_id, *map(str, values)) for number, resource_id, _, *values in found.fetchall())


def send(client, line):
    resource = json.loads(line)
    answer = client.put(f"/{resource['resourceType']}/{resource['id']}", content=line.encode())
    assert answer.status_code in (200, 201), answer.text


def test_a_loaded_resource_and_its_next_version_leave_the_rows_the_api_leaves(load, other, monkeypatch):
    first = lines()
    second = [line.replace('"status": "', '"language": "en", "status": "') for line in first[:-40]]
    with running(other.app_url, worker=False) as galenic, galenic.client() as client:
        for line in [*first, *second]:
            send(client, line)
        monkeypatch.setenv("GALENIC_PORT", str(galenic.listener.getsockname()[1]))
    assert load(load.ndjson(*first), load.ndjson(*second, name="second.ndjson")) == 0
    for table in TABLES:
        by_api, by_load = (rows(url, table) for url in (other.superuser_url, load.database.superuser_url))
        assert by_api == by_load, table
        assert by_api, table
    for table in SIDE_TABLES:
        by_api, by_load = (side_rows(url, table) for url in (other.superuser_url, load.database.superuser_url))
        assert by_api == by_load, table
        assert by_api, table


def test_a_loaded_resource_without_an_id_leaves_the_rows_of_a_create(load, other, monkeypatch):
    line = json.dumps({"resourceType": "Medication", "status": "active", "code": {"coding": [{"code": "c"}]}})
    with running(other.app_url, worker=False) as galenic, galenic.client() as client:
        assert client.post("/Medication", content=line.encode()).status_code == 201
        monkeypatch.setenv("GALENIC_PORT", str(galenic.listener.getsockname()[1]))
    assert load(load.ndjson(line)) == 0
    for table in ("search", "outbox", "audit"):
        by_api, by_load = (
            rows(url, table, OWN_COLUMNS | {"id", "self", "tokens"})
            for url in (other.superuser_url, load.database.superuser_url)
        )
        assert by_api == by_load, table
        assert len(by_api) == 1, table


def test_numbers_are_stored_as_they_were_written(load):
    assert load(load.ndjson(*lines())) == 0
    bodies = dict(load.rows("SELECT id, body FROM resource WHERE id IN ('numbers', 'raw')"))
    assert b'"value":1.00' in bodies["numbers"]
    assert b'"value":-0' in bodies["raw"]
