"""The resource of a write: parsed, of the right type and id, valid."""

from fhir_server.errors import Invalid, Issue
from fhir_server.rest.message import Request
from fhir_server.rest.negotiation import JSON_TYPES, body_type
from fhir_server.rest.server import Server
from fhir_server.storage.intents import Resource


def resource_of(server: Server, request: Request) -> Resource:
    """The resource in the body; raises `Malformed`, `Invalid` or `UnsupportedMedia`."""
    resource: Resource | None = request.resource
    if resource is None:
        body_type(request.headers.get("content-type"), JSON_TYPES)
        resource = server.parse(request.body)
    if request.validated:
        server.judge(resource)
    else:
        server.validate(resource)
    if resource.get("resourceType") != request.type_name:
        message = f"A {request.type_name} is expected, the body is a {str(resource.get('resourceType'))[:60]}"
        raise Invalid(message, [Issue("invariant", message, "Resource")])
    return resource


def check_id(request: Request, resource: Resource) -> None:
    """The id in the body and the one in the URL must agree. https://hl7.org/fhir/R4/http.html#update."""
    if resource.get("id") != request.id:
        message = f"The id of the body must be the one of the URL: {request.id}"
        raise Invalid(message, [Issue("invariant", message, f"{request.type_name}.id")])


def parsed_body(server: Server, request: Request) -> Resource:
    """A JSON body of any type that is not checked further here."""
    body_type(request.headers.get("content-type"), JSON_TYPES)
    return server.parse(request.body)
