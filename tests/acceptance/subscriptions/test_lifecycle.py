"""A Subscription from its handshake to its errors, and what its channel may be asked for.

https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/workflow.html, https://hl7.org/fhir/uv/subscriptions-backport/STU1.1/errors.html
"""

import asyncio
import socket

import pytest

from tests.acceptance.subscriptions.subscriber import (
    RECEIVED,
    becomes,
    bundles,
    events,
    numbers,
    parameter,
    subscribe,
    subscribed,
)
from tests.acceptance.subscriptions.test_access import ask
from tests.acceptance.subscriptions.test_rest_hook import a_patients_id, prescribe
from tests.builders.subscriptions import a_subscription, extension
from tests.running.sink import answering, listening
from tests.running.waiting import eventually

PERIOD_SECONDS = 10
"""The shortest heartbeat there is."""

JOB = """
SELECT j.state, extract(epoch FROM j.due - s.told) FROM subscription s JOIN job j ON j.key = 'notify/' || s.rid
WHERE s.id = %s
"""
PERIOD_OVER = """
WITH told AS (UPDATE subscription SET told = told - make_interval(secs => %s) WHERE id = %s RETURNING rid)
UPDATE job SET due = now() FROM told WHERE key = 'notify/' || told.rid
"""


def asking(name, **value):
    """A channel with one of the guide's extensions."""
    return {"extension": [extension(f"backport-{name}", **value)]}


def status(client, id_):
    return client.get(f"/Subscription/{id_}/$status").json()


async def test_nothing_is_active_before_its_endpoint_has_accepted_the_handshake(client):
    answered = asyncio.Event()

    async def behave(heard, writer):
        await answered.wait()
        await answering()(heard, writer)

    async with listening(behave) as sink:
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED))
        await eventually(lambda: sink.heard)
        assert client.get(f"/Subscription/{wanted}").json()["status"] == "requested"
        answered.set()
        assert "error" not in await becomes(client, wanted, "active")


@pytest.mark.parametrize("answer", ["403 No", "404 No", "500 No", "302 Elsewhere", "410 Gone"])
async def test_a_handshake_that_is_not_accepted_is_an_error(client, answer):
    async with listening(answering(answer, "Location: /elsewhere")) as sink:
        wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED))
        found = await becomes(client, wanted, "error")
    assert answer[:3] in found["error"]
    assert len(sink.heard) == 1
    assert parameter(status(client, wanted), "status") == "error"


async def test_an_endpoint_that_is_not_there_is_an_error(client):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{port}/", RECEIVED))
    assert (await becomes(client, wanted, "error"))["error"]


async def test_an_endpoint_that_takes_longer_than_its_timeout_has_not_answered(client):
    async def behave(heard, writer):
        await asyncio.sleep(2.5)
        await answering()(heard, writer)

    async with listening(behave) as sink:
        endpoint, channel = f"http://127.0.0.1:{sink.port}/", asking("timeout", valueUnsignedInt=1)
        wanted = subscribe(client, a_subscription(endpoint, RECEIVED, channel=channel))
        await eventually(lambda: client.get(f"/Subscription/{wanted}").json()["status"] != "requested")
        assert client.get(f"/Subscription/{wanted}").json()["status"] == "error"


async def test_events_that_do_not_arrive_are_counted_and_told_in_the_status(client):
    patient = a_patients_id(client)

    async def behave(heard, writer):
        await answering("500 No" if b"event-notification" in heard.body else "200 OK")(heard, writer)

    async with listening(behave) as sink:
        wanted = await subscribed(client, sink, patient)
        prescribe(client, patient)
        prescribe(client, patient)
        await eventually(lambda: parameter(status(client, wanted), "events-since-subscription-start") == "2")
        await eventually(lambda: parameter(status(client, wanted), "error"))
        assert "500" in parameter(status(client, wanted), "error")["text"]


async def test_where_delivery_is_given_up_the_status_becomes_error_and_is_told_on(client):
    patient = a_patients_id(client)

    async def behave(heard, writer):
        await answering("410 Gone" if b"event-notification" in heard.body else "200 OK")(heard, writer)

    async with listening(behave) as sink:
        wanted = await subscribed(client, sink, patient)
        prescribe(client, patient)
        found = await becomes(client, wanted, "error")
    assert "410" in found["error"]
    told = status(client, wanted)
    assert parameter(told, "status") == "error"
    assert parameter(told, "events-since-subscription-start") == "1"


async def test_a_notification_has_at_most_as_many_events_as_were_asked_for(client):
    patient, opened = a_patients_id(client), asyncio.Event()

    async def behave(heard, writer):
        if b"event-notification" in heard.body:
            await opened.wait()
        await answering()(heard, writer)

    async with listening(behave) as sink:
        wanted = await subscribed(client, sink, patient, channel=asking("max-count", valuePositiveInt=2))
        prescribe(client, patient)
        await eventually(lambda: numbers(sink.heard))
        for _ in range(4):
            prescribe(client, patient)
        await eventually(lambda: parameter(status(client, wanted), "events-since-subscription-start") == "5")
        opened.set()
        await eventually(lambda: 5 in numbers(sink.heard))
    told = bundles(sink.heard, "event-notification")
    assert [[int(one["event-number"]) for one in events(bundle)] for bundle in told] == [[1], [2, 3], [4, 5]]


def job_of(galenic, wanted):
    """State of the job that tells a Subscription, and how long after the last word it is due (seconds)."""
    ((state, seconds),) = ask(galenic, JOB, wanted)
    return state, seconds


async def test_a_heartbeat_comes_each_time_its_period_is_over(client, galenic):
    """The last word is moved back by the period, so that nobody waits for it."""
    async with listening() as sink:
        channel = asking("heartbeat-period", valueUnsignedInt=PERIOD_SECONDS)
        wanted = await subscribed(client, sink, "nobody", channel=channel)
        for beats in (1, 2):
            await eventually(lambda: job_of(galenic, wanted)[0] == "waiting")
            assert PERIOD_SECONDS <= job_of(galenic, wanted)[1] < 3 * PERIOD_SECONDS
            assert len(bundles(sink.heard, "heartbeat")) == beats - 1
            ask(galenic, PERIOD_OVER, PERIOD_SECONDS, wanted)
            await eventually(lambda beats=beats: len(bundles(sink.heard, "heartbeat")) == beats)
    assert events(bundles(sink.heard, "heartbeat")[0]) == []
    assert {parameter(one, "events-since-subscription-start") for one in bundles(sink.heard, "heartbeat")} == {"0"}


async def test_no_heartbeat_comes_where_none_was_asked_for(client, galenic):
    async with listening() as sink:
        wanted = await subscribed(client, sink, "nobody")
        await eventually(lambda: job_of(galenic, wanted)[0] != "running")
        assert job_of(galenic, wanted)[0] == "done"
    assert len(sink.heard) == len(bundles(sink.heard, "handshake")) == 1
