"""A search on behalf of a partner that has no token: it sees what a system may that reads everything."""

from typing import Final

from fhir_server.auth.access import Access
from fhir_server.auth.context import Context
from fhir_server.auth.grant import grant_of
from fhir_server.auth.scopes import parse_scopes
from fhir_server.exchange.asking import Found, Search
from fhir_server.model.parser import parse_object
from fhir_server.rest.auditing import patients_of
from fhir_server.rest.message import Request
from fhir_server.rest.parameters import parse_pairs
from fhir_server.rest.search import search
from fhir_server.rest.server import Server
from fhir_server.storage.find import STORED_DEPTH

SCOPES: Final = "system/*.rs"


def partner_search(server: Server) -> Search:
    """Consents that name the partner, or any system, are kept to."""

    async def ask(context: Context, type_name: str, query: str) -> Found:
        access = Access(context.actor, context.client, "integration", tuple(parse_scopes(SCOPES)))
        request = Request("GET", context, type_name, parameters=parse_pairs(query), grant=grant_of(access))
        response = await search(await server.current(), request)
        bundle = parse_object(response.body or b"{}", STORED_DEPTH)
        resources = [entry["resource"] for entry in bundle.get("entry", ())]
        return Found(resources, patients_of(response.released))

    return ask
