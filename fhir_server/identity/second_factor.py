"""The second factor: one-time codes of an authenticator app, and recovery codes for the day the telephone is lost.

Time-based one-time passwords by RFC 6238: six digits, thirty seconds, a step to either side, no code twice.
https://www.rfc-editor.org/rfc/rfc6238
"""

import base64
import hashlib
import hmac
import os
import re
import secrets
import time
from collections.abc import Callable
from typing import Final

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fhir_server.errors import GalenicError
from fhir_server.identity.transactions import Transaction

STEP_SECONDS: Final = 30
STEPS_EITHER_SIDE: Final = 1
"""How far a telephone's clock may be off (steps)."""

RECOVERY_CODES: Final = 10
RECOVERY_BYTES: Final = 10
"""Chance in a recovery code: 16 characters (bytes)."""

NONCE_BYTES: Final = 12
ISSUER: Final = "Galenic"

STATE: Final = "SELECT secret, confirmed FROM second_factor WHERE person = %s"
BEGIN: Final = "INSERT INTO second_factor (person, secret) VALUES (%s, %s) ON CONFLICT (person) DO NOTHING"
CONFIRM: Final = "UPDATE second_factor SET confirmed = clock_timestamp() WHERE person = %s AND confirmed IS NULL"
TAKE_STEP: Final = "UPDATE second_factor SET last_step = %s WHERE person = %s AND last_step < %s"
RESET: Final = "DELETE FROM second_factor WHERE person = %s"
FORGET_CODES: Final = "DELETE FROM recovery_code WHERE person = %s"
KEEP_CODE: Final = "INSERT INTO recovery_code (person, hash) VALUES (%s, %s)"
TAKE_CODE: Final = """
UPDATE recovery_code SET used = clock_timestamp() WHERE person = %s AND hash = %s AND used IS NULL
"""
LEFT: Final = "SELECT count(*) AS left FROM recovery_code WHERE person = %s AND used IS NULL"


class WrongIdentityKey(GalenicError):
    """A second factor was stored under another key than the one that is set."""


class SecondFactors:
    """`key` is 32 bytes; secrets are sealed with it by AES-256-GCM, each bound to its person."""

    def __init__(self, key: bytes, now: Callable[[], float] = time.time) -> None:
        self._sealer = AESGCM(key)
        self._key = key
        self._now = now

    def has(self, transaction: Transaction, person: str) -> bool:
        """Whether the person has one that was proven once."""
        row = transaction.execute(STATE, (person,)).fetchone()
        return row is not None and row["confirmed"] is not None

    def begin(self, transaction: Transaction, person: str) -> str | None:
        """The secret to be shown until it is confirmed, the same each time; None where there is a confirmed one."""
        transaction.execute(BEGIN, (person, self._sealed(person, pyotp.random_base32())))
        row = transaction.execute(STATE, (person,)).fetchone()
        return None if row is None or row["confirmed"] else self._opened(person, row["secret"])

    def confirm(self, transaction: Transaction, person: str, code: str) -> list[str] | None:
        """Recovery codes, shown this once; None for a wrong code, or where there is nothing to confirm."""
        if self.has(transaction, person) or not self.accept_code(transaction, person, code):
            return None
        if not transaction.execute(CONFIRM, (person,)).rowcount:
            return None
        return self._new_recovery_codes(transaction, person)

    def accept_code(self, transaction: Transaction, person: str, code: str) -> bool:
        """Whether it is the code of now, and of a later step than the one taken last."""
        row = transaction.execute(STATE, (person,)).fetchone()
        if row is None:
            return False
        step = self._step(pyotp.TOTP(self._opened(person, row["secret"])), _digits(code))
        return step is not None and transaction.execute(TAKE_STEP, (step, person, step)).rowcount > 0

    def accept_recovery_code(self, transaction: Transaction, person: str, code: str) -> bool:
        """Each is taken once."""
        return transaction.execute(TAKE_CODE, (person, self._code_hash(person, code))).rowcount > 0

    def recovery_codes_left(self, transaction: Transaction, person: str) -> int:
        row = transaction.execute(LEFT, (person,)).fetchone()
        return int(row["left"]) if row else 0

    def reset(self, transaction: Transaction, person: str) -> None:
        """The person enrols again at the next login."""
        transaction.execute(RESET, (person,))
        transaction.execute(FORGET_CODES, (person,))

    def _step(self, totp: pyotp.TOTP, code: str) -> int | None:
        """The step whose code this is; each is compared, so that time tells nothing."""
        present = int(self._now()) // STEP_SECONDS
        window = range(present - STEPS_EITHER_SIDE, present + STEPS_EITHER_SIDE + 1)
        fitting = [step for step in window if hmac.compare_digest(totp.generate_otp(step), code)]
        return max(fitting, default=None)

    def _new_recovery_codes(self, transaction: Transaction, person: str) -> list[str]:
        transaction.execute(FORGET_CODES, (person,))
        codes = [_readable(secrets.token_bytes(RECOVERY_BYTES)) for _ in range(RECOVERY_CODES)]
        for code in codes:
            transaction.execute(KEEP_CODE, (person, self._code_hash(person, code)))
        return codes

    def _code_hash(self, person: str, code: str) -> bytes:
        """Keyed; a code has 80 bits of chance, so that it needs no slow hash."""
        plain = re.sub(r"[^A-Z2-7]", "", code.upper())
        return hmac.new(self._key, f"recovery:{person}:{plain}".encode(), hashlib.sha256).digest()

    def _sealed(self, person: str, secret: str) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._sealer.encrypt(nonce, secret.encode(), person.encode())

    def _opened(self, person: str, sealed: bytes) -> str:
        try:
            return self._sealer.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], person.encode()).decode()
        except InvalidTag as error:
            raise WrongIdentityKey("A second factor was stored under another key; set that key again") from error


def provisioning_uri(secret: str, login: str) -> str:
    """What the QR code holds. https://github.com/google/google-authenticator/wiki/Key-Uri-Format."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def _digits(code: str) -> str:
    return re.sub(r"\s", "", code) if code.isascii() else ""


def _readable(chance: bytes) -> str:
    """ABCD-EFGH-IJKL-MNOP."""
    text = base64.b32encode(chance).decode()
    return "-".join(text[place : place + 4] for place in range(0, len(text), 4))
