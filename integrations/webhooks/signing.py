"""Signatures by which a receiver knows that a message is ours and unchanged: Standard Webhooks, symmetric (`v1`).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import hmac
import re
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - how a secret begins, not one
SECRET_BYTES_MIN: Final = 24
SECRET_BYTES_MAX: Final = 64

MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
"""Without a full stop, which ends the id in what is signed; a FHIR id may have one."""


def signed(message_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> tuple[tuple[str, str], ...]:
    """The three headers of a message; `timestamp` is this attempt's (seconds since 1970), the id every attempt's.

    One signature for each secret, the newest first; `ValueError` without one, or for an id with a full stop.
    """
    if not MESSAGE_ID.fullmatch(message_id):
        raise ValueError("a message id has letters, digits, _ and -")
    if not secrets or not all(SECRET_BYTES_MIN <= len(secret) <= SECRET_BYTES_MAX for secret in secrets):
        raise ValueError("a message is signed with secrets of 24 to 64 bytes")
    content = f"{message_id}.{timestamp}.".encode() + body
    signatures = " ".join(f"v1,{_base64(hmac.digest(secret, content, 'sha256'))}" for secret in secrets)
    return (ID, message_id), (TIMESTAMP, str(timestamp)), (SIGNATURE, signatures)


def shown(secret: bytes) -> str:
    """A secret as its receiver gets it: `whsec_…`."""
    return SECRET_PREFIX + _base64(secret)


def _base64(value: bytes) -> str:
    return b64encode(value).decode()
