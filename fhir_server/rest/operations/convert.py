"""$convert: what a message of HL7 v2 or SCRIPT maps to; nothing is stored. docs/operations/convert.md."""

import asyncio
import hashlib
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fhir_server.errors import Invalid, Issue, UnsupportedMedia
from fhir_server.exchange.conversion import convert as converted
from fhir_server.exchange.plain import written
from fhir_server.outcome import outcome_resource
from fhir_server.rest.message import Request, Response
from fhir_server.rest.negotiation import parse_media_type
from fhir_server.rest.server import Server
from mappers.making import Making
from mappers.mapped import Choice, Mapped

MESSAGE_TYPES: Final = frozenset(
    {
        "x-application/hl7-v2+er7",
        "application/hl7-v2",
        "application/xml",
        "text/xml",
        "text/plain",
        "application/octet-stream",
    }
)
UTC: Final = "UTC"


async def convert(server: Server, request: Request) -> Response:
    """200 with Parameters: the transaction, what could not be carried, and the reason for each choice.

    Raises `Invalid` where the message itself stands against it, naming the place.
    """
    name, _ = parse_media_type(request.headers.get("content-type", ""))
    if name not in MESSAGE_TYPES:
        raise UnsupportedMedia(f"'{name[:60]}' is not supported here; send {' or '.join(sorted(MESSAGE_TYPES))}")
    result = await asyncio.to_thread(converted, request.body, _making(server, request))
    return Response(200, {}, written(_parameters(result.mapped)))


def _making(server: Server, request: Request) -> Making:
    """The words of a message are its sender's: `partner` says whose."""
    zone = request.parameter("zone") or UTC
    try:
        clock_zone = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = "zone is a time zone such as Europe/Berlin"
        raise Invalid(message, [Issue("invalid", message, "zone")]) from error
    seed = UUID(bytes=hashlib.sha256(request.body).digest()[:16])
    partner = request.parameter("partner") or request.context.client
    return Making(partner, server.database.clock.now(), seed, clock_zone)


def _parameters(mapped: Mapped) -> dict[str, Any]:
    notes = [Issue("informational", note.text, note.place, note.severity) for note in mapped.notes]
    parameters = [
        {"name": "return", "resource": mapped.bundle()},
        {"name": "outcome", "resource": outcome_resource(notes)},
        *map(_choice, mapped.choices),
    ]
    return {"resourceType": "Parameters", "parameter": parameters}


def _choice(choice: Choice) -> dict[str, Any]:
    words = (("element", choice.element), ("from", choice.place), ("reason", choice.reason))
    return {"name": "choice", "part": [{"name": name, "valueString": text} for name, text in words]}
