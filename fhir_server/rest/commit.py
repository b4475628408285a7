"""One interaction, one transaction."""

from fhir_server.rest.message import Request
from fhir_server.rest.permission import guard
from fhir_server.rest.server import Server
from fhir_server.storage.intents import Intent, Outcome
from fhir_server.storage.targets import Integrity
from fhir_server.storage.transact import Batch


async def commit_one(server: Server, request: Request, intent: Intent) -> Outcome:
    """What became of the intent; it is committed."""
    integrity = single_integrity(server)
    batch = Batch(
        [intent],
        request.context,
        integrity=integrity,
        guard_deletes=guards_deletes(server),
        guard=guard(server, request),
    )
    return (await server.writer.write(batch))[0]


def guards_deletes(server: Server) -> bool:
    return server.referential_integrity == "enforce"


def single_integrity(server: Server) -> Integrity:
    """Outside a transaction the references of another request may still be on their way."""
    return "off" if server.referential_integrity == "transaction" else server.referential_integrity


def transaction_integrity(server: Server) -> Integrity:
    return "enforce" if server.referential_integrity == "transaction" else server.referential_integrity
