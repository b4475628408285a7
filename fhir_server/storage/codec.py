"""The only place that knows how a body lies in its `bytea` column."""

from typing import Final

from fhir_server.errors import GalenicError

PLAIN: Final = 0
"""The bytes that are answered, as they are."""


def encode(body: bytes) -> tuple[bytes, int]:
    """The stored bytes and the codec that reads them back."""
    return body, PLAIN


def decode(stored: bytes, codec: int) -> bytes:
    if codec != PLAIN:
        raise GalenicError(f"bodies of codec {codec} were written by a later release")
    return stored
