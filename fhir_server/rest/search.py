"""search of a type, by GET and POST. https://hl7.org/fhir/R4/http.html#search.

Token, reference and uri parameters and `_id`; the others are refused by name until they are supported.
"""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import msgspec

from fhir_server.errors import Invalid, Issue
from fhir_server.outcome import outcome_resource
from fhir_server.rest.conditions import criteria_of
from fhir_server.rest.message import Request, Response
from fhir_server.rest.negotiation import body_type
from fhir_server.rest.parameters import parse_pairs
from fhir_server.rest.server import Server
from fhir_server.search.parse import parse
from fhir_server.search.query import Query
from fhir_server.storage.database import Connection
from fhir_server.storage.find import find_rids
from fhir_server.storage.read import versions_by_rid
from fhir_server.storage.version import Version

CURSOR = "_cursor"
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Page:
    query: Query
    versions: list[Version]
    last_rid: int | None
    """Where the next page goes on; None: this is the last."""
    warnings: list[Issue]
    cursor: str | None


async def search(server: Server, request: Request) -> Response:
    """A searchset Bundle; unknown parameters are refused unless `Prefer: handling=lenient`."""
    async with server.database.connection() as connection:
        return await search_on(connection, server, request)


async def search_by_post(server: Server, request: Request) -> Response:
    """POST `_search`: the parameters of the form and those of the URL together."""
    return await search(server, with_form(request))


def with_form(request: Request) -> Request:
    body_type(request.headers.get("content-type"), frozenset({FORM}))
    try:
        pairs = parse_pairs(request.body.decode())
    except UnicodeDecodeError as error:
        raise Invalid("The form is not UTF-8") from error
    return replace(request, parameters=(*request.parameters, *pairs))


async def search_on(connection: Connection, server: Server, request: Request) -> Response:
    pairs = [pair for pair in criteria_of(request.parameters) if pair[0] != CURSOR]
    lenient = request.preferences.handling == "lenient"
    query, warnings = parse(server.indexer.registry, request.type_name, pairs, server.parse_options(lenient=lenient))
    cursor = request.parameter(CURSOR)
    after = server.cursors.verify(query.normalised, cursor)[0] if cursor else 0
    rids = await find_rids(connection, server.indexer, query, query.count + 1, after)
    versions = await versions_by_rid(connection, rids[: query.count])
    last_rid = rids[query.count - 1] if len(rids) > query.count > 0 else None
    page = Page(query, [v for v in versions if v.body], last_rid, warnings, cursor)
    return Response(200, {}, msgspec.json.encode(_bundle(server, request, page)))


def _bundle(server: Server, request: Request, page: Page) -> dict[str, Any]:
    """The resources are the stored bytes, joined."""
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{server.base_url}/{version.type_name}/{version.id}",
            "resource": msgspec.Raw(version.body or b"{}"),
            "search": {"mode": "match"},
        }
        for version in page.versions
    ]
    if page.warnings:
        entries.append({"resource": outcome_resource(page.warnings), "search": {"mode": "outcome"}})
    links = [{"relation": "self", "url": _url(server, request, page, page.cursor)}]
    if page.last_rid is not None:
        cursor = server.cursors.sign(page.query.normalised, [page.last_rid])
        links.append({"relation": "next", "url": _url(server, request, page, cursor)})
    return {"resourceType": "Bundle", "type": "searchset", "link": links} | ({"entry": entries} if entries else {})


def _url(server: Server, request: Request, page: Page, cursor: str | None) -> str:
    """What was applied, and nothing else."""
    pairs = [(c.name, c.values) for c in page.query.criteria]
    if page.query.ids is not None:
        pairs.append(("_id", ",".join(sorted(page.query.ids))))
    pairs.append(("_count", str(page.query.count)))
    if cursor:
        pairs.append((CURSOR, cursor))
    return f"{server.base_url}/{request.type_name}?{urlencode(pairs)}"
