"""AuditEvent: read and searched, written by the server alone. https://hl7.org/fhir/R4/auditevent.html."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from fhir_server.audit import search as audit_search
from fhir_server.audit.events import AUDIT_EVENT, render
from fhir_server.audit.search import AuditQuery, Page
from fhir_server.errors import Forbidden, MethodNotAllowed, NotFound
from fhir_server.rest.conditions import FORMAT
from fhir_server.rest.message import Request, Response
from fhir_server.rest.route import Handler, Route
from fhir_server.rest.search import with_form
from fhir_server.rest.searchset import CURSOR
from fhir_server.rest.server import Server
from fhir_server.search.parse import parse_count

COUNT: Final = "_count"
ALLOWED: Final = "GET, HEAD"
IGNORED: Final = frozenset({*FORMAT, COUNT, CURSOR})


async def read(server: Server, request: Request) -> Response:
    """200, or 404; an AuditEvent has one version. Raises `Forbidden` where the token reaches only some of them."""
    _refuse_partial(request, "r")
    async with server.database.connection() as connection:
        found = await audit_search.find(connection, request.id)
    if found is None:
        raise NotFound(f"There is no {AUDIT_EVENT}/{request.id}")
    kept, part = found
    released = frozenset(f"Patient/{patient}" for patient in kept.patients[part : part + 1])
    return Response(200, {}, msgspec.json.encode(render(kept, part, server.base_url)), released=released)


async def search(server: Server, request: Request) -> Response:
    """A searchset Bundle, newest first; in a compartment, what concerns it. Raises `Forbidden`, `Invalid`, `Gone`."""
    _refuse_partial(request, "s")
    request = with_form(request) if request.method == "POST" else request
    query = _query(server, request)
    async with server.database.connection() as connection:
        page = await audit_search.search(connection, query)
    owners = {f"Patient/{patient}" for kept, part in page.events for patient in kept.patients[part : part + 1]}
    return Response(200, {}, msgspec.json.encode(_bundle(server, request, page)), released=frozenset(owners))


async def refuse(_: Server, request: Request) -> Response:
    """Whatever else: nobody writes, changes or deletes what has been recorded."""
    raise MethodNotAllowed(
        f"{request.method} of an {AUDIT_EVENT} is not allowed: the server records them itself",
        headers={"Allow": ALLOWED},
    )


def _refuse_partial(request: Request, interaction: str) -> None:
    """A scope that names a patient or criteria would have to be held to in each event: it grants none."""
    if not request.grant.is_unrestricted(interaction, AUDIT_EVENT):
        raise Forbidden("AuditEvents are for auditors whose scope names no patient and no criteria")


HANDLERS: Final[Mapping[str, Handler]] = {"read": read, "search-type": search}


def is_about_audit(request: Request) -> bool:
    """Whether a request is for these handlers and not for those of stored resources."""
    return AUDIT_EVENT in (request.type_name, request.member)


def audit_handler(route: Route) -> Handler:
    """What answers a request about AuditEvents on a route."""
    return HANDLERS.get(route.interaction, refuse)


def _query(server: Server, request: Request) -> AuditQuery:
    limits, count = server.limits, request.parameter(COUNT)
    parsed = audit_search.parse_query(_criteria(request), server.base_url, server.database.clock.now())
    size = limits.page_size if count is None else parse_count(count, limits.page_size_max)
    query = replace(parsed, count=size)
    cursor = request.parameter(CURSOR)
    if cursor is None:
        return query
    return audit_search.continued(query, server.cursors.open(_purpose(request), cursor))


def _criteria(request: Request) -> tuple[tuple[str, str], ...]:
    asked = tuple(pair for pair in request.parameters if pair[0] not in IGNORED)
    if not request.id:
        return asked
    owner = f"{request.type_name}/{request.id}"
    return (("patient" if request.type_name == "Patient" else "agent", owner), *asked)


def _path(request: Request) -> str:
    return f"{request.type_name}/{request.id}/{request.member}" if request.id else AUDIT_EVENT


def _purpose(request: Request) -> str:
    """What a paging link is good for: the same search, whatever the size of its pages."""
    return urlencode([("audit", _path(request)), *_criteria(request)])


def _bundle(server: Server, request: Request, page: Page) -> dict[str, Any]:
    entries = [
        {
            "fullUrl": f"{server.base_url}/{AUDIT_EVENT}/{event['id']}",
            "resource": event,
            "search": {"mode": "match"},
        }
        for event in (render(kept, part, server.base_url) for kept, part in page.events)
    ]
    bundle = {"resourceType": "Bundle", "type": "searchset", "link": list(_links(server, request, page))}
    return bundle | ({"entry": entries} if entries else {})


def _links(server: Server, request: Request, page: Page) -> Iterator[dict[str, str]]:
    yield {"relation": "self", "url": _url(server, request, request.parameter(CURSOR))}
    if page.end is not None:
        cursor = server.cursors.seal(_purpose(request), audit_search.state_of(page))
        yield {"relation": "next", "url": _url(server, request, cursor)}


def _url(server: Server, request: Request, cursor: str | None) -> str:
    pairs = [pair for pair in request.parameters if pair[0] not in (*FORMAT, CURSOR)]
    return f"{server.base_url}/{_path(request)}?{urlencode([*pairs, *([(CURSOR, cursor)] if cursor else [])])}"
