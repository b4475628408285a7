"""vread: one version, superseded ones included. https://hl7.org/fhir/R4/http.html#vread."""

from fhir_server.rest.message import Request, Response
from fhir_server.rest.permission import visible
from fhir_server.rest.read import respond
from fhir_server.rest.server import Server
from fhir_server.storage.database import Connection
from fhir_server.storage.read import named_version
from fhir_server.storage.version import Version

VERSION_DIGITS_MAX = 9
"""Digits of a version id (digits); more is no version of ours."""


async def vread(server: Server, request: Request) -> Response:
    """200 with the version as it was written, or as much of it as is asked for; 404; 410 where it is the deletion."""
    async with server.database.connection() as connection:
        found = await visible(connection, server, request, await find(connection, request))
        return respond(request, found[0] if found else None)


async def find(connection: Connection, request: Request) -> list[Version]:
    """The named version, which may be hidden from the caller; none where it is not there."""
    number = request.version_id
    if number.isascii() and number.isdecimal() and number[0] != "0" and len(number) <= VERSION_DIGITS_MAX:
        version = await named_version(connection, request.type_name, request.id, int(number))
        return [version] if version else []
    return []
