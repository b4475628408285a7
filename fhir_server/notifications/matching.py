"""The matcher: reads events by its cursor, and gives those a Subscription is to be told their number.

One process at a time holds the lock. A batch of events, the numbers they get and the cursor are one commit: whoever
takes over goes on where the last commit ended, and no event has two numbers.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from fhir_server.errors import GalenicError
from fhir_server.model.resource_types import type_name, type_number
from fhir_server.notifications.inside import Listener, add
from fhir_server.notifications.rights import grants
from fhir_server.notifications.triggers import Change, Reading, Watch, Watches, read
from fhir_server.search.entries import Entries
from fhir_server.search.indexer import Indexer
from fhir_server.search.registry import Registry
from fhir_server.storage.alone import alone
from fhir_server.storage.database import Connection
from fhir_server.storage.events import SEQUENCED, wait_for_notification
from fhir_server.storage.find import load
from fhir_server.storage.generations import IndexerSource
from fhir_server.storage.jobs import CHANNEL
from fhir_server.storage.judge import shown
from fhir_server.storage.read import exact_versions
from fhir_server.storage.sights import sight_of
from fhir_server.storage.subscriptions import SUBSCRIPTION, Matched, Row, forget, number, told, wake
from fhir_server.storage.version import Version
from subscriptions.request import Offer
from subscriptions.topics import Interaction

LOG = logging.getLogger(__name__)

MATCHER_LOCK: Final = 8
POLL_SECONDS: Final = 1.0
"""Longest an event waits where no notification wakes the matcher (seconds)."""

MAINTENANCE_SECONDS: Final = 3_600.0
"""Time between two looks for notifications past their retention (seconds)."""

RETENTION_DAYS_MIN: Final = 4
"""Notifications are kept for longer than it is tried to deliver them, whatever the setting (days)."""

BATCH: Final = 500
"""Events that are matched in one transaction at most (events)."""

CURSOR: Final = "SELECT seq FROM consumer WHERE name = 'subscriptions' FOR UPDATE"
MOVE_CURSOR: Final = "UPDATE consumer SET seq = %s WHERE name = 'subscriptions'"
EVENTS: Final = """
SELECT seq, recorded, rid, type, version, previous_version, interaction FROM event WHERE seq > %s ORDER BY seq LIMIT %s
"""


@dataclass(frozen=True, slots=True)
class Event:
    """A row of `event`; `type` is the number of its resource type."""

    seq: int
    recorded: datetime
    rid: int
    type: int
    version: int
    previous_version: int | None
    interaction: str


Owner = int | str
"""The internal id of a Subscription, or the name of a listener in this process."""


@dataclass(slots=True)
class Known:
    """The active Subscriptions as one look found them; what each asks for is read once a version."""

    rows: dict[int, Row] = field(default_factory=dict)
    watches: Watches[Owner] = field(default_factory=lambda: Watches({}))
    read: dict[tuple[int, int], tuple[Watch, ...]] = field(default_factory=dict)
    registry: Registry | None = None
    """The search parameters they were read with: what was read with others may be indexed elsewhere by now."""


class Matcher:
    """Runs until cancelled; a lost connection costs a second, never an event."""

    def __init__(
        self,
        url: str,
        source: IndexerSource,
        retention_days: int,
        offer: Offer,
        listeners: Sequence[Listener] = (),
        *,
        is_open: bool,
    ) -> None:
        self._url = url
        self._retention_days = max(retention_days, RETENTION_DAYS_MIN)
        self._source = source
        self._is_open = is_open
        self._offer = offer
        self._topics = {listener.name: listener.topic for listener in listeners}
        self._known: Known | None = None

    async def run(self) -> None:
        await alone(self._url, MATCHER_LOCK, "the matcher", self._serve)

    async def _serve(self, connection: Connection) -> None:
        self._known = None
        await connection.execute(f"LISTEN {SEQUENCED}")
        next_maintenance = 0.0
        while True:
            if asyncio.get_running_loop().time() >= next_maintenance:
                await forget(connection, self._retention_days)
                next_maintenance = asyncio.get_running_loop().time() + MAINTENANCE_SECONDS
            if await self.match(connection) < BATCH:
                await wait_for_notification(connection, POLL_SECONDS)

    async def match(self, connection: Connection) -> int:
        """Matches the next events and commits; how many it were."""
        await self._source.ask(connection)
        async with connection.transaction():
            (seq,) = await (await connection.execute(CURSOR)).fetchone() or (0,)
            events = [Event(*row) for row in await (await connection.execute(EVENTS, (seq, BATCH))).fetchall()]
            if not events:
                return 0
            known = await self._renewed(connection, events)
            matched, inside = await self._matched(connection, known, events)
            await number(connection, matched)
            for name in sorted(inside):
                await add(connection, name, inside[name])
            await connection.execute(MOVE_CURSOR, (events[-1].seq,))
            if matched or inside:
                await connection.execute(f"NOTIFY {CHANNEL}")
        return len(events)

    async def _renewed(self, connection: Connection, events: Sequence[Event]) -> Known:
        """Whoever changes a Subscription makes an event, which is not behind any that it is to be told."""
        is_changed = any(event.type == type_number(SUBSCRIPTION) for event in events)
        registry = self._source.indexer.registry
        if self._known is None or self._known.registry is not registry:
            self._known, is_changed = Known(registry=registry), True
        if is_changed:
            self._known = await self._look(connection, self._known)
            await connection.execute(f"NOTIFY {CHANNEL}")
        return self._known

    async def _look(self, connection: Connection, before: Known) -> Known:
        rows = {row.rid: row for row in await told(connection)}
        missing = [(row.rid, row.version) for row in rows.values() if (row.rid, row.version) not in before.read]
        found = await exact_versions(connection, missing)
        fresh = {key: self._watches(version) for key, version in found.items()}
        await wake(connection, [rid for (rid, _), watches in fresh.items() if not watches])
        kept = {key: watches for key, watches in (before.read | fresh).items() if key[0] in rows}
        owned: dict[Owner, tuple[Watch, ...]] = {row.rid: kept.get((row.rid, row.version), ()) for row in rows.values()}
        owned |= {name: self._reading().topic(topic) for name, topic in self._topics.items()}
        return Known(rows, Watches(owned), kept, before.registry)

    def _reading(self) -> Reading:
        indexer = self._source.indexer
        return Reading(indexer.registry, indexer.base_url, datetime.now(UTC))

    def _watches(self, version: Version) -> tuple[Watch, ...]:
        """None where it cannot be read any more: a search parameter or a channel may have gone meanwhile."""
        indexer = self._source.indexer
        try:
            asked = read(load(version), self._offer)
            return Reading(indexer.registry, indexer.base_url, version.last_updated).watches(asked)
        except GalenicError:
            LOG.warning("Subscription %s cannot be read and is told nothing", version.id)
            return ()

    async def _matched(
        self, connection: Connection, known: Known, events: Sequence[Event]
    ) -> tuple[dict[int, list[Matched]], dict[str, list[Matched]]]:
        """By Subscription, the events it is told: those that match and that it may know of; by listener all that match.

        One whose writer may see nothing any more gets none, and whoever delivers ends it.
        """
        concerned = [event for event in events if type_name(event.type) in known.watches.types]
        keys = {(e.rid, version) for e in concerned for version in (e.version, e.previous_version) if version}
        versions = await exact_versions(connection, keys)
        matched: dict[int, list[Event]] = defaultdict(list)
        inside: dict[str, list[Matched]] = defaultdict(list)
        for event in concerned:
            for owner in self._owners(known, event, versions):
                if isinstance(owner, str):
                    inside[owner].append(_matched(event))
                else:
                    matched[owner].append(event)
            await asyncio.sleep(0)  # the worker has other things to do
        return await self._authorized(connection, known, matched, versions), inside

    def _owners(self, known: Known, event: Event, versions: dict[tuple[int, int], Version]) -> list[Owner]:
        indexer = self._source.indexer
        before = _entries(indexer, versions.get((event.rid, event.previous_version or 0)))
        after = _entries(indexer, versions.get((event.rid, event.version)))
        owners = known.watches.told(Change(type_name(event.type), _interaction(event, before), before, after))
        return [one for one in owners if isinstance(one, str) or event.seq > (known.rows[one].since or 0)]

    async def _authorized(
        self,
        connection: Connection,
        known: Known,
        matched: dict[int, list[Event]],
        versions: dict[tuple[int, int], Version],
    ) -> dict[int, list[Matched]]:
        allowed = await grants(connection, [known.rows[rid] for rid in matched], is_open=self._is_open)
        await wake(connection, matched.keys() - allowed.keys())
        found: dict[int, list[Matched]] = {}
        for rid, grant in allowed.items():
            indexer = self._source.indexer
            sight = sight_of(indexer.registry, indexer.base_url, grant, "r")
            focus = [versions[e.rid, e.version] for e in matched[rid] if (e.rid, e.version) in versions]
            seen = {(one.rid, one.version) for one in await shown(connection, sight, indexer, focus)}
            events = [e for e in matched[rid] if (e.rid, e.version) in seen]
            if events:
                found[rid] = [_matched(event) for event in events]
        return found


def _matched(event: Event) -> Matched:
    return Matched(event.seq, event.recorded, event.rid, event.version, event.interaction)


def _interaction(event: Event, before: Entries | None) -> Interaction:
    """What comes back after it was deleted is created anew."""
    if event.interaction == "delete":
        return "delete"
    return "create" if before is None else "update"


def _entries(indexer: Indexer, version: Version | None) -> Entries | None:
    return indexer.entries(load(version)) if version is not None and version.body is not None else None
