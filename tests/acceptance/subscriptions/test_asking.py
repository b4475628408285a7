"""Subscriptions as resources: created, read, found, changed and deleted, and refused where they would not be delivered.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/conformance.html
"""

from uuid import uuid4

import pytest

from subscriptions.topics import BASE, TOPICS
from tests.acceptance.outcomes import refused
from tests.acceptance.subscriptions.subscriber import RECEIVED, becomes, bundles, numbers, subscribe, subscribed
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.builders.subscriptions import BACKPORT, a_plain_subscription, a_subscription, extension
from tests.running.sink import listening
from tests.running.waiting import eventually

NOWHERE = "http://127.0.0.1:1/"
ELSEWHERE = "http://127.0.0.1:2/"


def a_channel(**changes):
    """Some elements changed; those that are None are left out."""
    asked = a_subscription(NOWHERE, RECEIVED)
    channel = {name: value for name, value in (asked["channel"] | changes).items() if value is not None}
    return asked | {"channel": channel}


def content(code):
    return {"extension": [extension("backport-payload-content", valueCode=code)]}


WITHOUT_CRITERIA = {name: value for name, value in a_subscription(NOWHERE, RECEIVED).items() if name != "criteria"}


def of_type(client):
    """What the CapabilityStatement says of Subscriptions."""
    resources = client.get("/metadata").json()["rest"][0]["resource"]
    (found,) = [one for one in resources if one["type"] == "Subscription"]
    return found


async def test_what_was_asked_for_is_read_as_it_was_written_whatever_becomes_of_it(client):
    asked = a_subscription(NOWHERE, RECEIVED, "MedicationRequest?priority=stat")
    id_ = subscribe(client, asked)
    for found in (client.get(f"/Subscription/{id_}").json(), await becomes(client, id_, "error")):
        kept = {name: found[name] for name in asked if name not in ("meta", "status")}
        assert kept == {name: asked[name] for name in kept}
        assert found["meta"]["profile"] == [f"{BACKPORT}backport-subscription"]


@pytest.mark.parametrize("update", ["put", "patch"])
async def test_a_subscription_is_changed_and_then_told_elsewhere(client, update):
    patient = a_patients_id(client)
    async with listening() as before, listening() as after:
        id_ = await subscribed(client, before, patient)
        endpoint = f"http://127.0.0.1:{after.port}/"
        if update == "put":
            found = client.get(f"/Subscription/{id_}").json()
            changed = found | {"status": "requested", "channel": found["channel"] | {"endpoint": endpoint}}
            answer = client.put(f"/Subscription/{id_}", json=changed)
        else:
            patch = {"status": "requested", "channel": {"endpoint": endpoint}}
            headers = {"Content-Type": "application/merge-patch+json"}
            answer = client.patch(f"/Subscription/{id_}", json=patch, headers=headers)
        assert answer.status_code == 200, answer.text
        await becomes(client, id_, "active")
        prescribe(client, patient)
        await eventually(lambda: numbers(after.heard) == [1])
    assert numbers(before.heard) == []
    assert len(bundles(after.heard, "handshake")) == 1


async def test_a_subscription_that_is_deleted_or_off_is_told_nothing_more(client):
    patient = a_patients_id(client)
    async with listening() as deleted, listening() as off, listening() as kept:
        ids = [await subscribed(client, sink, patient) for sink in (deleted, off, kept)]
        assert client.delete(f"/Subscription/{ids[0]}").status_code == 204
        switched = client.get(f"/Subscription/{ids[1]}").json() | {"status": "off"}
        assert client.put(f"/Subscription/{ids[1]}", json=switched).json()["status"] == "off"
        prescribe(client, patient)
        await eventually(lambda: numbers(kept.heard) == [1])
    assert (numbers(deleted.heard), numbers(off.heard)) == ([], [])
    refused(client.get(f"/Subscription/{ids[0]}"), 410)
    refused(client.get(f"/Subscription/{ids[0]}/$status"), 404)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("url", "{endpoint}"),
        ("status", "requested,error"),
        ("criteria", RECEIVED),
        ("type", "rest-hook"),
        ("payload", "application/fhir+json"),
        ("contact", "{unique}"),
    ],
)
def test_subscriptions_are_found_by_the_parameters_of_r4(client, name, value):
    unique = uuid4().hex
    endpoint = f"{NOWHERE}{unique}"
    contact = [{"system": "other", "value": unique}]
    id_ = subscribe(client, a_subscription(endpoint, RECEIVED, contact=contact))
    asked = {name: value.format(endpoint=endpoint, unique=unique), "_id": id_}
    found = client.get("/Subscription", params=asked).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [id_]
    other = {"url": ELSEWHERE, "status": "off", "type": "email", "contact": uuid4().hex}.get(name, "Patient")
    assert "entry" not in client.get("/Subscription", params=asked | {name: other}).json()


def test_the_capabilities_are_those_of_a_server_of_the_guide(client):
    found = of_type(client)
    assert {one["code"] for one in found["interaction"]} >= {
        "read",
        "create",
        "update",
        "patch",
        "delete",
        "search-type",
    }
    assert {one["name"] for one in found["searchParam"]} >= {"url", "status"}
    operations = {one["name"]: one["definition"].rpartition("/")[2] for one in found["operation"]}
    names = ("status", "events", "get-ws-binding-token")
    assert operations == {name: f"backport-subscription-{name}" for name in names}
    assert found["supportedProfile"] == [f"{BACKPORT}backport-subscription"]


def test_the_topics_are_those_that_are_taken(client):
    named = of_type(client)["extension"]
    assert {one["url"] for one in named} == {f"{BACKPORT}capabilitystatement-subscriptiontopic-canonical"}
    assert [one["valueCanonical"] for one in named] == list(TOPICS)
    for topic in TOPICS:
        subscribe(client, a_subscription(NOWHERE, topic))


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        (a_subscription(NOWHERE, f"{BASE}stock-high"), "Subscription.criteria"),
        (a_subscription(NOWHERE, "http://hl7.org/SubscriptionTopic/admission"), "Subscription.criteria"),
        (WITHOUT_CRITERIA, "Subscription.criteria"),
        (a_plain_subscription(NOWHERE, "Nothing?status=active"), "Subscription.criteria"),
        (a_plain_subscription(NOWHERE, "MedicationRequest?nothing=1"), "Subscription.criteria"),
        (a_plain_subscription(NOWHERE, "MedicationRequest?patient.name=x"), "Subscription.criteria"),
        (
            a_subscription(NOWHERE, RECEIVED, "MedicationRequest?intent=order"),
            "Subscription.criteria.extension[0]",
        ),
        (a_subscription(NOWHERE, RECEIVED, "Patient?name=x"), "Subscription.criteria.extension[0]"),
        (a_channel(type="sms"), "Subscription.channel.type"),
        (a_channel(type="websocket", endpoint=None, header=["X-Pharmacy: 1"]), "Subscription.channel.header"),
        (
            a_channel(type="email", endpoint="mailto:a@b.example", _payload=content("empty")),
            "Subscription.channel.type",
        ),
        (a_channel(type="message"), "Subscription.channel.type"),
        (
            a_channel(_type={"extension": [extension("backport-channel-type", valueCoding={"code": "zulip"})]}),
            "Subscription.channel.type.extension[0]",
        ),
        (a_channel(endpoint=None), "Subscription.channel.endpoint"),
        (a_channel(endpoint="/notify"), "Subscription.channel.endpoint"),
        (a_channel(payload="application/fhir+xml"), "Subscription.channel.payload"),
        (a_channel(payload="application/fhir+json; fhirVersion=5.0"), "Subscription.channel.payload"),
        (a_channel(payload=None), "Subscription.channel.payload"),
        (a_channel(_payload=content("everything")), "Subscription.channel.payload"),
        (a_channel(_payload=None), "Subscription.channel.payload"),
        (a_channel(header=["Host: inside.example"]), "Subscription.channel.header[0]"),
    ],
)
def test_what_would_not_be_delivered_is_refused_and_the_element_is_named(client, asked, place):
    outcome = refused(client.post("/Subscription", json=asked), 400, 422)
    assert place in [expression for issue in outcome["issue"] for expression in issue["expression"]]
    put = asked | {"id": uuid4().hex}
    refused(client.put(f"/Subscription/{put['id']}", json=put), 400, 422)
    refused(client.get(f"/Subscription/{put['id']}"), 404)
