"""Paging links: opaque, sealed, and good for a while."""

import base64
import binascii
import hashlib
import os
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.clock import Clock
from fhir_server.errors import Gone, Invalid

NONCE_BYTES = 12
"""What AES-GCM takes (bytes)."""


class CursorSealer:
    """Seals the state of a paged answer with what it was asked for: nobody reads a patient's name in it, or swaps it.

    https://csrc.nist.gov/pubs/sp/800/38/d/final
    """

    def __init__(self, secret: bytes, lifetime_seconds: int, clock: Clock) -> None:
        self._cipher = AESGCM(hashlib.sha256(secret).digest())
        self._lifetime_seconds = lifetime_seconds
        self._clock = clock

    def seal(self, purpose: str, state: list[Any]) -> str:
        expires = int(self._clock.now().timestamp()) + self._lifetime_seconds
        nonce = os.urandom(NONCE_BYTES)
        payload = msgspec.json.encode([expires, *state])
        return _encoded(nonce + self._cipher.encrypt(nonce, payload, purpose.encode()))

    def open(self, purpose: str, text: str) -> list[Any]:
        """The state; raises `Invalid` for a link that is not ours, `Gone` for one past its time."""
        sealed = _decoded(text)
        try:
            payload = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode())
        except (InvalidTag, ValueError) as error:
            raise Invalid("The paging link is damaged or belongs to another request or server") from error
        expires, *state = msgspec.json.decode(payload, type=list[Any])
        if expires < self._clock.now().timestamp():
            raise Gone(f"The paging link has expired; links live {self._lifetime_seconds} seconds")
        return state


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error) as error:
        raise Invalid("The paging link is damaged") from error
    if _encoded(raw) != text:  # decoding passes over characters that are none of the alphabet
        raise Invalid("The paging link is damaged")
    return raw
