"""Messages out: what counts as their acknowledgement, and what does not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from integrations.mllp.framing import FS, framed
from integrations.mllp.sender import NotDelivered, Sender, Target

Partner = Callable[[int, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def message(control_id: str) -> bytes:
    return f"MSH|^~\\&|GALENIC|PHARMACY|||20260101||RDE^O11|{control_id}|P|2.5\rORC|NW\r".encode()


def acknowledgement(control_id: str, code: str = "AA") -> bytes:
    return f"MSH|^~\\&|||||20260101||ACK^O11|9|P|2.5\rMSA|{code}|{control_id}\r".encode()


@contextlib.asynccontextmanager
async def partner(behave: Partner) -> AsyncIterator[Target]:
    """Somebody who listens, and behaves in a way on the connections that come, counted from 1."""
    count = 0

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await behave(count, reader, writer)
        writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield Target("127.0.0.1", server.sockets[0].getsockname()[1], answer_seconds_max=0.3)


@pytest.mark.parametrize("code", ["AA", "AE", "CR"])
async def test_the_acknowledgement_of_the_message_is_handed_back_whatever_its_code(code: str) -> None:
    async def behave(_: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in ("1", "2"):
            await reader.readuntil(FS + b"\r")
            writer.write(framed(acknowledgement(number, code)))

    async with partner(behave) as target:
        sender = Sender(target)
        for number in ("1", "2"):
            assert await sender.send(message(number), number) == acknowledgement(number, code)
        await sender.close()


async def test_an_acknowledgement_of_another_message_is_not_taken_for_this_ones() -> None:
    async def behave(_: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(FS + b"\r")
        writer.write(framed(acknowledgement("another")))
        await reader.read()

    async with partner(behave) as target:
        with pytest.raises(NotDelivered):
            await Sender(target).send(message("1"), "1")


async def test_a_late_acknowledgement_is_not_taken_for_the_next_messages() -> None:
    """The first answer comes when its time is over; on a connection that stayed open it would be the second's."""

    async def behave(connection: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(FS + b"\r")
        if connection == 1:
            await asyncio.sleep(0.5)
            writer.write(framed(acknowledgement("1", "AE")))
            await reader.read()
        else:
            writer.write(framed(acknowledgement("2")))

    async with partner(behave) as target:
        sender = Sender(target)
        with pytest.raises(NotDelivered):
            await sender.send(message("1"), "1")
        await asyncio.sleep(0.3)
        assert await sender.send(message("2"), "2") == acknowledgement("2")
        await sender.close()


@pytest.mark.parametrize("wire", [b"", b"HTTP/1.1 400\r\n", framed(b"nonsense"), framed(message("1"))])
async def test_what_is_no_acknowledgement_delivers_nothing(wire: bytes) -> None:
    async def behave(_: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(FS + b"\r")
        writer.write(wire)

    async with partner(behave) as target:
        with pytest.raises(NotDelivered):
            await Sender(target).send(message("1"), "1")


async def test_nobody_who_listens_is_not_delivered() -> None:
    with pytest.raises(NotDelivered):
        await Sender(Target("127.0.0.1", 1)).send(message("1"), "1")
