"""`POST /script`: NCPDP SCRIPT of partners over HTTP, answered on its connection. docs/messages/script/gateway.md."""

import asyncio
import base64
import binascii
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fhir_server.audit.interactions import REFUSED
from fhir_server.audit.record import Record
from fhir_server.audit.refusals import Refusals
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.errors import Conflict, TooMany, Unavailable
from fhir_server.exchange.partners import Partner, Partners
from fhir_server.exchange.script import ScriptReceiver
from fhir_server.identity.clients import is_secret
from fhir_server.rates import Rates
from mappers.script.xml import BYTES_MAX

PATH: Final = "/script"
XML: Final = "application/xml"
CHALLENGE: Final = 'Basic realm="Galenic"'

BODY_BYTES_MAX: Final = BYTES_MAX
"""Longest message (bytes): more is not read as XML either."""

BODY_SECONDS_MAX: Final = 30.0
"""From its first byte to its last (seconds)."""


class Gateway:
    """Who sends, by HTTP Basic: the partner's id and its secret."""

    def __init__(self, receiver: ScriptReceiver, partners: Partners, refusals: Refusals, rates: Rates) -> None:
        self._receiver = receiver
        self._partners = partners
        self._refusals = refusals
        self._rates = rates

    async def post(self, request: Request) -> Response:
        """200 with Status, Error or a message; 401, 413, 408, 429 or 503 without one."""
        address = request.client.host if request.client else ""
        try:
            self._rates.take(f"script {address}")
            partner = await self._partner(request, address)
            if partner is None:
                return await self._stranger(address)
            answer = await self._receiver.answer(await _body(request), partner)
            return Response(answer, media_type=XML, headers={"X-Content-Type-Options": "nosniff"})
        except _TooLong:
            return Response(status_code=413)
        except TimeoutError:
            return Response(status_code=408, headers={"Connection": "close"})
        except TooMany as error:
            return Response(status_code=429, headers=error.headers)
        except (Unavailable, Conflict):
            return Response(status_code=503, headers={"Retry-After": "5"})

    async def _partner(self, request: Request, address: str) -> Partner | None:
        name, secret = credentials(request.headers.get("authorization", ""))
        partner = await self._partners.named(name)
        known = await asyncio.to_thread(is_secret, partner.secret_hash if partner else None, secret)
        return partner if partner and known and partner.may_come_from(address, partner.certificate) else None

    async def _stranger(self, address: str) -> Response:
        context = Context("anonymous", "anonymous", TREATMENT, "", address=address)
        await self._refusals.refuse(Record(context, REFUSED, 401))
        return Response(status_code=401, headers={"WWW-Authenticate": CHALLENGE})


class _TooLong(Exception):
    """The body is longer than BODY_BYTES_MAX."""


def credentials(header: str) -> tuple[str, str]:
    """Of HTTP Basic; two empty texts where there are none. https://www.rfc-editor.org/rfc/rfc7617."""
    scheme, _, encoded = header.partition(" ")
    try:
        text = base64.b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, UnicodeDecodeError):
        text = ""
    name, _, secret = text.partition(":")
    return name, secret


async def _body(request: Request) -> bytes:
    chunks, size = [], 0
    async with asyncio.timeout(BODY_SECONDS_MAX):
        async for chunk in request.stream():
            size += len(chunk)
            if size > BODY_BYTES_MAX:
                raise _TooLong
            chunks.append(chunk)
    return b"".join(chunks)


def script_routes(gateway: Gateway) -> list[Route]:
    return [Route(PATH, gateway.post, methods=["POST"])]
