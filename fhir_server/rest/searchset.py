"""The Bundle a search answers with: stored bytes, joined. https://hl7.org/fhir/R4/bundle.html#searchset."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from fhir_server.errors import Issue
from fhir_server.outcome import outcome_resource
from fhir_server.rest.include import NOTHING, Included
from fhir_server.rest.server import Server
from fhir_server.rest.shape import shaped_bytes
from fhir_server.search.query import Query
from fhir_server.storage.pages import Found
from fhir_server.storage.version import Version

CURSOR: Final = "_cursor"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of an answer; `path` is what was searched, below the base; `explained` the steps of the plan."""

    path: str
    query: Query
    warnings: Sequence[Issue] = ()
    cursor: str | None = None
    found: Found | None = None
    included: Included = NOTHING
    total: int | None = None
    explained: Sequence[Issue] = ()

    @property
    def released(self) -> frozenset[str]:
        """The compartments of all that is in it."""
        matches = self.found.versions if self.found else ()
        return frozenset(owner for one in (*matches, *self.included.versions) for owner in one.compartments)

    @property
    def purpose(self) -> str:
        """What a paging link is good for: the same search, whatever the size of its pages."""
        return urlencode([("path", self.path), *(pair for pair in self.query.applied if pair[0] != "_count")])


def searchset(server: Server, answer: Answer) -> bytes:
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset"}
    if answer.total is not None:
        bundle["total"] = answer.total
    bundle["link"] = list(_links(server, answer))
    entries = list(_entries(server, answer))
    return msgspec.json.encode(bundle | ({"entry": entries} if entries else {}))


def _links(server: Server, answer: Answer) -> Iterator[dict[str, str]]:
    yield {"relation": "self", "url": _url(server, answer, answer.cursor)}
    found = answer.found
    if found is not None and found.end is not None:
        cursor = server.cursors.seal(answer.purpose, [found.snapshot, found.end.rid, *found.end.values])
        yield {"relation": "next", "url": _url(server, answer, cursor)}


def _url(server: Server, answer: Answer, cursor: str | None) -> str:
    """What was applied, and nothing else."""
    pairs = [*answer.query.applied, *([(CURSOR, cursor)] if cursor else [])]
    path = f"{server.base_url}/{answer.path}".rstrip("/")
    return f"{path}?{urlencode(pairs)}"


def _entries(server: Server, answer: Answer) -> Iterator[dict[str, Any]]:
    if answer.found is not None:
        for version in answer.found.versions:
            yield _entry(server, answer.query, version, "match")
    for version in answer.included.versions:
        yield _entry(server, answer.query, version, "include")
    issues = [*answer.warnings, *answer.included.issues, *answer.explained]
    if issues:
        yield {"resource": outcome_resource(issues), "search": {"mode": "outcome"}}


def _entry(server: Server, query: Query, version: Version, mode: str) -> dict[str, Any]:
    body = shaped_bytes(server.indexer.definitions, version.body or b"{}", query.summary, query.elements)
    full_url = f"{server.base_url}/{version.type_name}/{version.id}"
    return {"fullUrl": full_url, "resource": msgspec.Raw(body), "search": {"mode": mode}}
