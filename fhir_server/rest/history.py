"""history of an instance, a type and the system, newest first. https://hl7.org/fhir/R4/http.html#history."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from fhir_server.errors import Invalid, Issue, NotFound
from fhir_server.rest.message import Request, Response
from fhir_server.rest.permission import sight
from fhir_server.rest.respond import history_entry
from fhir_server.rest.server import Server
from fhir_server.search.parse import parse_count
from fhir_server.search.types.date import span
from fhir_server.storage.history import HistoryPage, HistoryQuery, read_history

CURSOR = "_cursor"
KNOWN = ("_since", "_at", "_count", CURSOR)


async def history(server: Server, request: Request) -> Response:
    """A Bundle of versions, deletions included; `_since`, `_at`, `_count`; 404 where there never was one."""
    query = _query(server, request)
    page = await read_history(server.database, server.indexer, query)
    plain = query.since is None and query.at is None and query.after is None
    if request.id and not page.versions and plain and query.limit:
        raise NotFound(f"There is no {request.type_name}/{request.id}")
    released = frozenset(owner for version in page.versions for owner in version.compartments)
    return Response(200, {}, msgspec.json.encode(_bundle(server, request, page)), released=released)


def _query(server: Server, request: Request) -> HistoryQuery:
    count = request.parameter("_count")
    limit = server.limits.page_size if count is None else parse_count(count, server.limits.page_size_max)
    seen = sight(server, request, "r" if request.id else "s")
    query = HistoryQuery(request.type_name or None, request.id or None, limit=limit, sight=seen)
    if (since := request.parameter("_since")) is not None:
        query = replace(query, since=_moment("_since", since)[0])
    if (at := request.parameter("_at")) is not None:
        low, high = _moment("_at", at)
        query = replace(query, at=(low, high))
    if (cursor := request.parameter(CURSOR)) is not None:
        snapshot, last_updated, rid, version = server.cursors.open(_purpose(request), cursor)
        query = replace(query, snapshot=snapshot, after=(datetime.fromisoformat(last_updated), rid, version))
    return query


def _moment(name: str, text: str) -> tuple[datetime, datetime]:
    """A "+" that was not escaped in the URL arrives as a blank."""
    ends = span(text.replace(" ", "+"))
    if ends is None:
        message = f"{name} takes a date, a dateTime or an instant"
        raise Invalid(message, [Issue("invalid", message)])
    return ends


def _purpose(request: Request) -> str:
    """What a cursor is good for: the same history with the same filters."""
    filters = [pair for pair in request.parameters if pair[0] in ("_since", "_at")]
    return urlencode([("history", request.type_name), ("id", request.id), *filters])


def _bundle(server: Server, request: Request, page: HistoryPage) -> dict[str, Any]:
    links = [{"relation": "self", "url": _url(server, request, request.parameter(CURSOR))}]
    if page.end is not None:
        last_updated, rid, version_number = page.end
        position = [page.snapshot, last_updated.isoformat(), rid, version_number]
        cursor = server.cursors.seal(_purpose(request), position)
        links.append({"relation": "next", "url": _url(server, request, cursor)})
    entries = []
    for version in page.versions:
        entry = history_entry(server.base_url, version)
        if version.body is not None:
            entry["resource"] = msgspec.Raw(version.body)
        entries.append(entry)
    return {"resourceType": "Bundle", "type": "history", "link": links} | ({"entry": entries} if entries else {})


def _url(server: Server, request: Request, cursor: str | None) -> str:
    parts = [part for part in (request.type_name, request.id, "_history") if part]
    pairs = [pair for pair in request.parameters if pair[0] in KNOWN and pair[0] != CURSOR]
    query = urlencode([*pairs, *([(CURSOR, cursor)] if cursor else [])])
    return "/".join([server.base_url, *parts]) + (f"?{query}" if query else "")
