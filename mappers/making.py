"""What a mapping is handed: it has no clock, no randomness and no settings of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final
from urllib.parse import quote
from uuid import UUID, uuid5

LOCAL_SYSTEM: Final = "urn:galenic:partner"
"""Begins the systems of what only a partner can tell apart: its record numbers, its own codes."""


@dataclass(frozen=True, slots=True)
class Making:
    """`seed` is drawn from the message, so that mapping it again names everything alike.

    `partner` is who sent it: identifiers and codes without a system of their own are theirs. `zone` is the one their
    clocks show where a time names none. `authorities` are the systems of their assigning authorities, by namespace id.
    `places` are references to where what they send belongs, `Location/1`, by type: for what names no place itself.
    """

    partner: str
    now: datetime
    seed: UUID
    zone: tzinfo = UTC
    authorities: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, str] = field(default_factory=dict)

    def new_id(self, name: str) -> str:
        """The id of what a message calls `name` (`Patient`, `MedicationRequest[2]`): a UUID, always the same."""
        return str(uuid5(self.seed, name))

    def full_url(self, name: str) -> str:
        return f"urn:uuid:{self.new_id(name)}"

    def system_of(self, namespace: str) -> str:
        """The system of identifiers or codes that a partner names by a word; "" is the partner's own."""
        words = (quote(word, safe="") for word in (self.partner, namespace) if word)
        return self.authorities.get(namespace) or ":".join((LOCAL_SYSTEM, *words))

    def may_name(self, system: str) -> bool:
        """Whether a partner may say that something is of a system: not of one that is another partner's own.

        Identifiers decide whose a patient or an order is, so nobody speaks in the name of somebody else.
        """
        own = ":".join((LOCAL_SYSTEM, quote(self.partner, safe="")))
        is_local = system.lower().startswith(LOCAL_SYSTEM)
        return not is_local or system == own or system.startswith(f"{own}:")
