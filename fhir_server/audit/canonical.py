"""The form of a record that is hashed, and the hash of a batch of them.

A record is a JSON object as RFC 8785 writes it. A column that is null, empty or holds its default is left out: records
that were sealed before a column was added stay what they were. https://www.rfc-editor.org/rfc/rfc8785
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from fhir_server import tables
from fhir_server.audit.numbers import Numbers, written

NAMES: Final = tuple(c.name for c in tables.audit.columns)
SELECTED: Final = ", ".join(f"a.{name}::text::bigint" if name == "xid" else f"a.{name}" for name in NAMES)
"""The columns of `audit a` in the order of NAMES."""

DIGEST_BYTES: Final = 32
START: Final = bytes(DIGEST_BYTES)
"""What stands for the hash before the first batch."""

_DEFAULTS: Final[dict[str, Any]] = {"count": 1}
_ENCODER: Final = msgspec.json.Encoder(order="sorted")

Row = Sequence[Any]
"""A record as SELECTED gives it."""


def canonical(row: Row) -> bytes:
    pairs = zip(NAMES, row, strict=True)
    kept = {
        name: _plain(value) for name, value in pairs if value not in (None, "", []) and value != _DEFAULTS.get(name)
    }
    return _ENCODER.encode(kept)


def digest(row: Row) -> bytes:
    return hashlib.sha256(canonical(row)).digest()


def moment(instant: datetime) -> str:
    """To the microsecond, as PostgreSQL keeps it."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    return moment(value) if isinstance(value, datetime) else value


@dataclass(frozen=True, slots=True)
class Seal:
    """One link of the chain: a batch of records, in the order of their numbers.

    `numbers` is an int8multirange in PostgreSQL's own words, `digests` 32 bytes a record, `snapshot` the pg_snapshot up
    to which everything has been sealed.
    """

    batch: int
    sealed: datetime
    numbers: str
    count: int
    recorded_low: datetime
    recorded_high: datetime
    snapshot: str
    digests: bytes
    previous: bytes

    @property
    def hash(self) -> bytes:
        """SHA-256(hash before || what this seal says of itself || digest of each record)."""
        return hashlib.sha256(self.previous + self._head() + self.digests).digest()

    def _head(self) -> bytes:
        said = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("digests", "previous")}
        return _ENCODER.encode({name: _plain(value) for name, value in said.items()})


SEAL_NAMES: Final = tuple(f.name for f in fields(Seal))


def multirange(numbers: Iterable[int]) -> str:
    """Numbers as PostgreSQL writes a multirange of them: `{[1,4),[6,7)}`."""
    found = Numbers()
    for number in numbers:
        found.add(number, number + 1)
    return written(found.ranges)
