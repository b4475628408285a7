"""What notifications are on the wire: by R4, by the profiles of the backport, and no more than was asked for.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/notifications.html
"""

import json
from uuid import uuid4

import pytest

from tests.acceptance.outcomes import VALIDATOR
from tests.acceptance.subscriptions.subscriber import RECEIVED, bundles, events, numbers, parameter, subscribed
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.builders.subscriptions import BACKPORT, extension
from tests.running.sink import Heard, listening
from tests.running.waiting import eventually

LEVELS = {"empty": [], "id-only": ["topic", "type", "id"], "full-resource": ["topic", "type", "id", "patient", "value"]}
"""What a notification says of an event."""


def whole(heard: Heard) -> str:
    """All of a request."""
    return "\n".join([heard.line, *(f"{name}: {value}" for name, value in heard.headers), heard.body.decode()])


def with_canaries(canary: str) -> dict:
    """A prescription that has one wherever it has a value."""
    return {
        "identifier": [{"system": f"urn:{canary}", "value": canary}],
        "medicationCodeableConcept": {"text": canary},
        "note": [{"text": canary}],
        "dosageInstruction": [{"text": canary}],
    }


async def told_of_one(client, content, **asked):
    """The request that tells of a prescription, the prescription and its canary."""
    patient, canary = a_patients_id(client), uuid4().hex
    async with listening() as sink:
        await subscribed(client, sink, patient, content=content, **asked)
        id_ = prescribe(client, patient, **with_canaries(canary))
        await eventually(lambda: numbers(sink.heard) == [1])
    return sink.heard[-1], client.get(f"/MedicationRequest/{id_}").json(), canary


@pytest.mark.parametrize(("content", "said"), LEVELS.items())
async def test_a_request_says_of_a_resource_what_its_content_level_allows(client, content, said):
    heard, order, canary = await told_of_one(client, content)
    patient = order["subject"]["reference"].rpartition("/")[2]
    marks = {"topic": RECEIVED, "type": "MedicationRequest", "id": order["id"], "patient": patient, "value": canary}
    assert [name for name, mark in marks.items() if mark in whole(heard)] == said


async def test_an_empty_notification_has_neither_focus_nor_further_entries(client):
    heard, _, _ = await told_of_one(client, "empty")
    bundle = json.loads(heard.body)
    assert [set(one) for one in events(bundle)] == [{"event-number", "timestamp"}]
    assert len(bundle["entry"]) == 1
    assert parameter(bundle, "topic") is None


async def test_an_id_only_notification_has_the_focus_and_its_url_in_an_entry(client, galenic):
    heard, order, _ = await told_of_one(client, "id-only")
    bundle = json.loads(heard.body)
    url = f"{galenic.base_url}/MedicationRequest/{order['id']}"
    assert [one["focus"] for one in events(bundle)] == [{"reference": url}]
    request = {"method": "POST", "url": "MedicationRequest"}
    assert bundle["entry"][1:] == [{"fullUrl": url, "request": request, "response": {"status": "201"}}]


async def test_a_full_notification_has_the_focus_and_the_resource_in_an_entry(client, galenic):
    heard, order, _ = await told_of_one(client, "full-resource")
    bundle = json.loads(heard.body)
    url = f"{galenic.base_url}/MedicationRequest/{order['id']}"
    assert [one["focus"] for one in events(bundle)] == [{"reference": url}]
    assert [(entry["fullUrl"], entry["resource"]) for entry in bundle["entry"][1:]] == [(url, order)]
    assert parameter(bundle, "topic") == RECEIVED


async def test_what_was_deleted_is_an_entry_that_says_so_and_has_no_resource(client, galenic):
    patient = a_patients_id(client)
    async with listening() as sink:
        cancelled = RECEIVED.replace("received", "cancelled")
        await subscribed(client, sink, patient, content="full-resource", criteria=cancelled)
        id_ = prescribe(client, patient)
        assert client.delete(f"/MedicationRequest/{id_}").status_code == 204
        await eventually(lambda: numbers(sink.heard) == [1])
    (bundle,) = bundles(sink.heard, "event-notification")
    url = f"MedicationRequest/{id_}"
    deleted = {"request": {"method": "DELETE", "url": url}, "response": {"status": "204"}}
    assert bundle["entry"][1:] == [{"fullUrl": f"{galenic.base_url}/{url}"} | deleted]


async def notifications(client, content):
    """The id of a Subscription, its handshake and what it was told of a prescription."""
    patient = a_patients_id(client)
    async with listening() as sink:
        id_ = await subscribed(client, sink, patient, content=content)
        prescribe(client, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
    return id_, [json.loads(one.body) for one in sink.heard]


@pytest.mark.parametrize("content", LEVELS)
async def test_notifications_are_history_bundles_that_are_valid_by_r4(client, content):
    _, found = await notifications(client, content)
    assert [bundle["type"] for bundle in found] == ["history", "history"]
    assert [VALIDATOR.validate(bundle) for bundle in found] == [[], []]
    assert all(entry.keys() >= {"fullUrl", "request", "response"} for one in found for entry in one["entry"])
    assert {one["meta"]["profile"][0] for one in found} == {f"{BACKPORT}backport-subscription-notification-r4"}


async def test_each_is_led_by_the_status_of_its_subscription(client, galenic):
    id_, found = await notifications(client, "id-only")
    said = [("handshake", "requested", "0"), ("event-notification", "active", "1")]
    for bundle, (kind, state, count) in zip(found, said, strict=True):
        first = bundle["entry"][0]
        assert first["resource"]["resourceType"] == "Parameters"
        assert first["resource"]["meta"]["profile"] == [f"{BACKPORT}backport-subscription-status-r4"]
        assert first["request"] == {"method": "GET", "url": f"Subscription/{id_}/$status"}
        assert parameter(bundle, "subscription") == {"reference": f"{galenic.base_url}/Subscription/{id_}"}
        assert parameter(bundle, "type") == kind
        assert parameter(bundle, "status") == state
        assert parameter(bundle, "events-since-subscription-start") == count


async def test_events_are_numbered_and_counted_from_one_on(client):
    patient = a_patients_id(client)
    async with listening() as sink:
        await subscribed(client, sink, patient)
        for count in (1, 2, 3):
            prescribe(client, patient)
            await eventually(lambda count=count: len(numbers(sink.heard)) == count)
    found = bundles(sink.heard, "event-notification")
    assert [parameter(one, "events-since-subscription-start") for one in found] == ["1", "2", "3"]
    assert numbers(sink.heard) == [1, 2, 3]


@pytest.mark.parametrize("mime", ["application/json", "application/fhir+json; fhirVersion=4.0"])
async def test_the_content_type_is_the_one_that_was_asked_for(client, mime):
    level = {"extension": [extension("backport-payload-content", valueCode="id-only")]}
    heard, _, _ = await told_of_one(client, "id-only", channel={"payload": mime, "_payload": level})
    assert heard.header("content-type") == mime


async def test_each_header_of_the_channel_is_conveyed(client):
    heard, _, _ = await told_of_one(client, "empty", channel={"header": ["Authorization: Bearer its.own", "X-Ward: 3"]})
    assert (heard.header("authorization"), heard.header("x-ward")) == ("Bearer its.own", "3")
    assert heard.line == "POST / HTTP/1.1"


async def test_an_event_has_to_meet_all_filters(client):
    patient = a_patients_id(client)
    stat = extension("backport-filter-criteria", valueString="MedicationRequest?priority=stat")
    narrowed = extension("backport-filter-criteria", valueString=f"MedicationRequest?patient=Patient/{patient}")
    async with listening() as sink:
        await subscribed(client, sink, patient, _criteria={"extension": [stat, narrowed]})
        prescribe(client, patient, priority="routine")
        prescribe(client, a_patients_id(client), priority="stat")
        met = prescribe(client, patient, priority="stat")
        await eventually(lambda: numbers(sink.heard) == [1])
    (told,) = events(bundles(sink.heard, "event-notification")[0])
    assert told["focus"]["reference"].endswith(f"/{met}")
