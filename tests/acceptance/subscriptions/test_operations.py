"""$status and $events. docs/operations/status.md."""

import pytest

from subscriptions.topics import BASE, TOPICS
from tests.acceptance.outcomes import refused
from tests.acceptance.subscriptions.subscriber import becomes, events, numbers, parameter, subscribe
from tests.acceptance.subscriptions.test_rest_hook import RECEIVED, a_patients_id, prescribe
from tests.builders.subscriptions import a_subscription
from tests.running.sink import listening
from tests.running.waiting import eventually


async def test_the_status_of_one_and_of_several_is_told(client):
    async with listening() as sink:
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED))
        await becomes(client, wanted, "active")
    found = client.get(f"/Subscription/{wanted}/$status").json()
    assert found["type"] == "searchset"
    assert parameter(found, "type") == "query-status"
    assert parameter(found, "status") == "active"
    assert parameter(found, "subscription").get("reference").endswith(f"/Subscription/{wanted}")
    assert parameter(found, "events-since-subscription-start") == "0"
    for asked in (f"id={wanted}", f"id={wanted}&status=active,off", f"id=no,{wanted}"):
        assert client.get(f"/Subscription/$status?{asked}").json()["total"] == 1
    assert client.get(f"/Subscription/$status?id={wanted}&status=error").json()["total"] == 0
    posted = {"resourceType": "Parameters", "parameter": [{"name": "id", "valueId": wanted}]}
    assert client.post("/Subscription/$status", json=posted).json()["total"] == 1


async def test_any_range_of_events_can_be_asked_for_again(client):
    patient = a_patients_id(client)
    async with listening() as sink:
        narrowed = f"MedicationRequest?patient=Patient/{patient}"
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed))
        await becomes(client, wanted, "active")
        prescribed = [prescribe(client, patient) for _ in range(4)]
        await eventually(lambda: len(numbers(sink.heard)) == 4)
    found = client.get(f"/Subscription/{wanted}/$events").json()
    assert parameter(found, "type") == "query-event"
    assert [one["event-number"] for one in events(found)] == ["1", "2", "3", "4"]
    assert [one["focus"]["reference"].rpartition("/")[2] for one in events(found)] == prescribed
    some = client.get(f"/Subscription/{wanted}/$events?eventsSinceNumber=2&eventsUntilNumber=3&content=full-resource")
    assert [entry["resource"]["id"] for entry in some.json()["entry"][1:]] == prescribed[1:3]
    assert parameter(some.json(), "events-since-subscription-start") == "4"
    none = client.get(f"/Subscription/{wanted}/$events?eventsSinceNumber=9").json()
    assert events(none) == []


@pytest.mark.parametrize("asked", ["eventsSinceNumber=x", "eventsUntilNumber=-1", "content=all", "since=1"])
async def test_what_events_cannot_be_asked_is_refused(client, asked):
    wanted = subscribe(client, a_subscription("http://127.0.0.1:1/", RECEIVED))
    refused(client.get(f"/Subscription/{wanted}/$events?{asked}"), 400, 422)


def test_operations_of_a_subscription_are_of_no_other_type_and_of_none_that_is_not_there(client):
    refused(client.get("/Patient/1/$events"), 404)
    refused(client.get("/Patient/$status"), 404)
    refused(client.get("/Subscription/no/$status"), 404)
    refused(client.get("/Subscription/no/$events"), 404)


def test_the_topics_are_named_in_the_capabilities(client):
    resources = client.get("/metadata").json()["rest"][0]["resource"]
    (found,) = [one for one in resources if one["type"] == "Subscription"]
    assert [one["valueCanonical"] for one in found["extension"]] == list(TOPICS)
    assert {one["name"] for one in found["operation"]} >= {"status", "events"}
    assert f"{BASE}prescription-received" in TOPICS
