"""Keys that sign id_tokens: one signs, the next is announced before it does, former ones stay announced for a while.

So `galenic keys rotate` logs nobody out. https://openid.net/specs/openid-connect-core-1_0.html#RotateSigningKeys
"""

import os
from typing import Any, Final, NamedTuple

from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc.jwk import RSAKey
from psycopg.types.json import Jsonb

from fhir_server.identity.transactions import Transaction

RSA_BITS: Final = 2048
NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32

KEEP_DAYS: Final = 7
"""How long a retired key stays announced; no id_token lives nearly as long (days)."""

LOCK: Final = "LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE"
ACTIVE: Final = "SELECT id, private_key FROM signing_key WHERE state = 'active'"
ANNOUNCED: Final = """
SELECT public_jwk FROM signing_key
WHERE state <> 'retired' OR retired > clock_timestamp() - make_interval(days => %(days)s) ORDER BY created DESC
"""
LIST: Final = "SELECT id, state, created, retired FROM signing_key ORDER BY created"
RETIRE: Final = "UPDATE signing_key SET state = 'retired', retired = clock_timestamp() WHERE state = 'active'"
ADVANCE: Final = "UPDATE signing_key SET state = 'active' WHERE state = 'next'"
ADD: Final = """
INSERT INTO signing_key (id, state, public_jwk, private_key) VALUES (%(id)s, %(state)s, %(public)s, %(private)s)
"""


class SigningKey(NamedTuple):
    id: str
    key: RSAKey


class SigningKeys:
    """`secret` is one of the installation (32 bytes): private keys are in the database encrypted under it only."""

    def __init__(self, secret: bytes) -> None:
        derived = HKDF(SHA256(), KEY_BYTES, salt=None, info=b"galenic signing keys").derive(secret)
        self._cipher = AESGCM(derived)

    def active(self, transaction: Transaction) -> SigningKey:
        """The key that signs; the first one asked for is made."""
        row = transaction.execute(ACTIVE).fetchone()
        if row is None:
            self._make_first(transaction)
            row = transaction.execute(ACTIVE).fetchone()
        assert row is not None  # noqa: S101 - just made, or made by who held the lock before
        return SigningKey(row["id"], self._opened(row["id"], row["private_key"]))

    def rotate(self, transaction: Transaction) -> str:
        """The next key signs from now on, and one more is announced; returns the id of the key that signs."""
        transaction.execute(LOCK)
        transaction.execute(RETIRE)
        if transaction.execute(ADVANCE).rowcount == 0:
            self._add(transaction, "active")
        self._add(transaction, "next")
        return self.active(transaction).id

    def _make_first(self, transaction: Transaction) -> None:
        transaction.execute(LOCK)
        if transaction.execute(ACTIVE).fetchone() is None:
            self._add(transaction, "active")
            self._add(transaction, "next")

    def _add(self, transaction: Transaction, state: str) -> None:
        key = RSAKey.generate_key(RSA_BITS, auto_kid=True)
        key_id = str(key.kid)
        public = key.as_dict(private=False) | {"kid": key_id, "use": "sig", "alg": "RS256"}
        values = {"id": key_id, "state": state, "public": Jsonb(public), "private": self._sealed(key_id, key)}
        transaction.execute(ADD, values)

    def _sealed(self, key_id: str, key: RSAKey) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key.as_der(private=True), key_id.encode())

    def _opened(self, key_id: str, sealed: bytes) -> RSAKey:
        der = self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key_id.encode())
        return RSAKey.import_key(der)


def announced(transaction: Transaction) -> dict[str, Any]:
    """The JWKS: public keys only."""
    rows = transaction.execute(ANNOUNCED, {"days": KEEP_DAYS}).fetchall()
    return {"keys": [row["public_jwk"] for row in rows]}
