"""`{base}/websocket`: where clients bind websockets to their Subscriptions. docs/subscriptions/websocket.md.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets,
https://www.rfc-editor.org/rfc/rfc6455
"""

import asyncio
import logging
import re
import traceback
from contextlib import suppress
from typing import Any, Final

from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from fhir_server.audit.interactions import REFUSED
from fhir_server.audit.record import Record
from fhir_server.audit.refusals import Refusals
from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.errors import Conflict, GalenicError, Invalid, TooMany, Unauthorized, Unavailable
from fhir_server.notifications.passes import Pass, Passes
from fhir_server.notifications.sockets import POLICY, Closing, Socket, Sockets
from fhir_server.outcome import outcome_body, status_and_issues
from fhir_server.rates import Rates

LOG = logging.getLogger(__name__)

PATH: Final = "/websocket"
"""Below the base."""

MESSAGE_BYTES_MAX: Final = 4_096
"""Of a message of a client (bytes)."""

BIND_SECONDS: Final = 10.0
"""Until something is bound (seconds)."""

REFUSED_MAX: Final = 5
"""Messages of one socket that are answered with what is wrong with them; the last of them closes it (messages)."""

GOODBYE_SECONDS: Final = 1.0
"""Longest the reason of a close may take to leave (seconds)."""

UNAUTHORIZED: Final = 401
SERVER_ERROR: Final = 1011

_BIND: Final = re.compile(r"bind-with-token:? +([A-Za-z0-9_\-]+)\s*")
"""The guide writes it with a colon and without."""


class Endpoint:
    """An ASGI application for websockets."""

    def __init__(self, sockets: Sockets, passes: Passes, rates: Rates, refusals: Refusals) -> None:
        self._sockets = sockets
        self._passes = passes
        self._rates = rates
        self._refusals = refusals

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        address = websocket.client.host if websocket.client else ""
        try:
            self._rates.take(f"address {address}")
            with self._sockets.opened(websocket.send_text, address) as socket:
                await websocket.accept()
                await self._converse(websocket, socket, address)
        except TooMany as error:
            outcome = outcome_body(status_and_issues(error)[1])
            await websocket.send_denial_response(Response(outcome, 429, error.headers, "application/fhir+json"))
        except WebSocketDisconnect:
            pass

    async def _converse(self, websocket: WebSocket, socket: Socket, address: str) -> None:
        """Both ways at once, until either ends it."""
        ways = [asyncio.create_task(self._hear(websocket, socket, address)), asyncio.create_task(socket.speak())]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            ended = await asyncio.gather(*ways, return_exceptions=True)
        closing = next(filter(None, map(_closing, ended)), None)
        if closing is not None:
            with suppress(TimeoutError, WebSocketDisconnect):
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await websocket.close(closing.code, closing.reason)

    async def _hear(self, websocket: WebSocket, socket: Socket, address: str) -> None:
        """Returns when the client has left; raises `Closing`."""
        refused, late = 0, asyncio.get_running_loop().time() + BIND_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(None if socket.is_bound else late):
                    message = await websocket.receive()
            except TimeoutError as error:
                raise Closing(POLICY, f"nothing was bound within {BIND_SECONDS:g} s") from error
            if message["type"] == "websocket.disconnect":
                return
            try:
                await self._bind(message.get("text") or "", socket, address)
            except GalenicError as error:
                refused += not isinstance(error, Unavailable | Conflict)
                await _answer(websocket, error)
                if refused >= REFUSED_MAX:
                    raise Closing(POLICY, "too many messages were refused") from error

    async def _bind(self, text: str, socket: Socket, address: str) -> None:
        found = _BIND.fullmatch(text)
        if found is None:
            raise Invalid("What is understood is: bind-with-token, a blank, and a token of $get-ws-binding-token")
        one = await self._opened(found[1], address)
        self._rates.take(f"client {one.holder.client}" if one.holder.client else f"address {address}")
        await socket.bind(one)

    async def _opened(self, token: str, address: str) -> Pass:
        """What the token stands for; who has none is on record."""
        try:
            return self._passes.open(token)
        except Unauthorized:
            stranger = Context("anonymous", "anonymous", TREATMENT, "", address=address)
            await self._refusals.refuse(Record(stranger, REFUSED, UNAUTHORIZED))
            raise


def _closing(error: BaseException | None) -> Closing | None:
    """How the socket is closed; None where its client has left, or the process ends."""
    if isinstance(error, Closing) or error is None:
        return error
    if isinstance(error, asyncio.CancelledError | WebSocketDisconnect):
        return None
    place = "".join(traceback.format_tb(error.__traceback__)[-4:])  # values may be patients' data
    LOG.error("a websocket failed with %s\n%s", type(error).__name__, place)
    return Closing(SERVER_ERROR, "the server failed")


async def _answer(websocket: WebSocket, error: GalenicError) -> None:
    try:
        async with asyncio.timeout(GOODBYE_SECONDS):
            await websocket.send_text(outcome_body(status_and_issues(error)[1]).decode())
    except TimeoutError as late:
        raise Closing(POLICY, "answers were not read in time") from late


def url_of(base_url: str) -> str:
    """`wss://` where the base is `https://`."""
    return f"ws{base_url.removeprefix('http')}{PATH}"
