"""What subscribers are promised, whatever dies: nothing twice under two numbers, nothing lost, nothing out of turn."""

import asyncio
import os
import random
import signal
import time
from contextlib import AsyncExitStack

import pytest

from fhir_server.notifications.sites import SITE_MAX
from tests.acceptance.subscriptions.subscriber import becomes, bundles, events, numbers, subscribe, subscribed
from tests.acceptance.subscriptions.test_rest_hook import RECEIVED, a_patients_id, prescribe
from tests.builders.resources import PLACED
from tests.builders.subscriptions import a_subscription, extension
from tests.conftest import PROVE, Cluster
from tests.running.galenic import Galenic, running
from tests.running.sink import answering, listening
from tests.running.waiting import allowed, eventually

KILLS = 30 if PROVE else 4
WRITES = 10
"""Between two kills (prescriptions)."""

TAKEN_OVER_SECONDS_MAX = 12.0
"""Longest until what was under way in a worker that stopped is sent again (seconds)."""

SLOW_SITES = 8
SLOW_ANSWER_SECONDS = 60
"""How long some subscribers may take to answer (seconds)."""

OTHERS_SECONDS_MAX = 5.0
"""Longest that others wait beside a sink that never answers (seconds)."""


@pytest.fixture
def own(cluster: Cluster):
    """A server of its own, whose workers may be killed."""
    cluster.execute("CREATE DATABASE promises TEMPLATE galenic")
    with running(cluster.database("promises").app_url, outbound_allow_private="1") as server:
        yield server
    cluster.execute("DROP DATABASE promises WITH (FORCE)")


def kill_a_worker(galenic: Galenic, number: signal.Signals = signal.SIGKILL) -> None:
    """And start another one."""
    os.kill(galenic.workers[-1].pid, number)
    galenic.workers.pop().wait()
    galenic.start_worker()


async def test_a_worker_that_stops_while_it_sends_is_taken_over_from_at_once(own):
    """Its lease need not run out."""
    is_slow = [True]

    async def behave(heard, writer):
        if b"event-notification" in heard.body and is_slow[0]:
            await asyncio.sleep(600)
        await answering()(heard, writer)

    async with listening(behave) as sink, asyncio.timeout(300):
        with own.client() as client:
            wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED))
            await becomes(client, wanted, "active")
            prescribe(client, a_patients_id(client))
            await eventually(lambda: numbers(sink.heard) == [1])
            is_slow[0] = False
            await asyncio.to_thread(kill_a_worker, own, signal.SIGTERM)
            await eventually(lambda: numbers(sink.heard) == [1, 1], TAKEN_OVER_SECONDS_MAX)


async def test_killed_workers_lose_nothing_and_number_nothing_twice(own):
    """A worker dies wherever it is: matching, sending, recording."""
    draw, committed = random.Random(7), []
    async with listening() as sink, asyncio.timeout(600):
        with own.client() as client:
            wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED))
            await becomes(client, wanted, "active")
            patient = a_patients_id(client)
            for _ in range(KILLS):
                committed += [await asyncio.to_thread(prescribe, client, patient) for _ in range(WRITES)]
                await asyncio.sleep(draw.uniform(0, 0.3))
                await asyncio.to_thread(kill_a_worker, own)
            await eventually(lambda: len(committed) in numbers(sink.heard))
        told = numbers(sink.heard)
        focus = {}
        for bundle in bundles(sink.heard, "event-notification"):
            for one in events(bundle):
                focus.setdefault(int(one["event-number"]), set()).add(one["focus"]["reference"].rpartition("/")[2])
    assert sorted(set(told)) == list(range(1, len(committed) + 1))
    assert told == sorted(told)
    assert [focus[number] for number in sorted(focus)] == [{one} for one in committed]


async def test_a_sink_that_never_answers_keeps_no_other_waiting(client):
    patient = a_patients_id(client)
    narrowed = f"MedicationRequest?patient=Patient/{patient}"

    async def never(heard, writer):
        if b"event-notification" in heard.body:
            await asyncio.sleep(600)
        await answering()(heard, writer)

    async with listening(never) as slow, listening() as quick:
        for sink in (slow, quick):
            wanted = subscribe(client, a_subscription(f"http://127.0.0.1:{sink.port}/", RECEIVED, narrowed))
            await becomes(client, wanted, "active")
        waited = []
        for _ in range(5):
            prescribe(client, patient)
            began, before = time.monotonic(), len(quick.heard)
            await eventually(lambda before=before: len(quick.heard) > before, OTHERS_SECONDS_MAX)
            waited.append(time.monotonic() - began)
        assert max(waited) < allowed(OTHERS_SECONDS_MAX)
        assert numbers(slow.heard) == [1]


async def test_as_many_slow_messages_as_hosts_may_have_keep_no_other_waiting(client):
    """They have always answered quickly before, and none fails: nobody is put off for it."""
    slow_ones, quick_one = a_patients_id(client), a_patients_id(client)
    patience = {"extension": [extension("backport-timeout", valueUnsignedInt=SLOW_ANSWER_SECONDS)]}
    over = asyncio.Event()

    async def late(heard, writer):
        if b"event-notification" in heard.body:
            await over.wait()
        await answering()(heard, writer)

    async with AsyncExitStack() as stack:
        slow = [await stack.enter_async_context(listening(late)) for _ in range(SLOW_SITES)]
        quick = await stack.enter_async_context(listening())
        await asyncio.gather(
            *(subscribed(client, sink, slow_ones, channel=patience) for sink in slow for _ in range(SITE_MAX)),
            subscribed(client, quick, quick_one),
        )
        prescribe(client, slow_ones)
        await eventually(lambda: sum(len(numbers(sink.heard)) for sink in slow) == SLOW_SITES * SITE_MAX)
        prescribe(client, quick_one)
        waited = await eventually(lambda: numbers(quick.heard) == [1], OTHERS_SECONDS_MAX)
        over.set()
        assert waited < min(allowed(OTHERS_SECONDS_MAX), SLOW_ANSWER_SECONDS / 2)


async def test_of_what_is_not_committed_nobody_is_told(client):
    """Transactions whose second entry is refused, among others that are not."""
    patient = a_patients_id(client)
    draw, wanted_ids = random.Random(3), []
    narrowed = f"MedicationRequest?patient=Patient/{patient}"
    async with listening() as sink:
        channel = {"extension": [{"url": MAX_COUNT, "valuePositiveInt": 20}]}
        endpoint = f"http://127.0.0.1:{sink.port}/"
        wanted = subscribe(client, a_subscription(endpoint, RECEIVED, narrowed, channel=channel))
        await becomes(client, wanted, "active")
        for _ in range(1_000 if PROVE else 40):
            answer = client.post("", json=a_transaction(patient, fails=draw.random() < 0.5))
            if answer.status_code == 200:
                wanted_ids.append(answer.json()["entry"][0]["response"]["location"].split("/")[-3])
            else:
                assert answer.status_code == 422, answer.text
        await eventually(lambda: len(wanted_ids) in numbers(sink.heard))
        told = [one for bundle in bundles(sink.heard, "event-notification") for one in events(bundle)]
        assert [one["focus"]["reference"].rpartition("/")[2] for one in told] == wanted_ids


MAX_COUNT = "http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition/backport-max-count"


def a_transaction(patient, *, fails):
    """The second entry is refused after the first was written: by what writes the rows of Subscriptions."""
    order = {"resourceType": "MedicationRequest", **PLACED, "subject": {"reference": f"Patient/{patient}"}}
    refused = a_subscription("http://127.0.0.1:1/", RECEIVED) | {"status": "active"}
    resources = [order, *([refused] if fails else [])]
    entries = [{"request": {"method": "POST", "url": one["resourceType"]}, "resource": one} for one in resources]
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}
