"""The websocket: bound by a token, told of each event in its order, with no more than was asked for.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/channels.html#websockets
"""

import asyncio
from uuid import uuid4

import pytest

from tests.acceptance.outcomes import VALIDATOR
from tests.acceptance.subscriptions.listener import (
    a_pass,
    by_websocket,
    connected,
    listened,
    listening_to,
    number_of,
)
from tests.acceptance.subscriptions.subscriber import RECEIVED, becomes, events, parameter, subscribe
from tests.acceptance.subscriptions.test_access import ask
from tests.acceptance.subscriptions.test_notifications import LEVELS, with_canaries
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.running.waiting import eventually


def prescribed_at_once(client, patient, count):
    """By several writers."""
    return asyncio.gather(*(asyncio.to_thread(prescribe, client, patient) for _ in range(count)))


def told(listener):
    """The ids of what it was told of."""
    found = [one for bundle in listener.of("event-notification") for one in events(bundle)]
    return [one["focus"]["reference"].rpartition("/")[2] for one in found]


async def test_a_socket_is_greeted_and_then_told_of_each_prescription_in_its_order(client):
    patient = a_patients_id(client)
    id_ = await listened(client, patient)
    async with listening_to(client, id_) as listener:
        (greeted,) = listener.bundles
        assert (parameter(greeted, "status"), parameter(greeted, "events-since-subscription-start")) == ("active", "0")
        prescribed = [prescribe(client, patient) for _ in range(5)]
        await listener.until(lambda: listener.numbers == [1, 2, 3, 4, 5])
        assert told(listener) == prescribed


@pytest.mark.parametrize(("content", "said"), LEVELS.items())
async def test_a_message_says_of_a_resource_what_its_content_level_allows(client, content, said):
    patient, canary = a_patients_id(client), uuid4().hex
    id_ = await listened(client, patient, content=content)
    async with listening_to(client, id_) as listener:
        order = prescribe(client, patient, **with_canaries(canary))
        await listener.until(lambda: listener.numbers == [1])
    marks = {"topic": RECEIVED, "type": "MedicationRequest", "id": order, "patient": patient, "value": canary}
    assert [name for name, mark in marks.items() if mark in listener.said[-1]] == said
    assert [VALIDATOR.validate(bundle) for bundle in listener.bundles] == [[], []]


async def test_numbers_have_no_gaps_however_many_write_and_however_many_come_in_one_message(client):
    patient = a_patients_id(client)
    one, ten = [await listened(client, patient, extension=[number_of("max-count", most)]) for most in (1, 10)]
    async with listening_to(client, one) as single, listening_to(client, ten) as several:
        prescribed = await prescribed_at_once(client, patient, 40)
        for listener in (single, several):
            await listener.until(lambda listener=listener: len(listener.numbers) >= 40)
            assert listener.numbers == list(range(1, 41))
            assert sorted(told(listener)) == sorted(prescribed)
    assert len(single.of("event-notification")) == 40
    assert max(len(events(bundle)) for bundle in several.of("event-notification")) <= 10


async def test_who_comes_back_is_told_what_was_not_told_and_nothing_twice(client):
    patient = a_patients_id(client)
    id_ = await listened(client, patient)
    prescribe(client, patient)
    async with listening_to(client, id_) as first:
        await first.until(lambda: first.numbers == [1])
        prescribe(client, patient)
        await first.until(lambda: first.numbers == [1, 2])
    for _ in range(2):
        prescribe(client, patient)
    async with listening_to(client, id_) as second:
        await second.until(lambda: second.numbers == [3, 4])
    found = client.get(f"/Subscription/{id_}/$events").json()
    assert [one["event-number"] for one in events(found)] == ["1", "2", "3", "4"]


async def test_each_of_two_sockets_is_told_every_event_after_it_was_bound(client):
    patient = a_patients_id(client)
    id_ = await listened(client, patient)
    async with listening_to(client, id_) as first:
        prescribe(client, patient)
        await first.until(lambda: first.numbers == [1])
        async with listening_to(client, id_) as second:
            for _ in range(10):
                prescribe(client, patient)
            await first.until(lambda: first.numbers == list(range(1, 12)))
            await second.until(lambda: second.numbers == list(range(2, 12)))


async def test_one_socket_is_bound_to_many_subscriptions_by_one_token_and_by_several(client):
    patients = [a_patients_id(client) for _ in range(3)]
    ids = [await listened(client, patient) for patient in patients]
    async with listening_to(client, *ids[:2]) as listener:
        await listener.bind(client, ids[2])
        await listener.bind(client, ids[0])
        for patient in patients:
            prescribe(client, patient)
        await listener.until(lambda: listener.numbers == [1, 1, 1])
        greeted = [parameter(one, "subscription")["reference"].rpartition("/")[2] for one in listener.of("handshake")]
        assert sorted(greeted) == sorted([*ids, ids[0]])


async def test_each_binding_is_greeted_however_soon_it_comes(client):
    patient = a_patients_id(client)
    id_ = await listened(client, patient)
    token = a_pass(client, id_)["token"]
    async with connected(str(client.base_url)) as listener:
        for _ in range(3):
            await listener.say(f"bind-with-token {token}")
        await listener.until(lambda: len(listener.of("handshake")) == 3)
        prescribe(client, patient)
        await listener.until(lambda: listener.numbers == [1])
    assert len(listener.bundles) == 4


async def test_a_token_is_for_the_subscriptions_it_names_and_says_where_to_go(client, galenic):
    ids = [await listened(client, "nobody") for _ in range(2)]
    found = a_pass(client, *ids)
    assert sorted(found["subscription"]) == sorted(ids)
    assert found["websocket-url"] == f"{galenic.base_url.replace('http', 'ws')}/websocket"
    posted = client.post(
        "/Subscription/$get-ws-binding-token",
        json={"resourceType": "Parameters", "parameter": [{"name": "id", "valueId": one} for one in ids]},
    )
    assert [one["name"] for one in posted.json()["parameter"]] == [
        "token",
        "expiration",
        "subscription",
        "subscription",
        "websocket-url",
    ]
    assert VALIDATOR.validate(posted.json()) == []
    single = client.post(f"/Subscription/{ids[0]}/$get-ws-binding-token").json()
    assert [one["valueString"] for one in single["parameter"] if one["name"] == "subscription"] == [ids[0]]


async def test_a_heartbeat_comes_when_nothing_was_said_for_its_period(client, galenic):
    """The period is cut in the database: the shortest that can be asked for is long to wait for."""
    id_ = await listened(client, "nobody", extension=[number_of("heartbeat-period", 10)])
    ask(galenic, "UPDATE subscription SET heartbeat_seconds = 1 WHERE id = %s", id_)
    async with listening_to(client, id_) as listener:
        await listener.until(lambda: len(listener.of("heartbeat")) == 2)
    assert [parameter(one, "status") for one in listener.of("heartbeat")] == ["active", "active"]
    assert [events(one) for one in listener.of("heartbeat")] == [[], []]


async def test_a_subscription_that_is_switched_off_says_so_last(client):
    id_ = await listened(client, "nobody")
    async with listening_to(client, id_) as listener:
        switched = client.get(f"/Subscription/{id_}").json() | {"status": "off"}
        assert client.put(f"/Subscription/{id_}", json=switched).status_code == 200
        await listener.until(lambda: listener.closed)
    assert [parameter(one, "status") for one in listener.bundles] == ["active", "off"]
    assert listener.closed == (1000, "nothing is bound any more")


async def test_a_subscription_that_ends_is_told_to_be_off(client, galenic):
    id_ = await listened(client, "nobody")
    async with listening_to(client, id_) as listener:
        ask(galenic, "UPDATE subscription SET ends = clock_timestamp() WHERE id = %s", id_)
        ask(galenic, "UPDATE job SET state = 'waiting', due = now() FROM subscription s WHERE s.id = %s"
            " AND key = 'notify/' || s.rid", id_)  # fmt: skip
        await listener.until(lambda: listener.closed)
    assert [parameter(one, "status") for one in listener.bundles] == ["active", "off"]


async def test_a_subscription_that_is_deleted_or_goes_another_way_is_not_bound_any_more(client):
    gone, moved, kept = [await listened(client, "nobody") for _ in range(3)]
    async with listening_to(client, gone, moved, kept) as listener:
        assert client.delete(f"/Subscription/{gone}").status_code == 204
        await listener.until(lambda: listener.complaints == ["informational"])
        changed = client.get(f"/Subscription/{moved}").json()
        changed |= {"status": "requested"}
        changed["channel"] |= {"type": "rest-hook", "endpoint": "http://127.0.0.1:1/"}
        assert client.put(f"/Subscription/{moved}", json=changed).status_code == 200
        await listener.until(lambda: listener.complaints == ["informational"] * 2)
        assert listener.closed is None


async def test_a_subscription_that_is_changed_stays_bound(client):
    patient, other = a_patients_id(client), a_patients_id(client)
    id_ = await listened(client, patient)
    async with listening_to(client, id_) as listener:
        prescribe(client, patient)
        await listener.until(lambda: listener.numbers == [1])
        changed = by_websocket(f"MedicationRequest?patient=Patient/{other}") | {"id": id_}
        assert client.put(f"/Subscription/{id_}", json=changed).status_code == 200
        await becomes(client, id_, "active")
        await eventually(lambda: prescribe(client, other) and len(listener.numbers) > 1)
        assert listener.numbers[:2] == [1, 2]


async def test_without_a_topic_it_is_the_words_of_r4(client):
    """https://hl7.org/fhir/R4/subscription.html#websocket, with a token in place of the id."""
    patient = a_patients_id(client)
    plain = {
        "resourceType": "Subscription",
        "status": "requested",
        "reason": "x",
        "criteria": f"MedicationRequest?patient=Patient/{patient}",
        "channel": {"type": "websocket"},
    }
    id_ = subscribe(client, plain)
    await becomes(client, id_, "active")
    async with connected(str(client.base_url)) as listener:
        await listener.say(f"bind-with-token: {a_pass(client, id_)['token']}")
        await listener.until(lambda: listener.said == [f"bound {id_}"])
        prescribe(client, patient)
        await listener.until(lambda: listener.said == [f"bound {id_}", f"ping {id_}"])
        await listener.say(f"bind {id_}")
        await listener.until(lambda: listener.complaints == ["invalid"])


def test_the_capabilities_name_the_operation_and_the_socket(client, galenic):
    (rest,) = client.get("/metadata").json()["rest"]
    (found,) = [one for one in rest["resource"] if one["type"] == "Subscription"]
    assert "get-ws-binding-token" in {one["name"] for one in found["operation"]}
    assert [one["valueUri"] for one in rest["extension"]] == [f"{galenic.base_url.replace('http', 'ws')}/websocket"]
