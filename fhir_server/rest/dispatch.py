"""A request to the interaction it asks for, if its caller may: alone, or as an entry of a Bundle."""

from fhir_server.rest.message import Request, Response
from fhir_server.rest.paths import Target
from fhir_server.rest.permission import permit
from fhir_server.rest.server import Server


async def dispatch(server: Server, request: Request, target: Target) -> Response:
    """Raises what the interaction raises, and `Forbidden`, `NotFound` and `MethodNotAllowed`."""
    route = server.routes.find(request.method, target)
    permit(route, request)
    return await route.handler(server, request)
