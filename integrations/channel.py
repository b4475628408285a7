"""What the channels of Subscriptions have in common: where a message goes, what it is, and that it did not arrive."""

from dataclasses import dataclass, field
from typing import Literal

from integrations.guarded.fields import Field
from integrations.guarded.outbound import Method

Kind = Literal["handshake", "heartbeat", "events"]


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a subscription wants its messages; `headers` are its own (`Authorization`)."""

    endpoint: str = field(repr=False)
    headers: tuple[Field, ...] = field(repr=False)
    timeout_seconds: float
    secrets: tuple[bytes, ...] = field(repr=False)
    """Each message is signed with all of them."""
    subscription: str
    """The id of the Subscription."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """`message_id` is the same in every attempt; `suffix` goes below the endpoint (`/Patient/1`)."""

    message_id: str
    body: bytes = field(repr=False)
    content_type: str
    """"" where there is no body."""
    method: Method = "POST"
    suffix: str = ""
    kind: Kind = "events"


class NotDelivered(Exception):
    """Nothing says that the message arrived. `reason` repeats nothing of the answer, the URL or the headers."""

    def __init__(self, reason: str, status: int | None = None, retry_after_seconds: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        """What was answered; None where nothing was."""
        self.retry_after_seconds = retry_after_seconds
        """How long the receiver asks us to wait, 1 to 3,600 s; None where it does not."""


class Gone(NotDelivered):
    """The receiver wants no more of these messages: it is not tried again."""
