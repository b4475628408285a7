"""update, update as create, conditional update. https://hl7.org/fhir/R4/http.html#update."""

from fhir_server.errors import Invalid
from fhir_server.rest.bodies import check_id, resource_of
from fhir_server.rest.commit import commit_one
from fhir_server.rest.conditions import condition, criteria_of
from fhir_server.rest.headers import parse_precondition
from fhir_server.rest.message import Request, Response
from fhir_server.rest.respond import written
from fhir_server.rest.server import Server
from fhir_server.storage.intents import Intent


async def update(server: Server, request: Request) -> Response:
    """200, 201 where the resource is new, 412 for a stale If-Match; nothing changed: the version stays."""
    return written(server, request, await commit_one(server, request, intent(server, request)))


def intent(server: Server, request: Request) -> Intent:
    resource = resource_of(server, request)
    precondition = parse_precondition(request.headers)
    if request.id:
        check_id(request, resource)
        named: str | None = request.id
        query = None
    else:
        named = resource.get("id")
        query = condition(server, request, criteria_of(request.parameters))
    if named is not None and not isinstance(named, str):
        raise Invalid("The id is not a string")
    new_id = named or request.new_id
    return Intent("update", request.type_name, new_id, named, query, resource, None, precondition, place=request.place)
