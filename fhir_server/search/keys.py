"""Keyed 64-bit hashes of search keys: without the key of this server nobody can try values against the index.

A hash is a filter, not an identity: where it would decide whose record this is, the value itself is compared.
"""

import hashlib
from functools import lru_cache

LOCK_BUCKETS = 1024
"""Advisory locks a database has to hold at most for one transaction (locks); 20,000 exhaust the lock table."""

_CACHED_HASHES = 32_768
"""Hashes kept in memory: statuses, categories and codes come again and again (hashes)."""


class KeyHasher:
    """Hashes (type, parameter, key) under `GALENIC_INDEX_KEY`."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self.token = lru_cache(maxsize=_CACHED_HASHES)(self._token)

    def link(self, type_name: str, name: str, target: str) -> int:
        """The token of a local reference: the database can take either half out of it again.

        `key(type, name) # self` of the target's row is the token, so references are joined without a table of them.
        """
        return self.key(type_name, name) ^ self.identity(target)

    def key(self, type_name: str, name: str) -> int:
        """The key of a parameter's values in side tables, and the parameter's half of a link."""
        return self.token("", "name", f"{type_name}\0{name}")

    def identity(self, target: str) -> int:
        """A resource's half of the links to it: `self` in its row."""
        return self.token("", "self", target)

    def _token(self, type_name: str, parameter: str, key: str) -> int:
        text = f"{type_name}\0{parameter}\0{key}".encode()
        digest = hashlib.blake2b(text, digest_size=8, key=self._secret).digest()
        return int.from_bytes(digest, "big", signed=True)


def lock_bucket(token: int) -> int:
    """The advisory lock that stands for a token hash."""
    return token % LOCK_BUCKETS
