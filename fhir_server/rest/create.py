"""create and conditional create. https://hl7.org/fhir/R4/http.html#create."""

from fhir_server.rest.bodies import resource_of
from fhir_server.rest.commit import commit_one
from fhir_server.rest.conditions import condition, criteria_of, if_none_exist
from fhir_server.rest.message import Request, Response
from fhir_server.rest.respond import written
from fhir_server.rest.server import Server
from fhir_server.storage.intents import Intent


async def create(server: Server, request: Request) -> Response:
    """201 with a new id; conditional: 200 with the one match, 412 for several."""
    return written(server, request, await commit_one(server, request, intent(server, request)))


def intent(server: Server, request: Request) -> Intent:
    """The condition is If-None-Exist, or the query of the URL (as some clients send it): never ignored."""
    header = request.headers.get("if-none-exist")
    criteria = criteria_of(request.parameters)
    query = None
    if header is not None:
        query = if_none_exist(server, request, header)
    elif criteria:
        query = condition(server, request, criteria)
    resource = resource_of(server, request)
    return Intent("create", request.type_name, request.new_id, None, query, resource, place=request.place)
