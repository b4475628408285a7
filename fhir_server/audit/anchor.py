"""The head of the chain, signed and kept outside the database: what was sealed by then cannot be unsaid.

Whoever may change the whole database may seal it anew from the first record; the hash at an anchored batch would then
be another one. Ed25519: https://www.rfc-editor.org/rfc/rfc8032
"""

import base64
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from fhir_server.audit.canonical import moment
from fhir_server.audit.verify import Problem
from fhir_server.storage.database import Connection

ALGORITHM: Final = "Ed25519"
HEAD: Final = """
SELECT batch, hash, sealed, (SELECT sum(count) FROM audit_seal)::bigint, clock_timestamp()
FROM audit_seal ORDER BY batch DESC LIMIT 1
"""
HASH_OF: Final = "SELECT hash FROM audit_seal WHERE batch = %s"


class BadAnchor(Exception):
    """The file is no anchor, or not signed by the key; the message says which."""


class BadKey(Exception):
    """The file holds no Ed25519 key."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """`batch` is the last seal's number, `hash` its hash; `records` how many the chain had by then."""

    batch: int
    hash: bytes
    sealed: datetime
    records: int
    anchored: datetime

    def signed(self, key: Ed25519PrivateKey) -> bytes:
        """JSON with the signature of all the rest of it."""
        said = self._said()
        signature = base64.b64encode(key.sign(_bytes(said))).decode()
        return msgspec.json.format(_bytes(said | {"signature": signature}), indent=2) + b"\n"

    def _said(self) -> dict[str, Any]:
        return {
            "algorithm": ALGORITHM,
            "anchored": moment(self.anchored),
            "batch": self.batch,
            "hash": self.hash.hex(),
            "records": self.records,
            "sealed": moment(self.sealed),
        }


def read_anchor(text: bytes, key: Ed25519PublicKey) -> Anchor:
    """Raises `BadAnchor`."""
    try:
        said = msgspec.json.decode(text, type=dict[str, Any])
        signature = base64.b64decode(said.pop("signature"), validate=True)
        key.verify(signature, _bytes(said))
        times = {name: datetime.fromisoformat(said[name]) for name in ("sealed", "anchored")}
        return Anchor(said["batch"], bytes.fromhex(said["hash"]), records=said["records"], **times)
    except InvalidSignature as error:
        raise BadAnchor("it is not signed by this installation's key, or has been changed") from error
    except (msgspec.DecodeError, ValueError, KeyError, TypeError) as error:
        raise BadAnchor("it is not an anchor") from error


async def current_anchor(connection: Connection) -> Anchor | None:
    """Of the chain as it stands; None where nothing is sealed yet."""
    row = await (await connection.execute(HEAD)).fetchone()
    return Anchor(*row) if row else None


async def compare(connection: Connection, anchor: Anchor) -> list[Problem]:
    """What an anchor says and the chain does not."""
    row = await (await connection.execute(HASH_OF, (anchor.batch,))).fetchone()
    if row is None:
        cut = "the chain has been cut: this batch was its head when it was anchored"
        return [Problem("anchor", anchor.batch, at=anchor.sealed, detail=cut)]
    if row[0] != anchor.hash:
        return [
            Problem("anchor", anchor.batch, at=anchor.sealed, detail="the chain was made anew after it was anchored")
        ]
    return []


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The key in a PEM file; made, with its public half beside it, where there is none. Raises `BadKey`, `OSError`."""
    if not path.exists():
        _make(path)
    key = _loaded(path, private=True)
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path} holds no Ed25519 private key in PEM")
    return key


def public_key(path: Path) -> Ed25519PublicKey:
    """Raises `BadKey` and `OSError`."""
    key = _loaded(path, private=False)
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{path} holds no Ed25519 public key in PEM")
    return key


def public_path(path: Path) -> Path:
    """Where the public half of a private key lies."""
    return path.with_suffix(".pub.pem")


def _loaded(path: Path, *, private: bool) -> Any:
    text = path.read_bytes()
    try:
        return load_pem_private_key(text, None) if private else load_pem_public_key(text)
    except (ValueError, TypeError) as error:
        raise BadKey(f"{path} holds no key in PEM") from error


def _make(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    _write(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    _write(public_path(path), public, 0o644)


def _write(path: Path, text: bytes, mode: int) -> None:
    """Never over another file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def write_anchor(path: Path, text: bytes) -> None:
    """Raises `FileExistsError` where there is one: an anchor is kept, not replaced."""
    _write(path, text, 0o644)


def _bytes(said: dict[str, Any]) -> bytes:
    return msgspec.json.encode(said, order="sorted")
