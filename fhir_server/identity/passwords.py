"""Passwords: argon2id, as RFC 9106 recommends where memory is scarce. Slow on purpose: call it in a thread.

https://www.rfc-editor.org/rfc/rfc9106, https://pages.nist.gov/800-63-4/sp800-63b.html#passwordver
"""

import secrets
import threading
import unicodedata
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

CHARACTERS_MIN: Final = 12
"""A shorter password is refused (characters)."""

CHARACTERS_MAX: Final = 200
"""A longer one is neither taken nor looked at (characters)."""

AT_ONCE_MAX: Final = 2
"""Passwords hashed at the same time in a process, 64 MiB each (passwords)."""

GENERATED_BYTES: Final = 15
"""Chance in a password made by us: 20 characters (bytes)."""


class Passwords:
    """Hashes and verifies; a password is compared after NFKC, so that keyboards do not matter."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._dummy = self._hasher.hash(secrets.token_hex())
        self._turn = threading.BoundedSemaphore(AT_ONCE_MAX)

    def hash(self, password: str) -> str:
        with self._turn:
            return self._hasher.hash(_normalised(password))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """False for a wrong password; takes as long where there is no hash, because nobody has that login."""
        with self._turn:
            try:
                self._hasher.verify(password_hash or self._dummy, _normalised(password))
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Whether it was made with other parameters than those of now."""
        return self._hasher.check_needs_rehash(password_hash)


def problem_of(password: str, login: str) -> str | None:
    """Why a password cannot be taken, as a sentence; None where it can."""
    text = _normalised(password)
    if not CHARACTERS_MIN <= len(text) <= CHARACTERS_MAX:
        return f"A password has {CHARACTERS_MIN} to {CHARACTERS_MAX} characters"
    if login and login.casefold() in text.casefold():
        return "A password must not contain the login"
    if len(set(text)) < CHARACTERS_MIN // 3:
        return "A password must not repeat the same few characters"
    return None


def generated() -> str:
    """A password nobody has to invent."""
    return secrets.token_urlsafe(GENERATED_BYTES)


def _normalised(password: str) -> str:
    return unicodedata.normalize("NFKC", password)[: CHARACTERS_MAX + 1]
