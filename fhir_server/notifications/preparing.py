"""What Subscriptions are told next: prepared in one transaction for all that ask at the same time.

One commit holds what has arrived, what is under way next, and the record of it. What is wrong with one Subscription
keeps no other from being told.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple
from uuid import UUID

import psycopg

from fhir_server.audit.recorder import insert_records
from fhir_server.errors import Unprocessable
from fhir_server.notifications.deciding import OVER, Becomes, Carrier, Deciding, Decision, NoPlace, PutOff, Send, Tell
from fhir_server.notifications.recording import record_of
from fhir_server.notifications.rights import grants
from fhir_server.notifications.sites import Sites
from fhir_server.notifications.telling import Teller, Versions
from fhir_server.notifications.triggers import read
from fhir_server.storage import rounds
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.find import load
from fhir_server.storage.jobs import Job, LeaseLost
from fhir_server.storage.read import exact_versions
from fhir_server.storage.rounds import Arrived, Asked, Range
from fhir_server.storage.subscriptions import Numbered, Row
from subscriptions.request import Channel, Offer, Requested

KNOWN_MAX: Final = 10_000
"""Subscriptions whose request is kept as it was read (Subscriptions)."""


class Step(NamedTuple):
    """What the holder of a job asks; `is_last` lets others have their turn."""

    job: Job
    arrived: Send | None
    """What has arrived, and is not written down yet."""
    is_last: bool

    @property
    def rid(self) -> int:
        return int(self.job.payload["subscription"])


BUSY: Final = "busy"
"""Somebody else is at the Subscription: nobody waits for them, it is asked for again soon."""

Answer = Send | Becomes | Literal["busy"] | None
"""None: nothing is due, and the job is over or waits."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """Of one worker."""

    database: Database
    teller: Callable[[], Awaitable[Teller]]
    """By the search parameters of now."""
    channels: Mapping[Channel, Carrier]
    secrets: Callable[[Row], tuple[bytes, ...]]
    """What the messages of a Subscription are signed with."""
    offer: Offer
    is_open: bool

    sites: Sites
    """Whoever has sent a message ends it there."""
    _known: dict[tuple[int, int], Requested] = field(default_factory=dict)
    """What Subscriptions ask for, by internal id and version."""

    async def prepared(self, steps: Sequence[Step]) -> list[Answer | Exception]:
        """In their order; `LeaseLost` for a job that was overtaken."""
        teller = await self.teller()
        async with self.database.transaction() as connection:
            held = await rounds.hold(connection, [Asked(one.job, one.rid, one.arrived is not None) for one in steps])
            mine = {one.rid: one for one, how in zip(steps, held, strict=True) if how == "held"}
            decided = await self._decided(connection, teller, mine)
            told = await self._told(connection, teller, decided)
            await self._written(connection, mine, decided, told)
        for rid, one in told.items():
            if isinstance(one, Send):
                self.sites.begin(rid, mine[rid].job.id, one.way.site)
        return [_answer(one, how, told) for one, how in zip(steps, held, strict=True)]

    async def _decided(self, connection: Connection, teller: Teller, mine: Mapping[int, Step]) -> dict[int, Decision]:
        """By the internal ids of the Subscriptions."""
        arrived = [(rid, one.arrived) for rid, one in mine.items() if one.arrived]
        await rounds.arrived(connection, [Arrived(rid, one.row.version, one.message.last) for rid, one in arrived])
        rows = await rounds.rows_of(connection, list(mine))
        allowed = await grants(connection, list(rows.values()), is_open=self.is_open)
        asked = await self._asked(connection, [rows[rid] for rid in allowed])
        places = self.sites.places()
        deciding = Deciding(teller, self.database.clock.now(), self.channels, self.secrets, places)
        decided = {
            rid: PutOff(0)
            if one.is_last
            else deciding.decision(rows.get(rid), allowed.get(rid), asked.get(rid), one.arrived)
            for rid, one in mine.items()
        }
        await rounds.wake(connection, self.sites.next(places))
        return decided

    async def _asked(self, connection: Connection, rows: Iterable[Row]) -> dict[int, Requested | Unprocessable]:
        """By internal id; an error for what would be refused by now."""
        keys = [(row.rid, row.version) for row in rows]
        if len(self._known) > KNOWN_MAX:
            self._known.clear()
        found = await exact_versions(connection, [key for key in keys if key not in self._known])
        refused: dict[int, Requested | Unprocessable] = {}
        for key, version in found.items():
            try:
                self._known[key] = read(load(version), self.offer)
            except Unprocessable as error:
                refused[version.rid] = error
        return refused | {rid: self._known[rid, version] for rid, version in keys if rid not in refused}

    async def _told(
        self, connection: Connection, teller: Teller, decided: Mapping[int, Decision]
    ) -> dict[int, Decision | Exception]:
        """The same with the messages of events; an error where one cannot be made."""
        due = [one for one in decided.values() if isinstance(one, Tell)]
        found = await rounds.between(connection, [Range(one.row.rid, one.row.delivered + 1, one.last) for one in due])
        shown = [one for row in due if row.asked.content != "empty" for one in found.get(row.row.rid, ())]
        versions = await exact_versions(connection, {one.focus for one in shown})
        told: dict[int, Decision | Exception] = dict(decided)
        for one in due:
            told[one.row.rid] = await _message(connection, teller, one, found.get(one.row.rid, ()), versions)
        return told

    async def _written(
        self,
        connection: Connection,
        mine: Mapping[int, Step],
        decided: Mapping[int, Decision],
        told: Mapping[int, Decision | Exception],
    ) -> None:
        """What is under way is on record before it leaves."""
        sent = [one for rid, one in told.items() if isinstance(decided[rid], Tell) and isinstance(one, Send)]
        await rounds.tried(connection, {one.row.rid: one.message.last for one in sent})
        if sent:
            await insert_records(connection, [record_of(one.row, one.message) for one in sent])
        await rounds.ended(connection, [mine[rid].job.id for rid, one in decided.items() if one == OVER])
        await rounds.put_off(connection, self._waits(mine, decided))

    def _waits(self, mine: Mapping[int, Step], decided: Mapping[int, Decision]) -> dict[UUID, float]:
        """Until when jobs are put off, by their ids (seconds)."""
        waits = {mine[rid].job.id: one.seconds for rid, one in decided.items() if isinstance(one, PutOff)}
        crowded = [(mine[rid].job, one.site) for rid, one in decided.items() if isinstance(one, NoPlace)]
        return waits | {job.id: self.sites.wait(job, site) for job, site in crowded}


async def _message(
    connection: Connection, teller: Teller, tell: Tell, found: Sequence[Numbered], versions: Versions
) -> Send | Exception:
    try:
        message = await teller.message(
            connection, tell.row, tell.asked, tell.grant, tell.last, found=found, versions=versions
        )
    except psycopg.Error:
        raise  # the transaction is over
    except Exception as error:  # noqa: BLE001 - one that cannot be made must not keep others from being sent
        return error
    return Send(tell.row, message, tell.way)


def _answer(step: Step, how: rounds.Held, told: Mapping[int, Decision | Exception]) -> Answer | Exception:
    match how:
        case "busy":
            return BUSY
        case "lost":
            return LeaseLost(f"job {step.job.id} is no longer held")
    answer = told[step.rid]
    return answer if isinstance(answer, Send | Becomes | Exception) else None
