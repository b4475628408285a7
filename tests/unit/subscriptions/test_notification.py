"""The Bundles that tell of events, at each level of content, by R4 and by the profiles of the backport."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscriptions.notification import (
    Event,
    Resource,
    Stamp,
    Told,
    event_notification,
    handshake,
    heartbeat,
    query_events,
    query_status,
    status_bundle,
)
from subscriptions.request import Content
from subscriptions.topics import Interaction

BASE = "https://pharmacy.example/fhir"
TOPIC = "https://galenic.dev/fhir/SubscriptionTopic/prescription-received"
TOLD = Told(f"{BASE}/Subscription/s1", TOPIC, "active", 7, None, BASE)
STAMP = Stamp("292d3c72-edc1-4d8a-afaa-d85e19c7f563", "7bd91d26-c951-4520-9ac6-67f41bfbe897", "2026-03-01T10:00:01Z")
PROFILES = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-subscription-"


def an_order(identity: str = "o1", text: str = "lisinopril") -> Resource:
    order = {"resourceType": "MedicationRequest", "id": identity, "status": "active", "intent": "order"}
    medication = {"medicationCodeableConcept": {"text": text}}
    return order | medication | {"subject": {"reference": f"Patient/{identity}"}}


def an_event(number: int = 7, interaction: Interaction = "create", identity: str = "o1", **changes: Any) -> Event:
    resource = None if interaction == "delete" else an_order(identity)
    event = Event(number, "2026-03-01T10:00:00Z", f"MedicationRequest/{identity}", interaction, resource)
    return replace(event, **changes)


def status_of(bundle: Resource) -> Resource:
    status: Resource = bundle["entry"][0]["resource"]
    return status


def part(status: Resource, name: str) -> list[Resource]:
    return [one for one in status["parameter"] if one["name"] == name]


def test_full_resource_has_the_focus_and_its_resource() -> None:
    bundle = event_notification(TOLD, [an_event()], "full-resource", STAMP)
    assert part(status_of(bundle), "notification-event") == [
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": "7"},
                {"name": "timestamp", "valueInstant": "2026-03-01T10:00:00Z"},
                {"name": "focus", "valueReference": {"reference": f"{BASE}/MedicationRequest/o1"}},
            ],
        }
    ]
    assert bundle["entry"][1:] == [
        {
            "fullUrl": f"{BASE}/MedicationRequest/o1",
            "resource": an_order(),
            "request": {"method": "POST", "url": "MedicationRequest"},
            "response": {"status": "201"},
        }
    ]


def test_id_only_has_the_focus_and_an_entry_without_its_resource() -> None:
    bundle = event_notification(TOLD, [an_event(interaction="update")], "id-only", STAMP)
    (event,) = part(status_of(bundle), "notification-event")
    assert event["part"][2]["valueReference"] == {"reference": f"{BASE}/MedicationRequest/o1"}
    assert bundle["entry"][1:] == [
        {
            "fullUrl": f"{BASE}/MedicationRequest/o1",
            "request": {"method": "PUT", "url": "MedicationRequest/o1"},
            "response": {"status": "200"},
        }
    ]


def test_empty_has_neither_focus_nor_topic_nor_further_entries() -> None:
    bundle = event_notification(TOLD, [an_event()], "empty", STAMP)
    assert len(bundle["entry"]) == 1
    assert part(status_of(bundle), "notification-event") == [
        {
            "name": "notification-event",
            "part": [
                {"name": "event-number", "valueString": "7"},
                {"name": "timestamp", "valueInstant": "2026-03-01T10:00:00Z"},
            ],
        }
    ]
    assert part(status_of(bundle), "topic") == []


@pytest.mark.parametrize("content", get_args(Content))
def test_an_event_whose_access_was_lost_keeps_its_number_and_shows_nothing(content: Content) -> None:
    lost = an_event(focus=None, resource=None)
    bundle = event_notification(TOLD, [lost], content, STAMP)
    (event,) = part(status_of(bundle), "notification-event")
    assert [one["name"] for one in event["part"]] == ["event-number", "timestamp"]
    assert len(bundle["entry"]) == 1


def test_a_deletion_says_so_and_has_no_resource() -> None:
    deleted = an_event(interaction="delete", resource=an_order())
    entry = event_notification(TOLD, [deleted], "full-resource", STAMP)["entry"][1]
    assert entry["request"] == {"method": "DELETE", "url": "MedicationRequest/o1"}
    assert entry["response"] == {"status": "204"}
    assert "resource" not in entry


def test_several_events_are_told_in_their_order() -> None:
    events = [an_event(6), an_event(7, "update", "o2")]
    bundle = event_notification(TOLD, events, "full-resource", STAMP)
    numbers = [one["part"][0]["valueString"] for one in part(status_of(bundle), "notification-event")]
    assert numbers == ["6", "7"]
    assert [one["fullUrl"] for one in bundle["entry"][1:]] == [
        f"{BASE}/MedicationRequest/{one}" for one in ("o1", "o2")
    ]


@pytest.mark.parametrize(
    ("bundle", "kind"),
    [
        (handshake(TOLD, STAMP), "handshake"),
        (heartbeat(TOLD, STAMP), "heartbeat"),
        (event_notification(TOLD, [an_event()], "id-only", STAMP), "event-notification"),
        (query_events(TOLD, [an_event()], "id-only", STAMP), "query-event"),
    ],
)
def test_every_notification_is_led_by_the_status_of_its_kind(bundle: Resource, kind: str) -> None:
    assert (bundle["type"], bundle["id"], bundle["timestamp"]) == ("history", STAMP.bundle, STAMP.at)
    assert bundle["meta"] == {"profile": [f"{PROFILES}notification-r4"]}
    first = bundle["entry"][0]
    assert first["fullUrl"] == f"urn:uuid:{STAMP.status}"
    assert first["request"] == {"method": "GET", "url": "Subscription/s1/$status"}
    assert first["resource"]["meta"] == {"profile": [f"{PROFILES}status-r4"]}
    assert first["resource"]["parameter"][:5] == [
        {"name": "subscription", "valueReference": {"reference": f"{BASE}/Subscription/s1"}},
        {"name": "topic", "valueCanonical": TOPIC},
        {"name": "status", "valueCode": "active"},
        {"name": "type", "valueCode": kind},
        {"name": "events-since-subscription-start", "valueString": "7"},
    ]


@pytest.mark.parametrize("notify", [handshake, heartbeat])
def test_handshakes_and_heartbeats_tell_of_no_event(notify: Callable[[Told, Stamp], Resource]) -> None:
    bundle = notify(TOLD, STAMP)
    assert len(bundle["entry"]) == 1
    assert part(status_of(bundle), "notification-event") == []


def test_the_status_of_a_subscription_in_error_says_what_went_wrong() -> None:
    status = query_status(replace(TOLD, status="error", error="The endpoint did not answer"), STAMP.status)
    assert part(status, "type") == [{"name": "type", "valueCode": "query-status"}]
    assert part(status, "error") == [{"name": "error", "valueCodeableConcept": {"text": "The endpoint did not answer"}}]


def test_a_plain_subscription_has_no_topic_to_tell() -> None:
    assert part(status_of(heartbeat(replace(TOLD, topic=None), STAMP)), "topic") == []


def test_the_statuses_of_several_subscriptions_are_a_searchset() -> None:
    statuses = [query_status(TOLD, STAMP.status), query_status(TOLD, STAMP.bundle)]
    bundle = status_bundle(statuses, STAMP.bundle, STAMP.at)
    assert (bundle["type"], bundle["total"]) == ("searchset", 2)
    assert [one["resource"] for one in bundle["entry"]] == statuses
    assert [one["fullUrl"] for one in bundle["entry"]] == [f"urn:uuid:{STAMP.status}", f"urn:uuid:{STAMP.bundle}"]


def test_no_subscriptions_have_no_statuses() -> None:
    assert "entry" not in status_bundle([], STAMP.bundle, STAMP.at)


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=8, max_size=12)
events_of_orders = st.builds(
    an_event,
    st.integers(1, 10**9),
    st.sampled_from(get_args(Interaction)),
    st.just("canary-id"),
    resource=names.map(lambda text: an_order("canary-id", f"canary-text {text}")),
    focus=st.sampled_from(["MedicationRequest/canary-id", None]),
)
several_events = st.lists(events_of_orders, max_size=4)


@given(several_events)
def test_empty_shows_no_canary_of_a_resource_nor_of_its_id(events: list[Event]) -> None:
    for notify in (event_notification, query_events):
        assert "canary" not in json.dumps(notify(TOLD, events, "empty", STAMP))


@given(several_events)
def test_id_only_shows_ids_and_no_canary_of_a_resource(events: list[Event]) -> None:
    for notify in (event_notification, query_events):
        bundle = notify(TOLD, events, "id-only", STAMP)
        assert "canary-text" not in json.dumps(bundle)
        assert [one for one in bundle["entry"][1:] if "resource" in one] == []


@given(several_events, st.sampled_from(get_args(Content)))
def test_every_bundle_is_valid_by_r4(
    problems: Callable[[Resource], list[str]], events: list[Event], content: Content
) -> None:
    statuses = [query_status(TOLD, STAMP.status)]
    made = [notify(TOLD, STAMP) for notify in (handshake, heartbeat)]
    made += [notify(TOLD, events, content, STAMP) for notify in (event_notification, query_events)]
    made += [status_bundle(statuses, STAMP.bundle, STAMP.at), status_bundle([], STAMP.bundle, STAMP.at)]
    assert [problems(bundle) for bundle in made] == [[] for _ in made]


def test_the_validator_would_see_an_entry_without_request_or_response(
    problems: Callable[[Resource], list[str]],
) -> None:
    for name in ("request", "response"):
        bundle = event_notification(TOLD, [an_event()], "id-only", STAMP)
        del bundle["entry"][1][name]
        assert problems(bundle) != []
