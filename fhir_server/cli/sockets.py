"""Websockets on the wire, after the HTTP protocol has read their head within its limits.

What is written waits until it has left this process: a client that does not read holds one message, not many.
"""

from asyncio.transports import BaseTransport
from typing import Any, Final

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PING_SECONDS: Final = 20.0
"""Between two pings, and until the answer to one (seconds): who is gone without a word is found out."""

CLOSE_SECONDS: Final = 2.0
"""How long a client may take to answer a close, and to read what was written before it (seconds)."""


class GuardedSocketProtocol(WebSocketsSansIOProtocol):
    """Uvicorn makes one for each upgraded connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.close_timeout = CLOSE_SECONDS

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=1, low=0)  # of 0 the TLS of asyncio makes a deadlock

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated:  # what the HTTP parser let pass is no request to this one
            self.transport.write(b"".join(self.conn.data_to_send()))
            self.transport.close()

    def handle_ping(self) -> None:
        """Who does not read is not answered, and may not fill our memory with answers."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.conn.data_to_send()

    async def send(self, message: Any) -> None:
        """Returns when what was sent has left this process."""
        await super().send(message)
        await self.writable.wait()

    async def run_asgi(self) -> None:
        await super().run_asgi()
        self._end_soon()

    def shutdown(self) -> None:
        super().shutdown()
        self._end_soon()

    def _end_soon(self) -> None:
        """What is closed waits for its client to read the rest: it does not wait for ever."""
        self.loop.call_later(CLOSE_SECONDS, self.transport.abort)
