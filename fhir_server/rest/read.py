"""read: the current version. https://hl7.org/fhir/R4/http.html#read."""

from fhir_server.errors import Gone, Invalid, Issue, NotFound
from fhir_server.model.definitions import load_definitions
from fhir_server.rest.headers import etag, not_modified, version_headers
from fhir_server.rest.message import Request, Response
from fhir_server.rest.permission import known
from fhir_server.rest.server import Server
from fhir_server.rest.shape import SUMMARIES, refuse_unknown, shaped_bytes
from fhir_server.storage.version import Version


async def read(server: Server, request: Request) -> Response:
    """200 with the bytes of record, 304 where the client has them, 404, or 410 after a delete."""
    version = await server.reader.current(request.type_name, request.id)
    return respond(request, await known(server, request, version))


def respond(request: Request, version: Version | None) -> Response:
    """The version, or as much of it as `_summary` and `_elements` ask for; None where it is not there or hidden."""
    summary, elements = asked_shape(request)
    if version is None:
        named = f"version '{request.version_id[:20]}' of " if request.version_id else ""
        raise NotFound(f"There is no {named}{request.type_name}/{request.id}")
    if version.body is None:
        raise Gone(f"{request.type_name}/{request.id} was deleted", headers={"ETag": etag(version)})
    headers = version_headers(version)
    if not_modified(version, request.headers.get("if-none-match"), request.headers.get("if-modified-since")):
        return Response(304, headers, None, version, released=frozenset(version.compartments))
    body = shaped_bytes(load_definitions(), version.body, summary, elements)
    return Response(200, headers, body, version, released=frozenset(version.compartments))


def asked_shape(request: Request) -> tuple[str, tuple[str, ...]]:
    """`_summary`, and the names in `_elements`; raises `Invalid` for what one resource cannot answer."""
    summary = request.parameter("_summary")
    if summary is not None and summary not in SUMMARIES:
        message = f"_summary of a read is one of {', '.join(SUMMARIES)}"
        raise Invalid(message, [Issue("invalid", message, "_summary")])
    lists = [value.split(",") for name, value in request.parameters if name == "_elements"]
    elements = tuple(name.strip() for names in lists for name in names)
    refuse_unknown(load_definitions(), request.type_name, elements)
    return summary or "false", elements
