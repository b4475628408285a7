"""What binds a websocket to Subscriptions: a token of $get-ws-binding-token, which stands for whoever asked for it.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from fhir_server.clock import Clock
from fhir_server.errors import Unauthorized
from fhir_server.identity.sealed import Damaged, Expired, StateSealer
from fhir_server.storage.subscriptions import Row

LIFE_SECONDS: Final = 300
"""How long a token binds (seconds); what is bound stays so."""

PURPOSE: Final = "websocket binding"


@dataclass(frozen=True, slots=True)
class Holder:
    """A client, and the person who uses it (a UUID; "" for a system); both are "" without authorization."""

    client: str
    person: str

    def has_written(self, row: Row) -> bool:
        """Whether they are who is told what the Subscription is told."""
        return self == holder_of(row.access)


@dataclass(frozen=True, slots=True)
class Pass:
    """`subscriptions` are internal ids, each with what tells it from one of the same id before (`Row.began`).

    `token_id` names the access token it was given for ("" without authorization), and is no secret.
    """

    holder: Holder
    token_id: str
    subscriptions: tuple[tuple[int, int], ...]


class Passes:
    """Makes tokens and reads them; nothing is stored. `secret` is the same in all processes."""

    def __init__(self, secret: bytes, clock: Clock) -> None:
        self._sealer = StateSealer(secret, LIFE_SECONDS, clock)

    def seal(self, one: Pass) -> tuple[str, datetime]:
        """The token, and when it expires."""
        expires = self._sealer.expiry()
        state = [one.holder.client, one.holder.person, one.token_id, [list(pair) for pair in one.subscriptions]]
        return self._sealer.seal(PURPOSE, state, expires), datetime.fromtimestamp(expires, UTC)

    def open(self, token: str) -> Pass:
        """Raises `Unauthorized`."""
        try:
            client, person, token_id, pairs = self._sealer.open(PURPOSE, token)
        except (Damaged, Expired) as error:
            text = "The token is unknown or has expired; $get-ws-binding-token gives another"
            raise Unauthorized(text) from error
        return Pass(Holder(client, person), token_id, tuple((rid, began) for rid, began in pairs))


def holder_of(access: dict[str, str | None] | None) -> Holder:
    """Of what an access token stands for; None where there is no authorization."""
    return Holder(access["client"] or "", access["person"] or "") if access else Holder("", "")
