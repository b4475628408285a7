"""$process-message: a FHIR message does what its sender may do. docs/operations/process-message.md.

https://hl7.org/fhir/R4/messageheader-operation-process-message.html
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import uuid4

import msgspec

from fhir_server.errors import GalenicError, Invalid, Issue, NotSupported, Unavailable, Unprocessable
from fhir_server.exchange import ledger
from fhir_server.exchange.ledger import AlreadyAnswered, Arrived, Settled
from fhir_server.exchange.messaging import HEADER, answer_to, event_of, header_of, transaction_of
from fhir_server.rest.batch import entries_of
from fhir_server.rest.bodies import parsed_body
from fhir_server.rest.message import Request, Response
from fhir_server.rest.permission import refused
from fhir_server.rest.server import Server
from fhir_server.rest.transaction import transaction
from fhir_server.storage.database import Connection
from fhir_server.storage.intents import Outcome, Resource
from mappers.mapped import Note

IDENTIFIER: Final = "identifier"
OK: Final = "ok"
FAILED: Final = "fatal-error"


@dataclass(frozen=True, slots=True)
class _Case:
    """A message that is being processed."""

    arrived: Arrived
    bundle: Resource
    header: Resource


async def process_message(server: Server, request: Request) -> Response:
    """200 with the response message; the same message again is answered with the same bytes.

    Raises what stands against it, as every interaction does: then nothing of it was done. `Forbidden` where the token
    may not create a MessageHeader: what such a sender sends is not kept either.
    """
    if request.parameter("response-url") or request.parameter("async") not in (None, "false"):
        raise NotSupported("A message is answered on its own connection: async and response-url are not supported")
    if not request.grant.allows("c", HEADER):
        raise refused("c", HEADER)
    case = _case(server, request)
    try:
        return await _once(server, request, case)
    except Unavailable:
        raise
    except GalenicError as error:
        await _failed(server, case, error)
        raise


async def _once(server: Server, request: Request, case: _Case) -> Response:
    known = await _known(server, case)
    if known:
        return Response(200, {}, known)
    try:
        return await _process(server, request, case)
    except AlreadyAnswered:  # by another request, meanwhile
        return Response(200, {}, await _known(server, case))


def _case(server: Server, request: Request) -> _Case:
    """Raises `Malformed`, `Invalid`: what has no header is kept by nobody."""
    bundle = parsed_body(server, request)
    if bundle.get("resourceType") != "Bundle":
        raise Invalid("A message is a Bundle", [Issue("invalid", "A message is a Bundle", "Resource")])
    server.validate(bundle)
    header = header_of(bundle)
    sender = f"http|{request.context.client}|{request.context.actor}"
    kind = f"FHIR^{event_of(header)}"
    return _Case(Arrived(uuid4(), "http", request.body, kind, sender, header["id"]), bundle, header)


async def _known(server: Server, case: _Case) -> bytes:
    """What it was answered; b"" where it is new. An envelope of its own makes no other message of it.

    Raises `Unprocessable` for other content under its id.
    """
    async with server.database.connection() as connection:
        entry = await ledger.known(connection, case.arrived.sender, case.arrived.control_id)
    if entry is None:
        return b""
    if server.parse(entry.raw)["entry"] != server.parse(case.arrived.raw)["entry"]:
        raise Unprocessable("another message of this MessageHeader.id was received before")
    return entry.answer or b""


async def _process(server: Server, request: Request, case: _Case) -> Response:
    registry = server.indexer.registry
    asked = transaction_of(case.bundle, lambda type_name: IDENTIFIER in registry.parameters(type_name))
    answer: dict[str, Any] = {}

    async def record(connection: Connection, outcomes: Sequence[Outcome]) -> None:
        made = [f"{one.version.type_name}/{one.version.id}" for one in outcomes if one.version]
        answer["body"] = msgspec.json.encode(answer_to(case.header, server.base_url, str(case.arrived.id), made))
        await ledger.record(connection, case.arrived, Settled("answered", OK, answer["body"], (), made))

    _, done = await transaction(server, request, asked, entries_of(server, asked), record)
    return replace(done, body=answer["body"])


async def _failed(server: Server, case: _Case, error: GalenicError) -> None:
    """Kept without its id: a corrected message may come under it."""
    issue = error.issues[0] if error.issues else Issue("processing", error.message)
    note = Note("error", issue.expression, issue.diagnostics or error.message)
    async with server.database.transaction() as connection:
        arrived = replace(case.arrived, control_id="")
        await ledger.record(connection, arrived, Settled("failed", FAILED, None, (note,)))
