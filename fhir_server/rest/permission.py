"""Whether a request may be made at all, and what of the store its caller sees.

A type no rule covers is refused before anything is looked up; what a rule does not reach is treated as not there.
https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html
"""

from collections.abc import Iterable
from typing import Final

from fhir_server.errors import Forbidden
from fhir_server.rest.message import Request
from fhir_server.rest.route import Route
from fhir_server.rest.server import Server
from fhir_server.search.sight import Sight
from fhir_server.storage.consents import is_asked, permitted
from fhir_server.storage.database import Connection
from fhir_server.storage.judge import Guard, shown, shows
from fhir_server.storage.sights import sight_of
from fhir_server.storage.version import Version

ANY_MEMBER: Final = "*"


def permit(route: Route, request: Request) -> None:
    """Raises `Forbidden` where no scope allows the interaction on any resource of the type."""
    type_name = request.member or request.type_name
    for interaction in route.needs:
        if not request.grant.allows(interaction, "" if type_name == ANY_MEMBER else type_name):
            raise refused(interaction, type_name)
    if route.needs_all and not all(request.grant.is_unrestricted(i, name) for i, name in route.needs_all):
        raise Forbidden("This operation concerns the whole installation, and the token covers less")


def refused(interaction: str, type_name: str) -> Forbidden:
    return Forbidden(f"The token has no scope like {type_name or ANY_MEMBER}.{interaction} for this")


def sight(server: Server, request: Request, interaction: str) -> Sight:
    """What the caller may do an interaction of INTERACTIONS on."""
    return sight_of(server.indexer.registry, server.base_url, request.grant, interaction)


def guard(server: Server, request: Request) -> Guard:
    """What a write of the request is held to."""
    return Guard(*(sight(server, request, interaction) for interaction in "rcud"))


async def visible(
    connection: Connection, server: Server, request: Request, versions: Iterable[Version], interaction: str = "r"
) -> list[Version]:
    """Those of some versions that the caller may see, in their order."""
    return await shown(connection, sight(server, request, interaction), server.indexer, versions)


async def known(server: Server, request: Request, version: Version | None) -> Version | None:
    """The version, if the caller may see it; a connection is only needed to ask for Consents."""
    seen = sight(server, request, "r")
    if version is None or not shows(seen, server.indexer, version):
        return None
    if seen.consented is None or not is_asked(seen.consented, version):
        return version
    async with server.database.read_connection() as connection:
        found = await permitted(connection, seen.consented, server.indexer.hasher, [version])
    return found[0] if found else None
