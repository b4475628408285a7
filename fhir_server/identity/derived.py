"""Keys for one purpose each, made of the one secret of an installation. https://www.rfc-editor.org/rfc/rfc5869."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32


def derived(secret: bytes, purpose: str) -> bytes:
    """32 bytes; who knows them knows neither the secret nor the key of another purpose."""
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=f"galenic {purpose}".encode()).derive(secret)
