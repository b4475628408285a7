"""State that travels by way of a client: sealed with what it is for, and good for a while.

https://csrc.nist.gov/pubs/sp/800/38/d/final
"""

import base64
import binascii
import hashlib
import os
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.clock import Clock

NONCE_BYTES: Final = 12
"""What AES-GCM takes (bytes)."""


class Damaged(Exception):
    """It is not ours, or of another purpose."""


class Expired(Exception):
    """It is past its time."""


class StateSealer:
    """By AES-GCM with the purpose as additional data: nobody reads what is inside, or swaps it."""

    def __init__(self, secret: bytes, lifetime_seconds: int, clock: Clock) -> None:
        self._cipher = AESGCM(hashlib.sha256(secret).digest())
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock

    def expiry(self) -> int:
        """When what is sealed now expires (seconds since 1970)."""
        return int(self._clock.now().timestamp()) + self._lifetime_seconds

    def seal(self, purpose: str, state: list[Any], expires: int | None = None) -> str:
        """Letters, digits, "-" and "_"; `expires` in seconds since 1970."""
        nonce = os.urandom(NONCE_BYTES)
        payload = msgspec.json.encode([expires or self.expiry(), *state])
        return _encoded(nonce + self._cipher.encrypt(nonce, payload, purpose.encode()))

    def open(self, purpose: str, text: str) -> list[Any]:
        """The state; raises `Damaged` or `Expired`."""
        sealed = _decoded(text)
        try:
            payload = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise Damaged from error
        expires, *state = msgspec.json.decode(payload, type=list[Any])
        if expires < self._clock.now().timestamp():
            raise Expired
        return state


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise Damaged from error
    if _encoded(raw) != text:  # decoding passes over characters that are none of the alphabet
        raise Damaged
    return raw
