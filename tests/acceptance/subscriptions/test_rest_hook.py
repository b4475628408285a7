"""Subscribers over HTTP: each event once or more, in its order. docs/subscriptions/rest-hook.md."""

import json

import httpx

from tests.acceptance.subscriptions.subscriber import RECEIVED, becomes, bundles, events, numbers, parameter, subscribe
from tests.builders.resources import PLACED, a_patient
from tests.builders.subscriptions import a_plain_subscription, a_subscription
from tests.running.sink import answering, listening
from tests.running.waiting import eventually


def prescribe(client: httpx.Client, patient: str, **elements: object) -> str:
    """A prescription's id."""
    order = {"resourceType": "MedicationRequest", **PLACED, "subject": {"reference": f"Patient/{patient}"}, **elements}
    answer = client.post("/MedicationRequest", json=order)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def a_patients_id(client: httpx.Client) -> str:
    return client.post("/Patient", json=a_patient()).json()["id"]


async def test_a_subscriber_is_asked_first_and_then_told_of_each_prescription_in_its_order(client):
    patient = a_patients_id(client)
    async with listening() as sink:
        endpoint = f"http://127.0.0.1:{sink.port}/notify"
        wanted = subscribe(client, a_subscription(endpoint, RECEIVED, f"MedicationRequest?patient=Patient/{patient}"))
        await becomes(client, wanted, "active")
        (shaken,) = bundles(sink.heard, "handshake")
        assert parameter(shaken, "status") == "requested"
        prescribed = [prescribe(client, patient) for _ in range(5)]
        await eventually(lambda: len(numbers(sink.heard)) >= 5)
        assert numbers(sink.heard) == [1, 2, 3, 4, 5]
        told = [one for bundle in bundles(sink.heard, "event-notification") for one in events(bundle)]
        references = [one["focus"]["reference"].rpartition("/")[2] for one in told]
        assert references == prescribed


async def test_a_sink_that_fails_is_told_again_and_misses_nothing(client):
    patient, failing = a_patients_id(client), [True]

    async def behave(heard, writer):
        is_event = b"event-notification" in heard.body
        await answering("500 No" if is_event and failing[0] else "200 OK")(heard, writer)

    async with listening(behave) as sink:
        endpoint = f"http://127.0.0.1:{sink.port}/"
        wanted = subscribe(client, a_subscription(endpoint, RECEIVED, f"MedicationRequest?patient=Patient/{patient}"))
        await becomes(client, wanted, "active")
        for _ in range(3):
            prescribe(client, patient)
        await eventually(lambda: len(numbers(sink.heard)) >= 2)
        failing[0] = False
        await eventually(lambda: 3 in numbers(sink.heard))
        told = numbers(sink.heard)
        assert sorted(set(told)) == [1, 2, 3]
        assert told == sorted(told)
        again = [one for one in sink.heard if b"event-notification" in one.body and numbers([one]) == [1]]
        assert len({one.header("webhook-id") for one in again}) == 1 < len(again)


async def test_who_refuses_the_handshake_is_in_error(client):
    async with listening(answering("403 No")) as sink:
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED))
        found = await becomes(client, wanted, "error")
        assert "403" in found["error"]


async def test_a_plain_subscription_of_r4_gets_the_resource_by_put(client):
    patient = a_patients_id(client)
    async with listening() as sink:
        criteria = f"MedicationRequest?patient=Patient/{patient}&status=active"
        wanted = subscribe(client, a_plain_subscription(f"http://127.0.0.1:{sink.port}/fhir", criteria))
        await becomes(client, wanted, "active")
        prescribed = prescribe(client, patient)
        prescribe(client, patient, status="draft")
        await eventually(lambda: len(sink.heard) >= 2)
        assert sink.heard[1].line == f"PUT /fhir/MedicationRequest/{prescribed} HTTP/1.1"
        assert json.loads(sink.heard[1].body)["id"] == prescribed


async def test_a_client_does_not_say_that_it_is_active(client):
    asked = a_subscription("http://127.0.0.1:1/", RECEIVED) | {"status": "active"}
    answer = client.post("/Subscription", json=asked)
    assert answer.status_code == 422
    assert "Subscription.status" in answer.text
