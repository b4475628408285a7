"""Identity is decided by values: a collision of hashes never merges two patients."""

from uuid import uuid4

import pytest

from fhir_server.auth.context import Context
from fhir_server.errors import Ambiguous
from fhir_server.search.parse import parse
from fhir_server.search.query import Query
from fhir_server.search.sight import EVERYTHING
from fhir_server.storage.find import CANDIDATES
from fhir_server.storage.intents import Intent, Outcome
from fhir_server.storage.transact import Batch
from fhir_server.wiring import Parts

CONTEXT = Context("test", "test", "TREAT", "request")


@pytest.fixture
def colliding(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Parts:
    """Every hash is the same: what is left is the comparison of values."""
    monkeypatch.setattr(parts.hasher, "token", lambda *_: 7)
    return parts


def a_query(parts: Parts, value: str) -> Query:
    server = parts.server
    options = server.parse_options(None, EVERYTHING)
    return parse(server.indexer.registry, "Patient", [("identifier", f"urn:mrn|{value}")], options)[0]


async def create(parts: Parts, value: str, *, conditional: bool = True) -> Outcome:
    patient = {"resourceType": "Patient", "identifier": [{"system": "urn:mrn", "value": value}]}
    condition = a_query(parts, value) if conditional else None
    intent = Intent("create", "Patient", str(uuid4()), None, condition, patient)
    return (await parts.server.writer.write(Batch([intent], CONTEXT)))[0]


async def test_patients_whose_hashes_collide_stay_two(colliding: Parts) -> None:
    first, second = await create(colliding, "1"), await create(colliding, "2")
    assert (first.status, second.status) == (201, 201)
    assert (await create(colliding, "1")).version.id == first.version.id
    async with colliding.server.database.connection() as connection:
        candidates = await colliding.server.finder.candidates(connection, a_query(colliding, "1"))
    assert len(candidates) == 2, "the hash alone cannot tell them apart: the test would prove nothing"


async def test_the_match_is_found_behind_many_candidates_that_collide(colliding: Parts) -> None:
    for number in range(CANDIDATES * 2):
        await create(colliding, f"other-{number}", conditional=False)
    last = await create(colliding, "wanted", conditional=False)
    found = await create(colliding, "wanted")
    assert (found.status, found.version.id) == (200, last.version.id)


async def test_two_that_match_by_value_are_ambiguous(parts: Parts) -> None:
    for _ in range(2):
        await create(parts, "same", conditional=False)
    with pytest.raises(Ambiguous):
        await create(parts, "same")
