"""delete and conditional delete. https://hl7.org/fhir/R4/http.html#delete."""

from fhir_server.rest.commit import commit_one
from fhir_server.rest.conditions import condition, criteria_of
from fhir_server.rest.headers import etag, parse_precondition
from fhir_server.rest.message import Request, Response
from fhir_server.rest.server import Server
from fhir_server.storage.intents import Intent, Outcome


async def delete(server: Server, request: Request) -> Response:
    """204, also where there is nothing to delete; 412 for several matches (unless all of them may go)."""
    return respond(await commit_one(server, request, intent(server, request)))


def respond(outcome: Outcome) -> Response:
    headers = {"ETag": etag(outcome.version)} if outcome.version else {}
    return Response(outcome.status, headers, None, outcome.version, recorded=outcome.written)


def intent(server: Server, request: Request) -> Intent:
    query = None
    if not request.id:
        query = condition(server, request, criteria_of(request.parameters))
    return Intent(
        "delete",
        request.type_name,
        request.new_id,
        request.id or None,
        query,
        precondition=parse_precondition(request.headers),
        delete_all=server.conditional_delete == "multiple",
        place=request.place,
    )
