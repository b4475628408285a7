"""The history Bundles that tell of events, by the profiles of the backport for R4. Pure.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/StructureDefinition-backport-subscription-notification-r4.html
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from subscriptions.request import Content, Resource
from subscriptions.topics import Interaction

_PROFILES: Final = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/"
NOTIFICATION: Final = f"{_PROFILES}backport-subscription-notification-r4"
STATUS: Final = f"{_PROFILES}backport-subscription-status-r4"

_METHODS: Final = {"create": "POST", "update": "PUT", "delete": "DELETE"}
_STATUSES: Final = {"create": "201", "update": "200", "delete": "204"}


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
class Event:
    number: int
    """1, 2, 3 …, without gaps."""
    timestamp: str
    """instant"""
    focus: str | None
    """`MedicationRequest/1`; None where its subscriber may not see it any more."""
    interaction: Interaction
    resource: Resource | None


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
    return _notification(told, "handshake", (), "empty", stamp)


def heartbeat(told: Told, stamp: Stamp) -> Resource:
    """Says that the subscription is alive."""
    return _notification(told, "heartbeat", (), "empty", stamp)


def event_notification(told: Told, events: Sequence[Event], content: Content, stamp: Stamp) -> Resource:
    """Tells of events, of which `empty` says no more than their numbers and times, and not even their topic."""
    return _notification(_untitled(told, content), "event-notification", events, content, stamp)


def query_events(told: Told, events: Sequence[Event], content: Content, stamp: Stamp) -> Resource:
    """The answer to `$events`."""
    return _notification(_untitled(told, content), "query-event", events, content, stamp)


def query_status(told: Told, identity: str) -> Resource:
    """The Parameters of a subscription in the answer to `$status`; `identity` is their id, a UUID in lower case."""
    return _status(told, "query-status", (), "empty", identity)


def status_bundle(statuses: Sequence[Resource], identity: str, at: str) -> Resource:
    """The answer to `$status`: a searchset of the Parameters of `query_status`.

    `identity` is Bundle.id, `at` its timestamp (instant).
    """
    entries = [{"fullUrl": f"urn:uuid:{one['id']}", "resource": one, "search": {"mode": "match"}} for one in statuses]
    bundle = {"resourceType": "Bundle", "id": identity, "type": "searchset", "timestamp": at, "total": len(entries)}
    return bundle | ({"entry": entries} if entries else {})


def _untitled(told: Told, content: Content) -> Told:
    """Without its topic, which says what kind of thing happened, where the content is to be empty."""
    return replace(told, topic=None) if content == "empty" else told


def _notification(told: Told, kind: str, events: Sequence[Event], content: Content, stamp: Stamp) -> Resource:
    return {
        "resourceType": "Bundle",
        "id": stamp.bundle,
        "meta": {"profile": [NOTIFICATION]},
        "type": "history",
        "timestamp": stamp.at,
        "entry": [
            {
                "fullUrl": f"urn:uuid:{stamp.status}",
                "resource": _status(told, kind, events, content, stamp.status),
                "request": {
                    "method": "GET",
                    "url": f"{told.subscription_url.removeprefix(told.base_url + '/')}/$status",
                },
                "response": {"status": "200"},
            },
            *(entry for event in events for entry in _entries(event, content, told.base_url)),
        ],
    }


def _status(told: Told, kind: str, events: Sequence[Event], content: Content, identity: str) -> Resource:
    parameters: list[Resource] = [
        {"name": "subscription", "valueReference": {"reference": told.subscription_url}},
        *([{"name": "topic", "valueCanonical": told.topic}] if told.topic else ()),
        {"name": "status", "valueCode": told.status},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": str(told.events_since_start)},
        *({"name": "notification-event", "part": _parts(event, content, told.base_url)} for event in events),
        *([{"name": "error", "valueCodeableConcept": {"text": told.error}}] if told.error else ()),
    ]
    return {"resourceType": "Parameters", "id": identity, "meta": {"profile": [STATUS]}, "parameter": parameters}


def _parts(event: Event, content: Content, base_url: str) -> list[Resource]:
    parts: list[Resource] = [
        {"name": "event-number", "valueString": str(event.number)},
        {"name": "timestamp", "valueInstant": event.timestamp},
    ]
    if content == "empty" or event.focus is None:
        return parts
    return [*parts, {"name": "focus", "valueReference": {"reference": f"{base_url}/{event.focus}"}}]


def _entries(event: Event, content: Content, base_url: str) -> Iterator[Resource]:
    """The focus as its change in the history; none where it is not told."""
    if content == "empty" or event.focus is None:
        return
    url = event.focus.partition("/")[0] if event.interaction == "create" else event.focus
    is_told = content == "full-resource" and event.interaction != "delete" and event.resource is not None
    yield {
        "fullUrl": f"{base_url}/{event.focus}",
        **({"resource": event.resource} if is_told else {}),
        "request": {"method": _METHODS[event.interaction], "url": url},
        "response": {"status": _STATUSES[event.interaction]},
    }
