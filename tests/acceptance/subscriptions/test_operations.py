"""$status and $events. docs/operations/status.md."""

import pytest

from subscriptions.topics import BASE, TOPICS
from tests.acceptance.outcomes import VALIDATOR, refused
from tests.acceptance.subscriptions.subscriber import (
    RECEIVED,
    becomes,
    events,
    numbers,
    parameter,
    subscribe,
    subscribed,
)
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
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


@pytest.fixture
async def two(client):
    """The ids of one that is in error, and of one that is off."""
    wanted = [subscribe(client, a_subscription("http://127.0.0.1:1/", RECEIVED)) for _ in range(2)]
    for id_ in wanted:
        await becomes(client, id_, "error")
    switched = client.get(f"/Subscription/{wanted[1]}").json() | {"status": "off"}
    assert client.put(f"/Subscription/{wanted[1]}", json=switched).status_code == 200
    return wanted


def ids(response):
    """Of the Subscriptions that are told of."""
    assert response.status_code == 200, response.text
    found = [parameters(entry["resource"])["subscription"]["reference"] for entry in response.json().get("entry", ())]
    return [one.rpartition("/")[2] for one in found]


def parameters(resource):
    return {one["name"]: value for one in resource["parameter"] for name, value in one.items() if name != "name"}


def test_several_ids_and_several_statuses_are_joined_by_or(client, two):
    error, off = two
    both = f"id={error}&id={off}"
    assert ids(client.get(f"/Subscription/$status?{both}")) == two
    assert ids(client.get(f"/Subscription/$status?{both}&status=off")) == [off]
    assert ids(client.get(f"/Subscription/$status?{both}&status=error&status=active")) == [error]
    assert ids(client.get(f"/Subscription/$status?{both}&status=active")) == []
    named = [{"name": "id", "valueId": one} for one in two] + [{"name": "status", "valueCode": "error"}]
    posted = {"resourceType": "Parameters", "parameter": named}
    assert ids(client.post("/Subscription/$status", json=posted)) == [error]


def test_without_ids_all_are_told_of_and_without_statuses_those_of_any(client, two):
    assert set(ids(client.get("/Subscription/$status"))) >= set(two)
    assert set(two) & set(ids(client.get("/Subscription/$status?status=off"))) == {two[1]}


def test_ids_and_statuses_mean_nothing_where_one_is_asked(client, two):
    error, off = two
    assert ids(client.get(f"/Subscription/{error}/$status?id={off}&status=off")) == [error]
    named = [{"name": "id", "valueId": off}, {"name": "status", "valueCode": "off"}]
    assert ids(
        client.post(f"/Subscription/{error}/$status", json={"resourceType": "Parameters", "parameter": named})
    ) == [error]


def test_statuses_are_a_valid_searchset_of_one_each(client, two):
    found = client.get(f"/Subscription/$status?id={','.join(two)}").json()
    assert VALIDATOR.validate(found) == []
    assert (found["type"], found["total"]) == ("searchset", 2)
    for entry, state in zip(found["entry"], ["error", "off"], strict=True):
        told = parameters(entry["resource"])
        assert (told["type"], told["status"], told["events-since-subscription-start"]) == ("query-status", state, "0")


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


@pytest.mark.parametrize(
    ("asked", "told"), [("", "1234"), ("eventsSinceNumber=3", "34"), ("eventsUntilNumber=2", "12")]
)
async def test_both_ends_of_a_range_belong_to_it(client, asked, told):
    patient = a_patients_id(client)
    async with listening() as sink:
        wanted = await subscribed(client, sink, patient)
        for _ in range(4):
            prescribe(client, patient)
        await eventually(lambda: len(numbers(sink.heard)) == 4)
    found = client.get(f"/Subscription/{wanted}/$events?{asked}").json()
    assert [one["event-number"] for one in events(found)] == list(told)
    assert len(found["entry"]) == 1 + len(told)


@pytest.mark.parametrize(
    ("content", "entries", "resources"), [("empty", 1, 0), ("id-only", 2, 0), ("full-resource", 2, 1)]
)
async def test_events_are_a_valid_notification_of_the_content_that_is_asked_for(client, content, entries, resources):
    patient = a_patients_id(client)
    async with listening() as sink:
        wanted = await subscribed(client, sink, patient)
        prescribe(client, patient)
        await eventually(lambda: numbers(sink.heard) == [1])
    found = client.get(f"/Subscription/{wanted}/$events?content={content}").json()
    assert VALIDATOR.validate(found) == []
    assert (found["type"], found["entry"][0]["resource"]["resourceType"]) == ("history", "Parameters")
    assert len(found["entry"]) == entries
    assert len([entry for entry in found["entry"][1:] if "resource" in entry]) == resources


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
