"""read: the current version. https://hl7.org/fhir/R4/http.html#read."""

from fhir_server.errors import Gone, NotFound
from fhir_server.rest.headers import etag, not_modified, version_headers
from fhir_server.rest.message import Request, Response
from fhir_server.rest.server import Server
from fhir_server.storage.version import Version


async def read(server: Server, request: Request) -> Response:
    """200 with the bytes of record, 304 where the client has them, 404, or 410 after a delete."""
    return respond(request, await server.reader.current(request.type_name, request.id))


def respond(request: Request, version: Version | None) -> Response:
    if version is None:
        raise NotFound(f"There is no {request.type_name}/{request.id}")
    if version.body is None:
        raise Gone(f"{request.type_name}/{request.id} was deleted", headers={"ETag": etag(version)})
    headers = version_headers(version)
    if not_modified(version, request.headers.get("if-none-match"), request.headers.get("if-modified-since")):
        return Response(304, headers, None, version)
    return Response(200, headers, version.body, version)
