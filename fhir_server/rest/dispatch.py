"""A request to what answers it, if its caller may ask: alone, or as an entry of a Bundle."""

from fhir_server.rest.audit_events import audit_handler, is_about_audit, refuse
from fhir_server.rest.message import Request, Response
from fhir_server.rest.permission import permit
from fhir_server.rest.route import Handler, Route
from fhir_server.rest.server import Server


def permitted(route: Route, request: Request) -> Handler:
    """What answers the request. Raises `Forbidden`; that nobody writes AuditEvents is said to everybody."""
    handler = audit_handler(route) if is_about_audit(request) else route.handler
    if handler is not refuse:
        permit(route, request)
    return handler


async def dispatch(server: Server, route: Route, request: Request) -> Response:
    """Raises what the interaction raises, and `Forbidden`."""
    return await permitted(route, request)(server, request)
