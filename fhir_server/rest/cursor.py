"""Paging links: opaque, sealed, and good for a while."""

from typing import Any

from fhir_server.clock import Clock
from fhir_server.errors import Gone, Invalid
from fhir_server.identity.sealed import Damaged, Expired, StateSealer


class CursorSealer:
    """Seals the state of a paged answer with what it was asked for, in which there may be a patient's name."""

    def __init__(self, secret: bytes, lifetime_seconds: int, clock: Clock) -> None:
        self._sealer = StateSealer(secret, lifetime_seconds, clock)
        self._lifetime_seconds = lifetime_seconds

    def seal(self, purpose: str, state: list[Any]) -> str:
        return self._sealer.seal(purpose, state)

    def open(self, purpose: str, text: str) -> list[Any]:
        """The state; raises `Invalid` for a link that is not ours, `Gone` for one past its time."""
        try:
            return self._sealer.open(purpose, text)
        except Damaged as error:
            raise Invalid("The paging link is damaged or belongs to another request or server") from error
        except Expired as error:
            raise Gone(f"The paging link has expired; links live {self._lifetime_seconds} seconds") from error
