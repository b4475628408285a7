"""transaction: all entries or none. https://hl7.org/fhir/R4/http.html#trules.

Writes are one commit, whatever the order of the entries; reads see what was written, in the same transaction.
"""

from collections.abc import Sequence
from typing import Any, Final

from fhir_server.audit.record import Record
from fhir_server.errors import GalenicError, Issue, NotSupported
from fhir_server.rest import create, delete, patch, read, search, update, vread
from fhir_server.rest.audit_events import is_about_audit
from fhir_server.rest.auditing import records_of
from fhir_server.rest.commit import guards_deletes, transaction_integrity
from fhir_server.rest.entries import entry_request, response_entry
from fhir_server.rest.links import link_entries
from fhir_server.rest.message import Request, Response
from fhir_server.rest.paths import Target
from fhir_server.rest.permission import guard, permit, visible
from fhir_server.rest.respond import written
from fhir_server.rest.server import Server
from fhir_server.storage.database import Connection
from fhir_server.storage.intents import Intent, Outcome
from fhir_server.storage.read import current_versions
from fhir_server.storage.transact import Batch, Finish
from fhir_server.storage.write import AuditEntry

INTENTS: Final = {"POST": create.intent, "PUT": update.intent, "PATCH": patch.intent, "DELETE": delete.intent}
WRITABLE: Final = ("/{type}", "/{type}/{id}")

Asked = tuple[Request, Target, str | None]


async def nothing_else(_connection: Connection, _outcomes: Sequence[Outcome]) -> None:
    """A transaction is its entries."""


async def transaction(
    server: Server, bundle_request: Request, bundle: dict[str, Any], entries: Sequence[Any], also: Finish = nothing_else
) -> tuple[list[dict[str, Any]], Response]:
    """The answer to each entry, in the order of the request, and what is to be recorded of them.

    `also` is done with the outcomes of the writes before all is committed. Raises the first failure, naming its entry.
    """
    server.validate(bundle)
    asked = [_ask(server, bundle_request, entry, number) for number, entry in enumerate(entries)]
    intents = {number: _intent(server, one) for number, one in enumerate(asked) if one[0].method in INTENTS}
    await link_entries(server, bundle_request, [(intent, asked[number][2]) for number, intent in intents.items()])
    answers: dict[int, Response] = {}

    async def read_entries(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        await also(connection, outcomes)
        for number, (request, target, _) in enumerate(asked):
            if number not in intents:
                answers[number] = await _read(server, connection, request, target)

    batch = Batch(
        list(intents.values()),
        bundle_request.context,
        audit=[AuditEntry("transaction", 200)],
        integrity=transaction_integrity(server),
        guard_deletes=guards_deletes(server),
        finish=read_entries,
        guard=guard(server, bundle_request),
    )
    outcomes = await server.writer.write(batch)
    for number, outcome in zip(intents, outcomes, strict=True):
        answers[number] = _written(server, asked[number][0], outcome)
    told = [response_entry(server, bundle_request, asked[n][0], answers[n]) for n in range(len(asked))]
    records = (one for n in range(len(asked)) for one in _records(server, asked[n], answers[n]))
    return told, Response(200, recorded=any(one.written for one in outcomes), records=tuple(records))


def _records(server: Server, asked: Asked, answer: Response) -> Sequence[Record]:
    request, target, _ = asked
    return records_of(request, server.routes.find(request.method, target).interaction, answer)


def _ask(server: Server, bundle_request: Request, entry: Any, number: int) -> Asked:
    place = f"Bundle.entry[{number}]"
    try:
        request, target = entry_request(server, bundle_request, entry, place, validated=True)
    except GalenicError as error:
        raise _placed(error, place) from error
    return request, target, entry.get("fullUrl")


def _intent(server: Server, asked: Asked) -> Intent:
    request, target, _ = asked
    if target.template not in WRITABLE or (request.method == "POST" and request.id) or is_about_audit(request):
        raise NotSupported(f"{request.place}: {request.method} {target.template} is not supported in a transaction")
    try:
        permit(server.routes.find(request.method, target), request)
        return INTENTS[request.method](server, request)
    except GalenicError as error:
        raise _placed(error, request.place) from error


def _placed(error: GalenicError, place: str) -> GalenicError:
    """The same failure, naming the entry."""
    issues = [
        Issue(i.code, f"{place}: {i.diagnostics.removeprefix(place + ': ')}", place, i.severity) for i in error.issues
    ]
    return type(error)(f"{place}: {error.message.removeprefix(place + ': ')}", issues)


async def _read(server: Server, connection: Connection, request: Request, target: Target) -> Response:
    try:
        permit(server.routes.find(request.method, target), request)
        match target.template:
            case _ if is_about_audit(request):
                pass
            case "/{type}/{id}":
                current = await current_versions(connection, [(request.type_name, request.id)])
                found = await visible(connection, server, request, current.values())
                return read.respond(request, found[0] if found else None)
            case "/{type}/{id}/_history/{vid}":
                found = await visible(connection, server, request, await vread.find(connection, request))
                return read.respond(request, found[0] if found else None)
            case "/{type}":
                return await search.search_on(connection, server, request)
        raise NotSupported(f"GET {target.template} is not supported in a transaction")
    except GalenicError as error:
        raise _placed(error, request.place) from error


def _written(server: Server, request: Request, outcome: Outcome) -> Response:
    if request.method == "DELETE":
        return delete.respond(outcome)
    return written(server, request, outcome)
