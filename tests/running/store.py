"""What must be true of the store after anything: read by SQL, from outside the server."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import psycopg

from fhir_server.auth.compartments import patient_parameters
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object
from fhir_server.model.resource_types import type_name
from fhir_server.search.index import INDEX_VERSION, IndexRow
from fhir_server.search.indexer import Indexer
from fhir_server.search.keys import KeyHasher
from fhir_server.search.registry import Registry
from tests.running.waiting import wait_until

DEPTH_MAX = 400

VERSIONS = """
SELECT rid, type, id, version, last_updated, interaction, body, compartments, labels, true FROM resource
UNION ALL
SELECT rid, type, id, version, last_updated, interaction, body, compartments, labels, false FROM history
ORDER BY rid, version
"""
EVENTS = "SELECT seq, rid, version, previous_version, interaction, request_id FROM event ORDER BY seq"
AUDIT = "SELECT type, id, version, interaction, request_id, outcome FROM audit ORDER BY number"
SEARCH = """
SELECT rid, type, id, last_updated, index_version, patient, status, date_low, date_high, tokens, compartments, labels,
       self, grams, words, orders, generation
FROM search
"""
SIDES = {
    "strings": "SELECT rid, key, value FROM search_string",
    "dates": "SELECT rid, key, low, high FROM search_date",
    "numbers": "SELECT rid, key, low, high FROM search_number",
}


@dataclass(frozen=True, slots=True)
class Stored:
    rid: int
    type_name: str
    id: str
    version: int
    last_updated: datetime
    interaction: str
    body: bytes | None
    compartments: tuple[str, ...]
    labels: tuple[str, ...]
    current: bool

    @property
    def resource(self) -> dict[str, Any]:
        assert self.body is not None
        return parse_object(self.body, DEPTH_MAX)


@dataclass(frozen=True, slots=True)
class Event:
    seq: int
    rid: int
    version: int
    previous_version: int | None
    interaction: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An audit record; one that is about the transaction as a whole has no type, id and version."""

    type: int | None
    id: str | None
    version: int | None
    interaction: str
    request_id: str
    outcome: int


@dataclass(frozen=True, slots=True)
class Contents:
    versions: list[Stored]
    events: list[Event]
    audit: list[Recorded]
    search: dict[int, tuple[Any, ...]]
    sides: dict[str, dict[int, set[tuple[Any, ...]]]]

    @property
    def current(self) -> list[Stored]:
        return [stored for stored in self.versions if stored.current]

    def written_by(self) -> dict[str, list[Stored]]:
        """Versions by the request that wrote them."""
        of = {(event.rid, event.version): event.request_id for event in self.events}
        found: dict[str, list[Stored]] = defaultdict(list)
        for stored in self.versions:
            found[of[stored.rid, stored.version]].append(stored)
        return found


def drain(url: str) -> None:
    """Waits until the sequencer has moved everything."""
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until(lambda: connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,))


def read_contents(url: str) -> Contents:
    """Everything, in one snapshot."""
    with psycopg.connect(url) as connection:
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        versions = [_stored(row) for row in connection.execute(VERSIONS).fetchall()]
        events = [Event(*row) for row in connection.execute(EVENTS).fetchall()]
        audit = [Recorded(*row) for row in connection.execute(AUDIT).fetchall()]
        search = {row[0]: row for row in connection.execute(SEARCH).fetchall()}
        sides = {name: _by_rid(connection.execute(select).fetchall()) for name, select in SIDES.items()}
    return Contents(versions, events, audit, search, sides)


def _by_rid(rows: Iterable[Sequence[Any]]) -> dict[int, set[tuple[Any, ...]]]:
    found: dict[int, set[tuple[Any, ...]]] = defaultdict(set)
    for rid, *values in rows:
        assert tuple(values) not in found[rid], f"resource {rid} has a row twice"
        found[rid].add(tuple(values))
    return found


def _stored(row: Sequence[Any]) -> Stored:
    rid, number, resource_id, version, last_updated, interaction, body, compartments, labels, current = row
    what = (rid, type_name(number), resource_id, version, last_updated, interaction, body)
    return Stored(*what, tuple(compartments), tuple(labels), current)


def an_indexer(index_key: str, base_url: str) -> Indexer:
    """As the server has it."""
    definitions = load_definitions()
    hasher = KeyHasher(bytes.fromhex(index_key))
    return Indexer(Registry(definitions), hasher, patient_parameters(definitions), base_url)


def assert_consistent(url: str, indexer: Indexer) -> Contents:
    """Histories, events, audit and index agree with each other; returns what was looked at."""
    drain(url)
    contents = read_contents(url)
    assert_histories_are_contiguous(contents.versions)
    assert_each_version_has_one_event(contents)
    assert_each_version_has_one_audit_record(contents)
    assert_index_is_what_the_bytes_give(contents, indexer)
    return contents


def assert_histories_are_contiguous(versions: Iterable[Stored]) -> None:
    """Versions 1 to n, the last one current, `lastUpdated` rising, the bytes saying the same as the columns."""
    by_rid: dict[int, list[Stored]] = defaultdict(list)
    for stored in versions:
        by_rid[stored.rid].append(stored)
    for line in by_rid.values():
        assert [stored.version for stored in line] == list(range(1, len(line) + 1)), line
        assert [stored.current for stored in line] == [False] * (len(line) - 1) + [True], line
        assert all(one.last_updated < other.last_updated for one, other in pairwise(line)), line
        assert all(_says_itself(stored) for stored in line), line
    keys = [(line[0].type_name, line[0].id) for line in by_rid.values()]
    assert len(keys) == len(set(keys)), "an id stands for two resources"


def _says_itself(stored: Stored) -> bool:
    if stored.body is None:
        return stored.interaction == "delete"
    resource = stored.resource
    named = (resource["resourceType"], resource["id"], resource["meta"]["versionId"])
    return named == (stored.type_name, stored.id, str(stored.version))


def assert_each_version_has_one_event(contents: Contents) -> None:
    """`seq` is gap-free, versions of one resource are in order."""
    assert [event.seq for event in contents.events] == list(range(1, len(contents.events) + 1))
    versions = {(stored.rid, stored.version): stored.interaction for stored in contents.versions}
    events = Counter((event.rid, event.version) for event in contents.events)
    assert events == Counter(versions.keys())
    last: dict[int, int] = {}
    for event in contents.events:
        assert event.previous_version == last.get(event.rid), event
        assert event.interaction == versions[event.rid, event.version], event
        last[event.rid] = event.version


def assert_each_version_has_one_audit_record(contents: Contents) -> None:
    """And no record is about a version that is not there."""
    of = {(event.rid, event.version): event.request_id for event in contents.events}
    versions = Counter((s.type_name, s.id, s.version, s.interaction, of[s.rid, s.version]) for s in contents.versions)
    records = Counter(
        (type_name(r.type), r.id, r.version, r.interaction, r.request_id)
        for r in contents.audit
        if r.type is not None and r.version is not None and r.interaction in ("create", "update", "patch", "delete")
    )
    assert records == versions


def assert_index_is_what_the_bytes_give(contents: Contents, indexer: Indexer) -> None:
    """One search row per resource that is not deleted, with its side rows, equal to what the stored bytes give."""
    alive = {stored.rid: stored for stored in contents.current if stored.body is not None}
    assert contents.search.keys() == alive.keys()
    for rows in contents.sides.values():
        assert rows.keys() <= alive.keys()
    for rid, stored in alive.items():
        expected = indexer.index(stored.resource)
        assert _held(contents, rid) == _expected(stored, expected), stored
        assert (expected.compartments, expected.labels) == (stored.compartments, stored.labels), stored


def _held(contents: Contents, rid: int) -> tuple[Any, ...]:
    _, number, *row = contents.search[rid]
    return type_name(number), *row, *(rows.get(rid, set()) for rows in contents.sides.values())


def _expected(stored: Stored, row: IndexRow) -> tuple[Any, ...]:
    grams = None if row.grams is None else list(row.grams)
    held = (row.patient, row.status, row.date_low, row.date_high, list(row.tokens))
    rights = (list(row.compartments), list(row.labels))
    words = None if row.words is None else list(row.words)
    found = (row.itself, grams, words, json.loads(row.orders) if row.orders else None, row.generation)
    sides = (set(row.strings), set(row.dates), set(row.numbers))
    return (stored.type_name, stored.id, stored.last_updated, INDEX_VERSION, *held, *rights, *found, *sides)


def await_lock_waiters(url: str, count: int) -> None:
    """Returns once `count` sessions of this database wait for a lock."""
    waiting = (
        "SELECT count(*) >= %s FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        wait_until(lambda: connection.execute(waiting, (count,)).fetchone() == (True,))
