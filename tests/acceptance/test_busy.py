"""Waiting for other requests ends, and does not keep readers waiting."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import psycopg
import pytest

from fhir_server.search.keys import LOCK_BUCKETS
from fhir_server.storage.locks import LOCK_CLASS
from tests.acceptance.outcomes import refused
from tests.builders.resources import a_patient
from tests.running.galenic import Galenic


@pytest.fixture
def all_identities_held(galenic: Galenic) -> Iterator[None]:
    """Another transaction has every identity for itself."""
    with psycopg.connect(galenic.environment["GALENIC_DATABASE_URL"]) as connection:
        take = "SELECT pg_advisory_xact_lock(%s, bucket) FROM generate_series(0, %s) bucket"
        connection.execute(take, (LOCK_CLASS, LOCK_BUCKETS - 1))
        yield


IDENTIFIER = {"identifier": [{"system": "urn:busy", "value": "1"}]}
ADD = [{"op": "add", "path": "/identifier", "value": IDENTIFIER["identifier"]}]


@pytest.fixture
def patient(client: httpx.Client) -> str:
    return client.post("/Patient", json=a_patient()).json()["id"]


def test_whoever_brings_an_identifier_waits_for_who_decides_by_one(
    client: httpx.Client, patient: str, all_identities_held: None
) -> None:
    patch = {"Content-Type": "application/json-patch+json"}
    resource = a_patient(**IDENTIFIER)
    with ThreadPoolExecutor(3) as pool:
        answers = [
            pool.submit(client.post, "/Patient", json=resource),
            pool.submit(client.put, f"/Patient/{patient}", json=resource | {"id": patient}),
            pool.submit(client.patch, f"/Patient/{patient}", json=ADD, headers=patch),
        ]
        for answer in answers:
            refused(answer.result(), 409)


def test_readers_are_served_while_writers_wait(client: httpx.Client, patient: str, all_identities_held: None) -> None:
    resource = a_patient(**IDENTIFIER)
    with ThreadPoolExecutor(20) as pool:
        waiting = [pool.submit(client.post, "/Patient", json=resource) for _ in range(20)]
        assert client.get(f"/Patient/{patient}").status_code == 200
        assert not all(writer.done() for writer in waiting)
        assert {writer.result().status_code for writer in waiting} <= {409, 503}
