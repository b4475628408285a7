"""What clients and browsers carry about: random, without meaning, and known to the database by its SHA-256 only."""

import hashlib
import secrets
from typing import Final

RANDOM_BYTES: Final = 32


def fresh() -> str:
    """256 random bits, in letters that need no escaping in a URL."""
    return secrets.token_urlsafe(RANDOM_BYTES)


def digest(text: str) -> bytes:
    """SHA-256. No salt and no stretching: what is hashed was drawn by `fresh`, nobody guesses it."""
    return hashlib.sha256(text.encode()).digest()
