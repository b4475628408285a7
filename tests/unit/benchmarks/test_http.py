"""The client of the benchmarks reads answers however they arrive."""

import asyncio

import pytest

from tests.benchmarks.http import HttpConnection, Load

ANSWER = b"HTTP/1.1 201 Created\r\ndate: now\r\nContent-Length: 5\r\n\r\nhello"


class Wire:
    def write(self, request):
        self.sent = request


async def answered(*pieces):
    connection = HttpConnection()
    connection.connection_made(Wire())
    asked = asyncio.ensure_future(connection.ask(b"GET"))
    await asyncio.sleep(0)
    for piece in pieces:
        assert not asked.done()
        connection.data_received(piece)
    return await asked


@pytest.mark.parametrize("cut", [5, 30, len(ANSWER) - 3, len(ANSWER)])
async def test_an_answer_is_complete_when_its_body_is(cut):
    assert await answered(*filter(None, (ANSWER[:cut], ANSWER[cut:]))) == (201, b"hello")


async def test_an_answer_without_a_length_has_no_body():
    assert await answered(b"HTTP/1.1 204 No Content\r\ndate: now\r\n\r\n") == (204, b"")


async def test_a_closed_connection_is_an_error():
    connection = HttpConnection()
    connection.connection_made(Wire())
    asked = asyncio.ensure_future(connection.ask(b"GET"))
    await asyncio.sleep(0)
    connection.connection_lost(None)
    with pytest.raises(ConnectionResetError):
        await asked


def test_percentiles_are_of_the_sorted_latencies():
    load = Load([n / 1000 for n in range(100, 0, -1)], 2.0)
    assert load.per_second == 50
    assert (load.percentile_ms(50), load.percentile_ms(99)) == (51, 100)
