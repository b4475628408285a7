"""search of a type, of a compartment and of all types, by GET and POST. https://hl7.org/fhir/R4/http.html#search."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.auth.scopes import ANY_TYPE
from fhir_server.errors import Forbidden, Invalid, Issue, TooCostly
from fhir_server.rest.conditions import FORMAT
from fhir_server.rest.include import NOTHING, include
from fhir_server.rest.message import Request, Response
from fhir_server.rest.negotiation import body_type
from fhir_server.rest.parameters import parse_pairs
from fhir_server.rest.permission import sight
from fhir_server.rest.searchset import CURSOR, Answer, searchset
from fhir_server.rest.server import Server
from fhir_server.rest.shape import refuse_unknown
from fhir_server.search.compartment import in_compartment
from fhir_server.search.limits import QUERY_CHARACTERS_MAX
from fhir_server.search.parse import parse
from fhir_server.search.predicate import Predicate
from fhir_server.search.query import Query
from fhir_server.search.sql import Position
from fhir_server.storage.database import Connection
from fhir_server.storage.pages import Found, Searcher

FORM = "application/x-www-form-urlencoded"

FORM_BYTES_MAX: Final = 4 * QUERY_CHARACTERS_MAX
"""A longer form is not read: taking its escapes apart alone takes long (bytes)."""

FORM_ESCAPES_MAX: Final = 20_000
"""Each takes some 0.2 µs to read, and all others wait meanwhile (escapes, as %2C)."""

ALL_TYPES = "*"


@dataclass(frozen=True, slots=True)
class Asked:
    """A search: `type_name` is what is searched ("": all types), `path` where, below the base."""

    type_name: str
    path: str
    within: tuple[Predicate, ...] = ()


async def search(server: Server, request: Request) -> Response:
    """A searchset Bundle; unknown parameters are refused unless `Prefer: handling=lenient`."""
    async with server.database.connection() as connection:
        return await search_on(connection, server, request)


async def search_by_post(server: Server, request: Request) -> Response:
    """POST `_search`: the parameters of the form and those of the URL together."""
    return await search(server, with_form(request))


def with_form(request: Request) -> Request:
    """The request with the parameters of its form; raises `UnsupportedMedia`, `TooCostly` and `Invalid`."""
    body_type(request.headers.get("content-type"), frozenset({FORM}))
    if len(request.body) > FORM_BYTES_MAX:
        raise TooCostly(f"The form of a search may have {FORM_BYTES_MAX} bytes")
    if request.body.count(b"%") > FORM_ESCAPES_MAX:
        raise TooCostly(f"The form of a search may have {FORM_ESCAPES_MAX} escapes (%..)")
    try:
        pairs = parse_pairs(request.body.decode())
    except UnicodeDecodeError as error:
        raise Invalid("The form is not UTF-8") from error
    return replace(request, parameters=(*request.parameters, *pairs))


async def search_on(connection: Connection, server: Server, request: Request) -> Response:
    """The same over a connection the caller has."""
    asked = _asked(server, request)
    pairs = [pair for pair in request.parameters if pair[0] not in FORMAT and pair[0] != CURSOR]
    options = server.parse_options(request.preferences.handling, sight(server, request, "s"))
    query, warnings = parse(server.indexer.registry, asked.type_name, pairs, options, asked.within)
    refuse_unknown(server.indexer.definitions, asked.type_name, query.elements)
    if query.includes and query.summary == "text":
        message = "_include and _revinclude cannot be used with _summary=text"
        raise Invalid(message, [Issue("invalid", message, "_summary")])
    cursor = request.parameter(CURSOR)
    if query.explain and not request.grant.is_unrestricted("s", asked.type_name or ANY_TYPE):
        raise Forbidden("_explain tells of rows the token does not cover")
    return await answer(connection, server, request, Answer(asked.path, query, tuple(warnings), cursor))


async def answer(connection: Connection, server: Server, request: Request, begun: Answer) -> Response:
    """The Bundle of a page, or of the number of matches alone."""
    query = begun.query
    searcher = Searcher(connection, server.finder)
    if query.only_counts:
        counted = await searcher.total(query, await searcher.plan(query))
        return Response(200, {}, searchset(server, replace(begun, total=counted)))
    after, snapshot = position(server, begun)
    found = await searcher.page(query, after, snapshot)
    included = await include(connection, server, request, query.includes, found.versions) if query.includes else NOTHING
    total = await _total(searcher, query, found)
    explained = await _explained(searcher, found) if query.explain else ()
    done = replace(begun, found=found, included=included, total=total, explained=explained)
    return Response(200, {}, searchset(server, done), released=done.released)


def _asked(server: Server, request: Request) -> Asked:
    if not request.id:
        return Asked(request.type_name, request.type_name)
    member = "" if request.member == ALL_TYPES else request.member
    within = in_compartment(server.indexer.registry, request.type_name, request.id, member)
    return Asked(member, f"{request.type_name}/{request.id}/{request.member}", (within,))


def position(server: Server, begun: Answer) -> tuple[Position | None, str | None]:
    """Where the page begins, and its snapshot; nothing for the first one. Raises `Invalid` and `Gone`."""
    if begun.cursor is None:
        return None, None
    snapshot, rid, *values = server.cursors.open(begun.purpose, begun.cursor)
    return Position(tuple(values), rid), snapshot


async def _total(searcher: Searcher, query: Query, found: Found) -> int | None:
    match query.total:
        case "accurate":
            return await searcher.total(query, found.plan)
        case "estimate" if query.sight.is_everything:
            return await searcher.estimate(query, found.plan)
        case "estimate":  # one of the planner's would also tell of what is hidden
            return await searcher.total(query, found.plan)
    return None


async def _explained(searcher: Searcher, found: Found) -> Sequence[Issue]:
    """One informational issue a step: what it is, rows expected and met, the SQL with its placeholders."""
    issues = []
    for step in tuple(found.steps):
        told: Any = (await searcher.explained(step.statement, run=True))[0]
        expected, met = int(told["Plan"]["Plan Rows"]), int(told["Plan"]["Actual Rows"])
        text = f"{step.name}: {expected} rows expected, {met} met, {told['Execution Time']} ms: {step.statement.sql}"
        issues.append(Issue("informational", text, severity="information"))
    return issues
