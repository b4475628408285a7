"""One version of one resource, as it is read and as it is written."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from fhir_server.search.index import IndexRow

Interaction = Literal["create", "update", "patch", "delete"]


@dataclass(frozen=True, slots=True)
class Version:
    """A stored version; `body` is None where it is the deletion."""

    rid: int
    type_name: str
    id: str
    version: int
    last_updated: datetime
    interaction: Interaction
    body: bytes | None
    compartments: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    may_be_denied: bool = True
    """Whether a Consent could deny somebody this; False only where it was read that none of its patients denies."""

    @property
    def deleted(self) -> bool:
        return self.body is None


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A version to be written, with its search row (None: the resource leaves the index)."""

    stored: Version
    previous_version: int | None
    index: IndexRow | None
    status: int
    """HTTP status the caller will see, for the audit record."""
    left: tuple[str, ...] = ()
    """The compartments of the version before: whose data it was."""
