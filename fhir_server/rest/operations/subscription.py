"""$status and $events of Subscriptions. docs/operations/status.md, docs/operations/events.md.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-status.html,
https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/OperationDefinition-backport-subscription-events.html
"""

import re
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from fhir_server.clock import instant
from fhir_server.errors import NotFound, TooCostly, Unprocessable
from fhir_server.model.parser import write
from fhir_server.notifications.telling import Teller
from fhir_server.notifications.triggers import UNREADABLE, read
from fhir_server.rest.message import Request, Response
from fhir_server.rest.operations.asking import asked, once, refused
from fhir_server.rest.permission import sight, visible
from fhir_server.rest.server import Server
from fhir_server.storage.database import Connection
from fhir_server.storage.find import load
from fhir_server.storage.read import exact_versions
from fhir_server.storage.subscriptions import SUBSCRIPTION, Row, newest_rows, numbered, rows_by_id
from fhir_server.storage.version import Version
from subscriptions.notification import query_events, query_status, status_bundle
from subscriptions.request import ANYTHING, Content, Requested

STATUS: Final = "$status"
EVENTS: Final = "$events"

STATUS_PARAMETERS: Final = {"id": "valueId", "status": "valueCode"}
EVENTS_PARAMETERS: Final = {
    "eventsSinceNumber": "valueString",
    "eventsUntilNumber": "valueString",
    "content": "valueCode",
}

SUBSCRIPTIONS_MAX: Final = 1_000
"""Subscriptions of one answer of $status (Subscriptions)."""

EVENTS_MAX: Final = 1_000
"""Events of one answer of $events (events)."""

NUMBER: Final = re.compile(r"[0-9]{1,18}")


async def subscription_status(server: Server, request: Request) -> Response:
    """200 with a searchset of one Parameters for each Subscription that the caller may see; `NotFound`, `Invalid`."""
    refuse_other_types(request, STATUS)
    pairs = asked(server, request, STATUS, STATUS_PARAMETERS)
    ids = [request.id] if request.id else [one for name, text in pairs if name == "id" for one in text.split(",")]
    states = {one for name, text in pairs if name == "status" for one in text.split(",")} if not request.id else set()
    async with server.database.connection() as connection:
        found = await seen(connection, server, request, ids)
    if request.id and not found:
        raise unknown(request.id)
    teller = Teller(server.indexer, server.database.clock)
    told = [teller.told(row, asks, row.events) for row, asks in found if not states or row.state in states]
    statuses = [query_status(one, str(uuid4())) for one in told]
    return Response(200, {}, write(status_bundle(statuses, str(uuid4()), instant(server.database.clock.now()))))


async def subscription_events(server: Server, request: Request) -> Response:
    """200 with a notification of the events of a range, as far as the caller may see them; `NotFound`, `Invalid`."""
    refuse_other_types(request, EVENTS)
    named = once(EVENTS, asked(server, request, EVENTS, EVENTS_PARAMETERS))
    async with server.database.connection() as connection:
        found = await seen(connection, server, request, [request.id])
        if not found:
            raise unknown(request.id)
        row, asks = found[0]
        first, last = _range(named, row)
        content = _content(named, asks)
        teller = Teller(server.indexer, server.database.clock)
        events = await numbered(connection, row.rid, first, last)
        own = sight(server, request, "r")
        shown, released = await teller.shown_events(connection, events, own, content)
    bundle = query_events(teller.told(row, asks, row.events), shown, content, teller.stamp())
    return Response(200, {}, write(bundle), released=released)


def refuse_other_types(request: Request, operation: str) -> None:
    """Raises `NotFound`."""
    if request.type_name != SUBSCRIPTION:
        raise NotFound(f"There is no operation {operation} on {request.type_name}")


def unknown(id_: str) -> NotFound:
    """What is not there, or not for the caller."""
    return NotFound(f"There is no {SUBSCRIPTION}/{id_}")


async def seen(
    connection: Connection, server: Server, request: Request, ids: Sequence[str]
) -> list[tuple[Row, Requested]]:
    """The Subscriptions of these ids (none: all) that the caller may see, and what they ask for."""
    rows = await (rows_by_id(connection, ids) if ids else newest_rows(connection, SUBSCRIPTIONS_MAX + 1))
    if len(rows) > SUBSCRIPTIONS_MAX:
        raise TooCostly(f"$status tells of {SUBSCRIPTIONS_MAX} Subscriptions at most: name those you mean by id")
    versions = await exact_versions(connection, [(row.rid, row.version) for row in rows])
    seen = {one.rid: one for one in await visible(connection, server, request, versions.values())}
    return [(row, _asks(seen[row.rid])) for row in rows if row.rid in seen]


def _asks(version: Version) -> Requested:
    try:
        return read(load(version), ANYTHING)
    except Unprocessable:
        return UNREADABLE


def _range(named: dict[str, str], row: Row) -> tuple[int, int]:
    """First and last number; of an open range as many as one answer holds."""
    since = _number(named, "eventsSinceNumber", 1)
    until = _number(named, "eventsUntilNumber", min(row.events, since + EVENTS_MAX - 1))
    if until - since >= EVENTS_MAX:
        raise TooCostly(f"$events tells of {EVENTS_MAX} events at most: ask in parts")
    return since, until


def _number(named: dict[str, str], name: str, otherwise: int) -> int:
    if name not in named:
        return otherwise
    if not NUMBER.fullmatch(named[name]):
        raise refused(EVENTS, name, "is a number such as 12")
    return int(named[name])


def _content(named: dict[str, str], asks: Requested) -> Content:
    match named.get("content", asks.content):
        case "empty" | "id-only" | "full-resource" as content:
            return content
    raise refused(EVENTS, "content", "is empty, id-only or full-resource")
