"""The history Bundles that tell of events, by the profiles of the backport for R4. Pure.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription-notification-r4.html
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from subscriptions.request import Content
from subscriptions.topics import Interaction

Resource = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """The subscription a notification is of."""

    subscription_url: str
    """`https://pharmacy.example/fhir/Subscription/1`"""
    topic: str | None
    status: str
    events_since_start: int
    """How many events it has had, those of this notification among them; handshakes and heartbeats do not count."""
    error: str | None
    """What went wrong, as a sentence."""
    base_url: str
    """`https://pharmacy.example/fhir`"""


@dataclass(frozen=True, slots=True)
class Additional:
    """A resource that goes along with the focus of an event."""

    reference: str
    """`Patient/1`"""
    resource: Resource | None
    """None where it is not told, or not there any more."""


@dataclass(frozen=True, slots=True)
class Event:
    number: int
    """1, 2, 3 …, without gaps."""
    timestamp: str
    """instant"""
    focus: str | None
    """`MedicationRequest/1`; None where its subscriber may not see it any more."""
    interaction: Interaction
    resource: Resource | None
    additional: tuple[Additional, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a notification is known by: two UUIDs in lower case, and the instant it is made at."""

    bundle: str
    """Bundle.id"""
    status: str
    """Id of the Parameters, whose fullUrl is `urn:uuid:…`."""
    at: str
    """Bundle.timestamp"""


def handshake(told: Told, stamp: Stamp) -> Resource:
    """Asks an endpoint whether it takes notifications."""
    raise NotImplementedError


def heartbeat(told: Told, stamp: Stamp) -> Resource:
    """Says that the subscription is alive."""
    raise NotImplementedError


def event_notification(told: Told, events: Sequence[Event], content: Content, stamp: Stamp) -> Resource:
    raise NotImplementedError


def query_events(told: Told, events: Sequence[Event], content: Content, stamp: Stamp) -> Resource:
    """The answer to `$events`."""
    raise NotImplementedError


def query_status(told: Told, identity: str) -> Resource:
    """The Parameters of a subscription in the answer to `$status`; `identity` is their id, a UUID."""
    raise NotImplementedError


def status_bundle(statuses: Sequence[Resource], identity: str, at: str) -> Resource:
    """The answer to `$status`: a searchset of the Parameters of `query_status`; `identity` is Bundle.id."""
    raise NotImplementedError
