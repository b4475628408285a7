"""Frames of the Minimal Lower Layer Protocol, without a socket: bytes in, messages out, and back.

`<VT> message <FS><CR>`. HL7 v2, Transport Specification: MLLP, release 1.
https://www.hl7.org/documentcenter/public/wg/inm/mllp_transport_specification.PDF
"""

from typing import Final

VT: Final = b"\x0b"
FS: Final = b"\x1c"
CR: Final = b"\r"

BETWEEN: Final = b"\r\n \t\x00"
"""Bytes between frames that mean nothing: the CR after FS, and what senders add to it."""


class FramingError(Exception):
    """What comes are no frames, or a frame is too long: nothing after it can be told apart."""


class Framer:
    """Takes what a connection brings, in pieces of any size.

    A message ends at FS whether a CR follows or not: some senders leave it out, some put it before.
    """

    def __init__(self, message_bytes_max: int) -> None:
        self._bytes_max = message_bytes_max
        self._buffer = bytearray()
        self._within = False
        self._searched = 0

    @property
    def buffered_bytes(self) -> int:
        return len(self._buffer)

    @property
    def is_within_message(self) -> bool:
        return self._within

    def receive(self, data: bytes) -> list[bytes]:
        """The messages that are complete now; raises `FramingError`."""
        self._buffer += data
        messages = []
        while self._begins() and (end := self._buffer.find(FS, self._searched)) >= 0:
            messages.append(self._cut(end))
        if len(self._buffer) > self._bytes_max:
            raise FramingError(f"a message is longer than {self._bytes_max} bytes")
        if self._buffer.find(VT, self._searched) >= 0:
            raise FramingError("a message begins before the one before it has ended")
        self._searched = len(self._buffer)
        return messages

    def _begins(self) -> bool:
        """Whether a message is under way; drops what is between two."""
        if not self._within:
            rest = self._buffer.lstrip(BETWEEN)
            if rest and not rest.startswith(VT):
                raise FramingError("what comes is not in a frame")
            self._within, self._buffer, self._searched = bool(rest), rest[1:], 0
        return self._within

    def _cut(self, end: int) -> bytes:
        message = bytes(self._buffer[:end])
        if len(message) > self._bytes_max:
            raise FramingError(f"a message is longer than {self._bytes_max} bytes")
        if VT in message:
            raise FramingError("a message begins before the one before it has ended")
        del self._buffer[: end + 1]
        self._within, self._searched = False, 0
        return message


def framed(message: bytes) -> bytes:
    """Raises `FramingError` where the message has a byte that would end it."""
    if VT in message or FS in message:
        raise FramingError("a message cannot hold the bytes that frame it")
    return VT + message + FS + CR
