"""$convert: a message of HL7 v2 or SCRIPT as FHIR, and FHIR as one; nothing is stored. docs/operations/convert.md."""

import asyncio
import base64
import hashlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fhir_server.errors import Invalid, Issue, UnsupportedMedia
from fhir_server.exchange.composing import Ends, composed
from fhir_server.exchange.conversion import convert as converted
from fhir_server.exchange.plain import written
from fhir_server.outcome import outcome_resource
from fhir_server.rest.message import Request, Response
from fhir_server.rest.negotiation import parse_media_type
from fhir_server.rest.server import Server
from mappers.making import Making
from mappers.mapped import Choice, Mapped, Note

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
FHIR: Final = "application/fhir+json"
UTC: Final = "UTC"


async def convert(server: Server, request: Request) -> Response:
    """200 with Parameters: the transaction, what could not be carried, and the reason for each choice.

    Of FHIR the message that `to` asks for, as a Binary. Raises `Invalid` where the message or the FHIR itself stands
    against it, naming the place.
    """
    name, _ = parse_media_type(request.headers.get("content-type", ""))
    making = _making(server, request)
    if name == FHIR:
        return Response(200, {}, written(await asyncio.to_thread(_message, server, request, making)))
    if name not in MESSAGE_TYPES:
        known = " or ".join(sorted({*MESSAGE_TYPES, FHIR}))
        raise UnsupportedMedia(f"'{name[:60]}' is not supported here; send {known}")
    result = await asyncio.to_thread(converted, request.body, making)
    return Response(200, {}, written(_parameters(result.mapped)))


def _message(server: Server, request: Request, making: Making) -> dict[str, Any]:
    ends = Ends(*(request.parameter(name) or "" for name in ("sender", "receiver", "kind")))
    made = composed(request.body, request.parameter("to") or "", making, ends, server.validate)
    data = base64.b64encode(made.message).decode()
    binary = {"resourceType": "Binary", "contentType": made.content_type, "data": data}
    return {"resourceType": "Parameters", "parameter": [{"name": "return", "resource": binary}, _outcome(made.notes)]}


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
    transaction = {"name": "return", "resource": mapped.bundle()}
    parameters = [transaction, _outcome(mapped.notes), *map(_choice, mapped.choices)]
    return {"resourceType": "Parameters", "parameter": parameters}


def _outcome(notes: Sequence[Note]) -> dict[str, Any]:
    issues = [Issue("informational", note.text, note.place, note.severity) for note in notes]
    return {"name": "outcome", "resource": outcome_resource(issues)}


def _choice(choice: Choice) -> dict[str, Any]:
    words = (("element", choice.element), ("from", choice.place), ("reason", choice.reason))
    return {"name": "choice", "part": [{"name": name, "valueString": text} for name, text in words]}
