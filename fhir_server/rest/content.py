"""Bodies on the wire: read within their limits, written plain, pretty or compressed."""

import asyncio
import gzip
import zlib
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from fhir_server.errors import Invalid, TooLarge, TooSlow, UnsupportedMedia

COMPRESSED_FROM_BYTES: Final = 1_400
"""Smaller bodies fit one packet anyway (bytes)."""

COMPRESSION_LEVEL: Final = 4


@dataclass(frozen=True, slots=True)
class Body:
    """Limits of a request body: `bytes_max` counts after decoding, `seconds_max` from its first byte to its last."""

    bytes_max: int
    seconds_max: float


async def read_body(receive: Any, headers: dict[str, str], limits: Body) -> bytes:
    """The decoded body; raises `TooLarge` before it is buffered, `TooSlow`, or `UnsupportedMedia`."""
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", "gzip"):
        raise UnsupportedMedia(f"The Content-Encoding '{coding[:40]}' is not supported; send gzip or none")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limits.bytes_max:
        raise _too_large(limits)
    decoder = zlib.decompressobj(wbits=31) if coding == "gzip" else None
    try:
        async with asyncio.timeout(limits.seconds_max):
            return await _collect(receive, decoder, limits)
    except TimeoutError as error:
        raise TooSlow(f"The body did not arrive within {limits.seconds_max:g} seconds", headers=CLOSE) from error


CLOSE: Final = {"Connection": "close"}


async def _collect(receive: Any, decoder: Any, limits: Body) -> bytes:
    chunks: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Invalid("The client went away in the middle of the body")
        chunk = message.get("body", b"")
        if decoder is not None:
            chunk = _decoded(decoder, chunk, limits.bytes_max - size + 1)
        size += len(chunk)
        if size > limits.bytes_max:
            raise _too_large(limits)
        chunks.append(chunk)
        more = message.get("more_body", False)
    if decoder is not None and (not decoder.eof or decoder.unused_data):
        raise Invalid("The body is not one gzip member from its first byte to its last")
    return b"".join(chunks)


def _decoded(decoder: Any, chunk: bytes, room: int) -> bytes:
    """Never more than `room` bytes, whatever the chunk would grow to."""
    try:
        decoded: bytes = decoder.decompress(chunk, room)
    except zlib.error as error:
        raise Invalid("The body is not gzip") from error
    return decoded


def _too_large(limits: Body) -> TooLarge:
    return TooLarge(f"A body may have {limits.bytes_max} bytes", headers=CLOSE)


def pretty(body: bytes) -> bytes:
    """Indented; numbers stay as they are written."""
    return msgspec.json.format(body, indent=2)


def compressed(body: bytes, accept_encoding: str) -> tuple[bytes, dict[str, str]]:
    """The body as gzip, with its header, where the client takes it and it is worth it."""
    if len(body) < COMPRESSED_FROM_BYTES or not _takes_gzip(accept_encoding):
        return body, {}
    return gzip.compress(body, COMPRESSION_LEVEL, mtime=0), {"Content-Encoding": "gzip"}


def _takes_gzip(accept_encoding: str) -> bool:
    """What is said of gzip goes before what is said of `*`."""
    codings = (part.replace(" ", "").lower().partition(";q=") for part in accept_encoding.split(","))
    qualities = {name: quality for name, _, quality in codings}
    return qualities.get("gzip", qualities.get("*", "0")) not in ("0", "0.0", "0.00", "0.000")
