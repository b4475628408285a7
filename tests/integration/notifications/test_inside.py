"""Code in this process that subscribes to a topic: what follows from an event happens once, in order."""

import asyncio
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from fhir_server.auth.context import system_context
from fhir_server.notifications.inside import KIND, Listener, Told
from fhir_server.storage import jobs
from fhir_server.storage.intents import Intent
from fhir_server.storage.jobs import ATTEMPTS_MAX, LeaseLost
from fhir_server.storage.transact import Batch
from fhir_server.wiring import build_matcher, build_reactions
from subscriptions.topics import BASE
from tests.builders.resources import PLACED
from tests.integration.notifications.notifying import WRITER, Died, Notifying

ACTIVE = {"resourceType": "MedicationRequest", **PLACED, "subject": {"display": "x"}}


@dataclass
class Noting:
    """Writes a Basic for each event it is told; `fails` and `dies` as often as said."""

    name: str = "noting"
    topic: str = f"{BASE}prescription-changed"
    heard: list[Told] = field(default_factory=list)
    fails: int = 0
    dies: int = 0

    async def told(self, event: Told) -> Batch | None:
        self.heard.append(event)
        if self.fails:
            self.fails -= 1
            raise ValueError("a defect")
        note = {"resourceType": "Basic", "code": {"text": f"{event.id}/{event.version}"}}
        batch = Batch([Intent("create", "Basic", str(uuid4()), resource=note)], system_context())
        if self.dies:
            self.dies -= 1
            return Batch(batch.intents, batch.context, finish=self._die)
        return batch

    async def _die(self, *_: Any) -> None:
        raise Died


@dataclass
class Deaf:
    """Nothing follows."""

    name: str = "deaf"
    topic: str = f"{BASE}prescription-received"
    heard: int = 0

    async def told(self, _: Told) -> Batch | None:
        self.heard += 1
        return None


@dataclass
class Inside:
    """The way of an event to listeners, each step done when a test tells it to."""

    notifying: Notifying
    listeners: list[Listener]

    async def match(self) -> None:
        await self.notifying.sequence()
        matcher = build_matcher(self.notifying.settings, self.notifying.parts.server.finder.source, self.listeners)
        while await matcher.match(self.notifying.connection):
            pass

    async def react(self) -> None:
        """All jobs that wait, as a worker does them; leases of the dead have run out."""
        await self.notifying.connection.execute(
            "UPDATE job SET lease_until = clock_timestamp() - interval '1 second', due = now() WHERE kind = 'react'"
        )
        reactions = build_reactions(self.notifying.parts.server, self.listeners)
        while job := await jobs.claim(self.notifying.connection, KIND, 99):
            try:
                await reactions.run(job)
            except (ValueError, LookupError) as error:
                await reactions.abandon(job, type(error).__name__)

    async def all(self) -> None:
        await self.match()
        await self.react()

    async def change(self, id_: str, note: str) -> None:
        intent = Intent(
            "update", "MedicationRequest", id_, id_, resource=ACTIVE | {"id": id_, "note": [{"text": note}]}
        )
        await self.notifying.parts.server.writer.write(Batch([intent], WRITER))

    async def notes(self) -> list[str]:
        rows = await self.notifying.rows("SELECT body FROM resource WHERE body LIKE '%\"Basic\"%'::bytea ORDER BY rid")
        return [bytes(body).decode().partition('"text":"')[2].partition('"')[0] for (body,) in rows]

    async def states(self) -> list[tuple[Any, ...]]:
        return await self.notifying.rows(
            "SELECT state, attempts, problem FROM job WHERE kind = 'react' ORDER BY created"
        )


@pytest.fixture
async def inside(notifying: Notifying) -> Inside:
    return Inside(notifying, [Noting()])


async def changed(inside: Inside, times: int = 3) -> str:
    id_ = await inside.notifying.prescribe()
    for number in range(times):
        await inside.change(id_, str(number))
    return id_


async def test_what_follows_from_the_events_of_a_resource_is_done_once_and_in_order(inside: Inside) -> None:
    first, second = await changed(inside), await changed(inside, 1)
    await inside.all()
    await inside.all()
    done = await inside.notes()
    assert [one for one in done if first in one] == [f"{first}/{version}" for version in (2, 3, 4)]
    assert [one for one in done if second in one] == [f"{second}/2"]
    assert await inside.states() == [("done", 0, None)] * 2


async def test_what_comes_while_a_job_is_under_way_is_told_next(inside: Inside) -> None:
    id_ = await changed(inside, 1)
    await inside.match()
    job = await jobs.claim(inside.notifying.connection, KIND, 99)
    assert job is not None
    await inside.change(id_, "later")
    await inside.match()
    await build_reactions(inside.notifying.parts.server, inside.listeners).run(job)
    assert await inside.notes() == [f"{id_}/2", f"{id_}/3"]
    assert await inside.states() == [("done", 0, None)]


async def test_an_event_is_a_job_of_each_listener_whose_topic_it_is_of(inside: Inside) -> None:
    deaf = Deaf()
    inside.listeners.append(deaf)
    await changed(inside, 1)
    await inside.all()
    assert (deaf.heard, len(await inside.notes())) == (1, 1)


async def test_who_dies_in_the_commit_of_what_follows_has_done_nothing_and_another_does_it(inside: Inside) -> None:
    noting = inside.listeners[0] = Noting(dies=1)
    id_ = await changed(inside)
    await inside.match()
    with pytest.raises(Died):
        await inside.react()
    assert await inside.notes() == []
    await inside.react()
    assert await inside.notes() == [f"{id_}/{version}" for version in (2, 3, 4)]
    assert [event.version for event in noting.heard] == [2, 2, 3, 4]


async def test_whoever_lost_the_job_commits_nothing(inside: Inside) -> None:
    id_ = await changed(inside, 1)
    await inside.match()
    job = await jobs.claim(inside.notifying.connection, KIND, 99)
    assert job is not None
    await inside.react()
    with pytest.raises(LeaseLost):
        await build_reactions(inside.notifying.parts.server, inside.listeners).run(job)
    assert await inside.notes() == [f"{id_}/2"]


async def test_a_listener_that_fails_is_told_again_and_no_other_resource_waits(inside: Inside) -> None:
    inside.listeners[0] = Noting(fails=1)
    first, second = await changed(inside, 1), await changed(inside, 1)
    await inside.all()
    assert len(await inside.notes()) == 1
    assert ("waiting", 1, "ValueError") in await inside.states()
    await inside.react()
    assert sorted(await inside.notes()) == sorted([f"{first}/2", f"{second}/2"])


async def test_what_fails_again_and_again_is_failed_with_all_that_is_behind_it(inside: Inside) -> None:
    noting = inside.listeners[0] = Noting(fails=ATTEMPTS_MAX)
    id_ = await changed(inside, 1)
    await inside.match()
    for _ in range(ATTEMPTS_MAX):
        await inside.react()
    assert await inside.states() == [("failed", ATTEMPTS_MAX, "ValueError")]
    await inside.change(id_, "later")
    await inside.all()
    assert (await inside.notes(), len(noting.heard)) == ([], ATTEMPTS_MAX)
    await inside.notifying.connection.execute("UPDATE job SET state = 'waiting', attempts = 0 WHERE kind = 'react'")
    await inside.react()
    assert await inside.notes() == [f"{id_}/2", f"{id_}/3"]


async def test_what_comes_meanwhile_does_not_make_a_failure_the_first_one(inside: Inside) -> None:
    inside.listeners[0] = Noting(fails=100)
    id_ = await changed(inside, 1)
    for number in range(ATTEMPTS_MAX):
        await inside.change(id_, str(number))
        await inside.all()
    assert await inside.states() == [("failed", ATTEMPTS_MAX, "ValueError")]


async def test_nobody_is_told_of_what_was_rolled_back(inside: Inside) -> None:
    id_ = await changed(inside, 1)
    good = Intent("update", "MedicationRequest", id_, id_, resource=ACTIVE | {"id": id_, "note": [{"text": "y"}]})

    async def fail(*_: Any) -> None:
        raise ValueError

    with pytest.raises(ValueError):
        await inside.notifying.parts.server.writer.write(Batch([good], WRITER, finish=fail))
    await inside.all()
    assert await inside.notes() == [f"{id_}/2"]


async def test_many_matchers_and_workers_at_once_tell_each_event_once(inside: Inside) -> None:
    ids = [await changed(inside, 2) for _ in range(5)]
    await inside.match()
    reactions = build_reactions(inside.notifying.parts.server, inside.listeners)

    async def work() -> None:
        async with inside.notifying.parts.server.database.connection() as connection:
            while job := await jobs.claim(connection, KIND, 99):
                await reactions.run(job)

    await asyncio.gather(*(work() for _ in range(4)))
    assert sorted(await inside.notes()) == sorted(f"{id_}/{version}" for id_ in ids for version in (2, 3))
