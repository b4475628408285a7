"""One partner's messages out by MLLP: one at a time, the next only when the one before is acknowledged.

An acknowledgement is a message's own by MSA-2 and by nothing else; a connection on which one is overdue is closed, so
that it cannot be taken for the next message's.
"""

import asyncio
import contextlib
import ssl
from dataclasses import dataclass
from typing import Final

from integrations.mllp.framing import Framer, FramingError, framed
from mappers.hl7v2.faults import Hl7Fault
from mappers.hl7v2.message import Message, parse

READ_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    host: str
    port: int
    tls: ssl.SSLContext | None = None
    connect_seconds_max: float = 10.0
    answer_seconds_max: float = 30.0
    """From a message's last byte to its acknowledgement (seconds)."""
    answer_bytes_max: int = 2**20


class NotDelivered(Exception):
    """No acknowledgement: sending again, on a new connection, may work. Whether it arrived is not known."""


class Sender:
    """Keeps its connection between messages. One `send` at a time."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, message: bytes, control_id: str) -> bytes:
        """The acknowledgement whose MSA-2 is `control_id`, whatever its code; raises `NotDelivered`."""
        try:
            reader, writer = await self._connected()
            writer.write(framed(message))
            async with asyncio.timeout(self._target.answer_seconds_max):
                await writer.drain()
                return await self._answer(reader, control_id)
        except (OSError, TimeoutError, FramingError, EOFError, Hl7Fault) as error:
            await self.close()
            raise NotDelivered(type(error).__name__) from error
        except BaseException:  # cancelled while an answer is due: it may not be read as another's
            await self.close()
            raise

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection[1].close()
            with contextlib.suppress(OSError, TimeoutError):
                await connection[1].wait_closed()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._connection is None:
            target = self._target
            async with asyncio.timeout(target.connect_seconds_max):
                self._connection = await asyncio.open_connection(target.host, target.port, ssl=target.tls)
        return self._connection

    async def _answer(self, reader: asyncio.StreamReader, control_id: str) -> bytes:
        framer = Framer(self._target.answer_bytes_max)
        while data := await reader.read(READ_BYTES):
            for answer in framer.receive(data):
                if acknowledges(parse(answer)) != control_id:
                    raise FramingError("an acknowledgement of another message came")
                return answer
        raise EOFError


def acknowledges(message: Message) -> str:
    """MSA-2; "" for what is no acknowledgement."""
    msa = message.first("MSA")
    return msa.text(2) if msa else ""
