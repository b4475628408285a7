"""Whoever dies between two steps loses nothing: committed, sequenced, matched, sent, recorded."""

import asyncio
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from fhir_server.notifications.delivering import TURN_MAX
from fhir_server.notifications.matching import Matcher
from fhir_server.notifications.sites import SITE_MAX
from fhir_server.notifications.telling import Message, Teller
from fhir_server.notifications.triggers import Watch
from fhir_server.storage import jobs
from fhir_server.storage.intents import Intent
from fhir_server.storage.jobs import Job
from fhir_server.storage.subscriptions import KIND, Row, forget
from fhir_server.storage.transact import Batch
from fhir_server.storage.version import Version
from fhir_server.wiring import build_indexer
from subscriptions.request import EVENTS_DEFAULT
from subscriptions.topics import BASE
from tests.builders.subscriptions import a_subscription, extension
from tests.integration.notifications.notifying import WRITER, Died, Notifying
from tests.running.waiting import PATIENCE_SECONDS

MANY = {"extension": [extension("backport-max-count", valuePositiveInt=10)]}
UNSAID = {"extension": [extension("backport-timeout", valueUnsignedInt=5)]}
STEPS = ("committed", "sequenced", "matched", "sent", "recorded")


@pytest.mark.parametrize("step", STEPS)
async def test_whoever_dies_after_a_step_loses_nothing_and_numbers_nothing_twice(
    notifying: Notifying, step: str
) -> None:
    prescribed = [await notifying.prescribe() for _ in range(3)]
    if step != "committed":
        await notifying.sequence()
    if step not in ("committed", "sequenced"):
        await notifying.match()
    if step == "sent":  # the second message has arrived, and nobody has written that down
        notifying.wire.dies_after = len(notifying.wire.arrived) + 2
        with pytest.raises(Died):
            await notifying.deliver()
        notifying.wire.dies_after = None
    if step == "recorded":
        await notifying.deliver()
    await notifying.all()
    again = ["2-2"] if step == "sent" else []
    assert notifying.told() == ["1-1", "2-2", *again, "3-3"]
    bodies = [body.decode() for name, body in notifying.wire.arrived if "handshake" not in name]
    order = [next(one for one in prescribed if one in body) for body in bodies]
    assert list(dict.fromkeys(order)) == prescribed
    assert await notifying.rows("SELECT events, delivered FROM subscription") == [(3, 3)]


async def test_a_matcher_that_dies_in_its_transaction_gives_no_number(notifying: Notifying) -> None:
    await notifying.prescribe()
    await notifying.sequence()
    async with notifying.connection.transaction(force_rollback=True):
        await notifying.match()
        assert await notifying.rows("SELECT count(*) FROM notification") == [(1,)]
    assert await notifying.rows("SELECT count(*) FROM notification") == [(0,)]
    await notifying.all()
    assert notifying.told() == ["1-1"]


async def test_a_naive_consumer_past_a_high_water_mark_misses_what_commits_late(notifying: Notifying) -> None:
    """Why the matcher reads `event`: numbers of the outbox are given before their transactions commit."""
    database = notifying.settings.database_url
    assert database
    insert = (
        "INSERT INTO outbox (rid, type, id, version, interaction, request_id)"
        " VALUES (%s, 1, 'x', 1, 'create', 'r') RETURNING number"
    )
    async with await psycopg.AsyncConnection.connect(database.get_secret_value()) as slow:
        await slow.execute(insert, (9_001,))
        await notifying.connection.execute(insert, (9_002,))
        (mark,) = (await notifying.rows("SELECT max(number) FROM outbox"))[0]
        await slow.commit()
    past = await notifying.connection.execute("SELECT rid FROM outbox WHERE number > %s", (mark,))
    assert await past.fetchall() == []
    await notifying.sequence()
    found = await notifying.rows("SELECT rid FROM event WHERE rid > 9000 ORDER BY seq")
    assert sorted(found) == [(9_001,), (9_002,)]


async def test_a_worker_that_was_overtaken_writes_nothing_more(notifying: Notifying) -> None:
    """Its lease ran out while it was sending; another has sent the same meanwhile."""
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    job = await jobs.claim(notifying.connection, KIND, 99)
    assert job
    await notifying.deliver()
    with pytest.raises(jobs.LeaseLost):
        await notifying.delivery.run(job)
    assert notifying.told() == ["1-1"]


async def test_a_worker_that_was_overtaken_sends_nothing_more(notifying: Notifying) -> None:
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    overtaken = await jobs.claim(notifying.connection, KIND, 99)
    assert overtaken
    await notifying.connection.execute("UPDATE job SET lease_until = clock_timestamp()")
    assert await jobs.claim(notifying.connection, KIND, 99)
    with pytest.raises(jobs.LeaseLost):
        await notifying.delivery.run(overtaken)
    assert notifying.told() == []


async def test_several_events_of_one_message_are_the_same_when_it_is_sent_again(notifying: Notifying) -> None:
    """Whoever died had sent two; by now there are three."""
    resource = a_subscription("http://sink.example/", f"{BASE}prescription-received", channel=MANY)
    await notifying.connection.execute("UPDATE subscription SET state = 'off'")
    await notifying.write(resource)
    await notifying.all()
    for _ in range(2):
        await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    notifying.wire.dies_after = len(notifying.wire.arrived) + 1
    with pytest.raises(Died):
        await notifying.deliver()
    notifying.wire.dies_after = None
    await notifying.prescribe()
    await notifying.all()
    assert notifying.told() == ["1-2", "1-2", "3-3"]


async def test_what_waits_comes_together_where_nobody_said_how_much_at_once(notifying: Notifying) -> None:
    await notifying.connection.execute("UPDATE subscription SET state = 'off'")
    await notifying.write(a_subscription("http://sink.example/", f"{BASE}prescription-received", channel=UNSAID))
    await notifying.all()
    for _ in range(EVENTS_DEFAULT + 1):
        await notifying.prescribe()
    await notifying.all()
    assert notifying.told() == [f"1-{EVENTS_DEFAULT}", f"{EVENTS_DEFAULT + 1}-{EVENTS_DEFAULT + 1}"]


async def test_what_was_sequenced_before_it_was_active_is_not_told(notifying: Notifying) -> None:
    await notifying.connection.execute("UPDATE subscription SET state = 'off'")
    await notifying.write(a_subscription("http://sink.example/", f"{BASE}prescription-received"))
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.deliver()
    await notifying.prescribe()
    await notifying.all()
    assert notifying.told() == ["1-1"]


async def test_what_does_not_arrive_is_put_off_and_what_comes_next_waits_behind_it(notifying: Notifying) -> None:
    notifying.wire.fails = True
    await notifying.prescribe()
    await notifying.all()
    put_off = "SELECT due > clock_timestamp() FROM job WHERE kind = 'notify'"
    assert await notifying.rows(put_off) == [(True,)]
    assert await notifying.rows("SELECT failing_since IS NOT NULL FROM subscription") == [(True,)]
    tried = notifying.wire.tried
    await notifying.prescribe()
    await notifying.all()
    assert notifying.wire.tried == tried
    notifying.wire.fails = False
    await notifying.connection.execute("UPDATE job SET due = clock_timestamp()")
    await notifying.all()
    assert notifying.told() == ["1-1", "2-2"]
    assert await notifying.rows("SELECT failing_since, problem, attempts FROM subscription") == [(None, "", 0)]


async def test_after_three_days_it_is_given_up_and_what_has_not_arrived_is_kept(notifying: Notifying) -> None:
    notifying.wire.fails = True
    await notifying.prescribe()
    await notifying.all()
    for days, state in ((2, "active"), (4, "error")):
        await notifying.connection.execute(
            "UPDATE subscription SET failing_since = clock_timestamp() - make_interval(days => %s)", (days,)
        )
        await notifying.connection.execute("UPDATE job SET due = clock_timestamp()")
        await notifying.deliver()
        assert await notifying.rows("SELECT state, events, delivered FROM subscription") == [(state, 1, 0)]


async def test_heartbeats_come_on_time_and_only_where_nothing_else_was_told(notifying: Notifying) -> None:
    await notifying.connection.execute("UPDATE subscription SET heartbeat_seconds = 30")
    await notifying.prescribe()
    await notifying.all()

    def beats() -> list[str]:
        return [name for name, _ in notifying.wire.arrived if "heartbeat" in name]

    assert beats() == []
    ((seconds,),) = await notifying.rows(
        "SELECT extract(epoch FROM due - clock_timestamp())::float8 FROM job WHERE kind = 'notify'"
    )
    assert 0 < seconds <= 30
    await notifying.connection.execute("UPDATE subscription SET told = told - interval '30 s'")
    await notifying.connection.execute("UPDATE job SET due = clock_timestamp()")
    await notifying.deliver()
    assert len(beats()) == 1
    await notifying.prescribe()
    await notifying.all()
    assert notifying.told()[-1] == "2-2"


async def test_one_that_has_ended_is_off_and_told_nothing_more(notifying: Notifying) -> None:
    await notifying.connection.execute("UPDATE subscription SET ends = clock_timestamp()")
    await notifying.prescribe()
    await notifying.all()
    assert await notifying.rows("SELECT state FROM subscription") == [("off",)]
    assert notifying.told() == []


async def test_what_is_past_its_retention_is_told_nobody(notifying: Notifying) -> None:
    notifying.wire.fails = True
    await notifying.prescribe()
    await notifying.all()
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    await forget(notifying.connection, 0)
    assert await notifying.rows("SELECT count(*) FROM notification") == [(0,)]
    assert await notifying.rows("SELECT events, delivered FROM subscription") == [(2, 2)]


async def test_twenty_at_once_deliver_each_event_once(notifying: Notifying) -> None:
    """Workers that claim at the same time: the rows lock, the fence decides."""
    for _ in range(10):
        await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()

    async def one() -> None:
        async with notifying.parts.server.database.connection() as connection:
            job = await jobs.claim(connection, KIND, 99)
        if job:
            await notifying.delivery.run(job)

    await asyncio.gather(*(one() for _ in range(20)))
    assert notifying.told() == [f"{n}-{n}" for n in range(1, 11)]


async def test_a_topic_that_is_no_more_ends_in_error_and_its_status_can_still_be_asked_for(
    notifying: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    monkeypatch.setattr("subscriptions.request.TOPICS", {})
    await notifying.deliver()
    assert await notifying.rows("SELECT state, events, delivered FROM subscription") == [("error", 1, 0)]


async def test_another_client_that_takes_a_subscription_over_is_told_nothing_of_before(notifying: Notifying) -> None:
    notifying.wire.fails = True
    await notifying.prescribe()
    await notifying.all()
    changed = a_subscription("http://other.example/", f"{BASE}prescription-received")
    ((id_,),) = await notifying.rows("SELECT id FROM subscription")
    await notifying.connection.execute("""UPDATE subscription SET access = '{"client": "first"}'""")
    intent = Intent("update", "Subscription", id_, id_, resource=changed | {"id": id_})
    await notifying.parts.server.writer.write(Batch([intent], WRITER))
    notifying.wire.fails = False
    await notifying.all()
    assert notifying.told() == []
    await notifying.prescribe()
    await notifying.all()
    assert notifying.told() == ["2-2"]


async def test_one_that_is_made_again_under_its_id_begins_anew_with_ids_of_its_own(notifying: Notifying) -> None:
    ((id_,),) = await notifying.rows("SELECT id FROM subscription")
    writer = notifying.parts.server.writer
    again = a_subscription("http://sink.example/", f"{BASE}prescription-received") | {"id": id_}
    await notifying.prescribe()
    await notifying.all()
    await writer.write(Batch([Intent("delete", "Subscription", id_, id_)], WRITER))
    assert await notifying.rows("SELECT count(*) FROM subscription") == [(0,)]
    await notifying.all()
    await writer.write(Batch([Intent("update", "Subscription", id_, id_, resource=again)], WRITER))
    await notifying.all()
    await notifying.prescribe()
    await notifying.all()
    assert notifying.told() == ["1-1", "1-1"]
    first, second = [name for name, _ in notifying.wire.arrived if name.endswith("-1-1")]
    assert first != second


async def test_matching_and_delivering_wait_for_each_other_in_one_order(notifying: Notifying) -> None:
    """Where one locked the job first and the other the Subscription, each would end up waiting for the other."""
    delivering = notifying.delivery
    for _ in range(20):
        await notifying.prescribe()
        await notifying.sequence()
        await notifying.connection.execute("UPDATE job SET state = 'waiting', due = clock_timestamp()")
        job = await jobs.claim(notifying.connection, KIND, 99)
        assert job
        await asyncio.gather(notifying.match(), delivering.run(job))
    await notifying.all()
    assert notifying.told() == [f"{n}-{n}" for n in range(1, 21)]


async def test_a_subscription_that_is_deleted_while_it_is_matched_leaves_nothing(notifying: Notifying) -> None:
    await notifying.prescribe()
    await notifying.sequence()
    ((id_,),) = await notifying.rows("SELECT id FROM subscription")
    deleted = Batch([Intent("delete", "Subscription", id_, id_)], WRITER)
    async with notifying.connection.transaction():
        await notifying.match()
        deleting = asyncio.create_task(notifying.parts.server.writer.write(deleted))
        await asyncio.sleep(0.3)
        assert not deleting.done()
    await deleting
    assert await notifying.rows("SELECT count(*) FROM notification") == [(0,)]


async def test_what_happens_between_a_change_and_its_handshake_is_told(notifying: Notifying) -> None:
    """Also what was committed before the change, and matched after it."""
    await notifying.prescribe()
    ((id_,),) = await notifying.rows("SELECT id FROM subscription")
    changed = a_subscription("http://sink.example/", f"{BASE}prescription-received", content="full-resource")
    intent = Intent("update", "Subscription", id_, id_, resource=changed | {"id": id_})
    await notifying.parts.server.writer.write(Batch([intent], WRITER))
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    assert await notifying.rows("SELECT state, events FROM subscription") == [("requested", 2)]
    await notifying.all()
    assert notifying.told() == ["1-1", "2-2"]


async def test_one_that_was_off_is_told_what_happens_after_its_next_handshake(notifying: Notifying) -> None:
    ((id_,),) = await notifying.rows("SELECT id FROM subscription")
    for status in ("off", "requested"):
        changed = a_subscription("http://sink.example/", f"{BASE}prescription-received")
        intent = Intent("update", "Subscription", id_, id_, resource=changed | {"id": id_, "status": status})
        await notifying.prescribe()
        await notifying.sequence()
        await notifying.parts.server.writer.write(Batch([intent], WRITER))
        await notifying.match()
    assert await notifying.rows("SELECT state, events FROM subscription") == [("requested", 0)]
    await notifying.all()
    await notifying.prescribe()
    await notifying.all()
    assert notifying.told() == ["1-1"]


async def test_one_host_has_no_more_than_its_share_of_what_is_under_way(notifying: Notifying) -> None:
    delivering = notifying.delivery
    for other in range(SITE_MAX):
        delivering.sites.begin(-1 - other, uuid4(), "sink.example")
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    job = await jobs.claim(notifying.connection, KIND, 99)
    assert job
    await delivering.run(job)
    assert notifying.told() == []
    waiting = "SELECT state, due > clock_timestamp() FROM job WHERE kind = 'notify'"
    assert await notifying.rows(waiting) == [("waiting", True)]
    await notifying.connection.execute("UPDATE job SET due = clock_timestamp()")
    await notifying.all()
    assert notifying.told() == ["1-1"]


async def test_what_waits_for_a_place_is_due_as_soon_as_there_is_one(notifying: Notifying) -> None:
    """A message to the host has arrived, or has not: the one that waits for longest goes on, and no other."""
    await notifying.write(a_subscription("http://sink.example/", f"{BASE}prescription-received"))
    await notifying.write(a_subscription("http://sink.example/", f"{BASE}prescription-received"))
    await notifying.all()
    delivering = notifying.delivery
    for other in range(SITE_MAX - 1):
        delivering.sites.begin(-1 - other, uuid4(), "sink.example")
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    due = "SELECT count(*) FROM job WHERE kind = 'notify' AND state = 'waiting' AND due <= clock_timestamp()"

    async def two_wait() -> None:
        delivering.sites.begin(-SITE_MAX, uuid4(), "sink.example")
        for job in await jobs.claim_several(notifying.connection, KIND, 99, 2):
            await delivering.run(job)

    first = await jobs.claim(notifying.connection, KIND, 99)
    assert first
    await two_wait()
    assert await notifying.rows(due) == [(0,)]
    delivering.sites.end(-SITE_MAX)
    notifying.wire.fails = True
    await delivering.run(first)
    assert await notifying.rows(due) == [(1,)]
    notifying.wire.fails = False
    second = await jobs.claim(notifying.connection, KIND, 99)
    assert second
    await delivering.run(second)
    assert await notifying.rows(due) == [(1,)]


async def test_whoever_has_much_to_be_told_lets_others_have_their_turn(notifying: Notifying) -> None:
    for _ in range(TURN_MAX + 5):
        await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    job = await jobs.claim(notifying.connection, KIND, 99)
    assert job
    await notifying.delivery.run(job)
    assert len(notifying.told()) == TURN_MAX
    assert await notifying.rows("SELECT state FROM job WHERE kind = 'notify'") == [("waiting",)]
    await notifying.all()
    assert len(notifying.told()) == TURN_MAX + 5


async def test_what_ends_is_off_without_an_event_or_a_heartbeat(notifying: Notifying) -> None:
    await notifying.connection.execute("UPDATE subscription SET ends = clock_timestamp() + interval '1 hour'")
    await notifying.prescribe()
    await notifying.all()
    due = "SELECT state, due > clock_timestamp() + interval '50 minutes' FROM job WHERE kind = 'notify'"
    assert await notifying.rows(due) == [("waiting", True)]
    await notifying.connection.execute("UPDATE subscription SET ends = clock_timestamp()")
    await notifying.connection.execute("UPDATE job SET due = clock_timestamp()")
    await notifying.deliver()
    assert await notifying.rows("SELECT state FROM subscription") == [("off",)]


async def test_what_is_to_be_told_again_is_told_though_something_is_under_way(notifying: Notifying) -> None:
    """The operator winds back while the third is being sent."""
    for _ in range(3):
        await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    rewind = "UPDATE subscription SET delivered = 0, sending = 0"
    notifying.wire.meanwhile[3] = lambda: notifying.connection.execute(rewind)
    await notifying.all()
    assert notifying.told() == ["1-1", "2-2", "3-3", "1-1", "2-2", "3-3"]


async def test_one_that_is_asked_for_when_it_has_ended_is_off_without_being_asked(notifying: Notifying) -> None:
    heard = len(notifying.wire.arrived)
    ended = a_subscription("http://sink.example/", f"{BASE}prescription-received") | {"end": "2020-01-01T00:00:00Z"}
    await notifying.write(ended)
    await notifying.all()
    assert await notifying.rows("SELECT state FROM subscription ORDER BY rid DESC LIMIT 1") == [("off",)]
    assert len(notifying.wire.arrived) == heard


async def test_what_is_asked_for_is_read_anew_when_search_parameters_change(
    notifying: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read with the parameters of before may be indexed elsewhere by now."""
    matcher, read = notifying.matcher, []
    original = Matcher._watches

    def watches(self: Matcher, version: Version) -> tuple[Watch, ...]:
        read.append(version.id)
        return original(self, version)

    monkeypatch.setattr(Matcher, "_watches", watches)
    for changed, times in ((False, 1), (False, 1), (True, 2)):
        if changed:
            notifying.parts.server.finder.source.indexer = build_indexer(notifying.settings)
        await notifying.prescribe()
        await notifying.sequence()
        await matcher.match(notifying.connection)
        assert len(read) == times
    await notifying.deliver()
    assert notifying.told() == ["1-1", "2-2", "3-3"]


async def test_a_subscription_that_somebody_else_is_at_keeps_no_other_waiting(notifying: Notifying) -> None:
    """Whoever writes it may take long, and those that are told together with it are told meanwhile."""
    await notifying.write(a_subscription("http://other.example/", f"{BASE}prescription-received"))
    await notifying.all()
    await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    delivering, held = notifying.delivery, []
    while job := await jobs.claim(notifying.connection, KIND, 99):
        held.append(job)
    async with notifying.connection.transaction():
        await notifying.connection.execute(
            "SELECT FROM subscription WHERE rid = %s FOR UPDATE", (subscription(held[0]),)
        )
        running = [asyncio.create_task(delivering.run(job)) for job in held]
        await asyncio.wait_for(running[1], PATIENCE_SECONDS)
        assert notifying.told() == ["1-1"]
        assert not running[0].done()
    await running[0]
    assert notifying.told() == ["1-1", "1-1"]


async def test_a_message_that_cannot_be_made_keeps_none_from_being_told_and_undoes_nothing(
    notifying: Notifying, monkeypatch: pytest.MonkeyPatch
) -> None:
    await notifying.write(a_subscription("http://other.example/", f"{BASE}prescription-received"))
    await notifying.all()
    for _ in range(2):
        await notifying.prescribe()
    await notifying.sequence()
    await notifying.match()
    delivering, held, original = notifying.delivery, [], Teller.message
    while job := await jobs.claim(notifying.connection, KIND, 99):
        held.append(job)

    async def message(self: Teller, connection: Any, row: Row, *rest: Any, **found: Any) -> Message:
        if row.rid == subscription(held[0]) and row.delivered == 1:
            raise LookupError
        return await original(self, connection, row, *rest, **found)

    monkeypatch.setattr(Teller, "message", message)
    ends = await asyncio.gather(*map(delivering.run, held), return_exceptions=True)
    assert [type(end) for end in ends] == [LookupError, type(None)]
    assert await notifying.rows("SELECT delivered, sending FROM subscription ORDER BY delivered") == [(1, 1), (2, 2)]


def subscription(job: Job) -> int:
    return int(job.payload["subscription"])
