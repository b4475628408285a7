"""What a Subscription asks for, or why it is refused: what would not be delivered is not accepted. Pure.

https://hl7.org/fhir/R4/subscription.html, https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/components.html
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

Channel = Literal["rest-hook", "websocket", "email"]
Content = Literal["empty", "id-only", "full-resource"]

SUPPORTED_CHANNELS: Final[frozenset[Channel]] = frozenset({"rest-hook"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a subscription is refused; it repeats no value."""

    place: str
    """FHIRPath: `Subscription.channel.endpoint`."""
    code: str
    """Of R4's issue types: `required`, `value`, `not-supported`, `security`, `too-long`, `too-costly`."""
    text: str


class Refused(Exception):
    """A Subscription that would not be delivered as it asks, with everything that is wrong with it."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(f"{one.place}: {one.text}" for one in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Requested:
    """A Subscription, read."""

    topic: str | None
    """The canonical of a topic; None in a plain R4 subscription."""
    criteria: str
    """Of a plain R4 subscription, `MedicationRequest?status=active` or `MedicationRequest`; "" with a topic."""
    filters: tuple[str, ...]
    """What the topic is narrowed by, each `MedicationRequest?patient=Patient/1`; all of them have to be met."""
    channel: Channel
    endpoint: str
    """An absolute URL; "" of a websocket."""
    headers: tuple[tuple[str, str], ...]
    """Names and values, as they are sent along: they may hold the sink's secret."""
    content: Content
    mime: str
    """As it was asked for, `application/fhir+json`; "" where a plain R4 subscription wants no payload."""
    heartbeat_seconds: int | None
    timeout_seconds: int | None
    max_count: int
    """At most so many events in one notification."""
    end: str | None
    """The instant it ends at, as it was sent."""
    status: str
    """As it was sent."""


def requested(resource: dict[str, Any], *, allow_plain: bool = False) -> Requested:
    """What a Subscription, valid by R4, asks for; `Refused` names every problem there is with it.

    `allow_plain` lets endpoints be http, for development. Whether `end` has passed is for the caller to judge.
    """
    raise NotImplementedError
