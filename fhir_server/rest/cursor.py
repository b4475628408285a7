"""Paging links: opaque, signed, and good for a while."""

import base64
import binascii
import hashlib
import hmac
from typing import Any

import msgspec

from fhir_server.clock import Clock
from fhir_server.errors import Gone, Invalid

SIGNATURE_BYTES = 16
"""Enough that nobody guesses one (bytes)."""


class CursorSigner:
    """Signs the state of a paged answer; what it was asked for is signed with it, so it cannot be swapped."""

    def __init__(self, secret: bytes, lifetime_seconds: int, clock: Clock) -> None:
        self._secret = secret
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock

    def sign(self, purpose: str, state: list[Any]) -> str:
        expires = int(self._clock.now().timestamp()) + self._lifetime_seconds
        payload = msgspec.json.encode([expires, *state])
        return _encoded(self._signature(purpose, payload) + payload)

    def verify(self, purpose: str, text: str) -> list[Any]:
        """The state; raises `Invalid` for a link that is not ours, `Gone` for one past its time."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except (ValueError, binascii.Error) as error:
            raise Invalid("The paging link is damaged") from error
        if _encoded(raw) != text:  # decoding passes over characters that are none of the alphabet
            raise Invalid("The paging link is damaged")
        signature, payload = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._signature(purpose, payload)):
            raise Invalid("The paging link is damaged or belongs to another request or server")
        expires, *state = msgspec.json.decode(payload, type=list[Any])
        if expires < self._clock.now().timestamp():
            raise Gone(f"The paging link has expired; links live {self._lifetime_seconds} seconds")
        return state

    def _signature(self, purpose: str, payload: bytes) -> bytes:
        """`purpose` is signed and not sent: a link does not show what was searched for."""
        signed = len(purpose).to_bytes(4, "big") + purpose.encode() + payload
        return hmac.new(self._secret, signed, hashlib.sha256).digest()[:SIGNATURE_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
