"""The one way resources are written: intents in, one transaction, outcomes out.

READ COMMITTED. Locks on identities first, then the searches that decide, then the rows in the order of their
internal ids, then the writes. A collision with another transaction starts the attempt again.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from psycopg.errors import DeadlockDetected

from fhir_server.auth.context import Context
from fhir_server.errors import Conflict, Issue, Unprocessable
from fhir_server.model.parser import parse_object, write
from fhir_server.model.walk import rewrite_links
from fhir_server.search.consent import CONSENT
from fhir_server.search.index import IndexRow
from fhir_server.search.matches import matches
from fhir_server.search.query import Query
from fhir_server.storage.consents import write_rules
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.draft import Attempt, Drafter, Validate
from fhir_server.storage.events import Waker
from fhir_server.storage.find import STORED_DEPTH, Finder, Outdated
from fhir_server.storage.intents import Intent, Outcome, Resource
from fhir_server.storage.judge import UNGUARDED, Guard, shown
from fhir_server.storage.locks import lock_identities
from fhir_server.storage.read import LOCK_TO_CHANGE, LOCK_TO_DELETE, Key, current_versions
from fhir_server.storage.rids import RidSource
from fhir_server.storage.steps import (
    Step,
    key_of,
    matched,
    matches_wanted,
    outcomes,
    own_step,
    refuse_overlap,
    replaced,
    share_creates,
)
from fhir_server.storage.subscriptions import SUBSCRIPTION, write_subscriptions
from fhir_server.storage.targets import Integrity, Link, dangling, is_referred_to, local_links
from fhir_server.storage.version import Version
from fhir_server.storage.write import AuditEntry, IdTaken, write_versions

AUDIT_EVENT: Final = "AuditEvent"

REMEMBERED: Final = frozenset({CONSENT, SUBSCRIPTION})
"""Types that have rows of their own, written in the same transaction."""

ATTEMPTS_MAX: Final = 10
"""Attempts before a request that keeps colliding is refused (attempts)."""

Finish = Callable[[Connection, Sequence[Outcome]], Awaitable[None]]


class Moved(Exception):
    """What the attempt was decided on has changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Intents that are written together; `finish` runs in the same transaction, after the writes, with their outcomes.

    `integrity` is for the references of what is written; `guard_deletes` refuses to delete what is referred to.
    """

    intents: Sequence[Intent]
    context: Context
    audit: Sequence[AuditEntry] = ()
    integrity: Integrity = "off"
    guard_deletes: bool = False
    finish: Finish | None = None
    guard: Guard = UNGUARDED


class Writer:
    """Writes batches of intents; validation of patched resources is handed in."""

    def __init__(self, database: Database, rids: RidSource, finder: Finder, validate: Validate, waker: Waker) -> None:
        self._database = database
        self._rids = rids
        self._finder = finder
        self._indexer = finder.indexer
        self._validate = validate
        self._drafter = Drafter(finder.indexer, validate, database.clock)
        self._waker = waker

    def by(self, finder: Finder) -> "Writer":
        """The writer that indexes and finds by another finder."""
        return Writer(self._database, self._rids, finder, self._validate, self._waker)

    async def write(self, batch: Batch) -> list[Outcome]:
        """The outcome of each intent, in their order; all of it is committed when this returns."""
        if any(intent.type_name == AUDIT_EVENT for intent in batch.intents):
            raise Unprocessable("AuditEvents are recorded by the server itself, and not stored")
        try:
            return await self._write(batch)
        except Outdated:
            return await self._renewed(batch).write(batch)

    def _renewed(self, batch: Batch) -> "Writer":
        """Conditions keep their meaning while a generation is built, and not when another one is searched."""
        finder = self._finder.renewed()
        if any(i.condition for i in batch.intents) and finder.indexer.registry.added != self._indexer.registry.added:
            raise Conflict("the search parameters have changed meanwhile; try again")
        return self.by(finder)

    async def _write(self, batch: Batch) -> list[Outcome]:
        rows = self._index(batch.intents)
        rids = await self._rids.take(sum(i.kind in ("create", "update") for i in batch.intents))
        for _ in range(ATTEMPTS_MAX):
            try:
                written = await self._attempt(batch, Attempt(list(rids), dict(rows)))
            except (IdTaken, Moved, DeadlockDetected):
                continue
            self._waker.wake()
            return written
        raise Conflict("other requests keep changing the same resources; try again")

    def _index(self, intents: Sequence[Intent]) -> dict[int, IndexRow]:
        """Search rows of the resources that are sent whole; the work is done before any lock is taken."""
        return {id(i): self._row(i, i.resource) for i in intents if i.resource is not None}

    def _row(self, intent: Intent, resource: Resource) -> IndexRow:
        """One that was made by another generation of search parameters is made again."""
        if intent.index and intent.index.generation == self._indexer.registry.generation:
            return intent.index
        return self._indexer.index(resource | {"id": intent.id or intent.new_id})

    async def _attempt(self, batch: Batch, attempt: Attempt) -> list[Outcome]:
        if _is_plain_create(batch):
            async with self._database.connection() as connection:  # one statement is its own transaction
                return await self._commit(connection, batch, attempt, [own_step(i) for i in batch.intents])
        async with self._database.transaction() as connection:
            await self._lock(connection, batch, attempt)
            steps = await self._resolve_all(connection, batch.intents)
            share_creates(steps)
            self._match_new(steps, attempt)
            refuse_overlap(steps)
            _relink(batch.intents, replaced(steps), attempt)
            return await self._commit(connection, batch, attempt, steps)

    async def _lock(self, connection: Connection, batch: Batch, attempt: Attempt) -> None:
        conditions = [i.condition for i in batch.intents if i.condition is not None]
        alone = {bucket for condition in conditions for bucket in self._indexer.query_locks(condition)}
        shared = {bucket for row in attempt.rows.values() for bucket in row.identifiers}
        await lock_identities(connection, alone, shared)

    async def _resolve_all(self, connection: Connection, intents: Sequence[Intent]) -> list[Step]:
        """R4's order: deletions first, so that no other condition matches what they delete."""
        deletions = [intent for intent in intents if intent.kind == "delete"]
        steps = await self._resolve(connection, deletions, set())
        going = {step.key for found in steps.values() for step in found if step.outcome is None}
        steps |= await self._resolve(connection, [intent for intent in intents if intent.kind != "delete"], going)
        return [step for intent in intents for step in steps[id(intent)]]

    async def _resolve(
        self, connection: Connection, intents: Sequence[Intent], going: set[Key]
    ) -> dict[int, list[Step]]:
        """The resources that intents concern, conditions decided by value; `going` are deleted already."""
        steps = {id(intent): [own_step(intent)] for intent in intents if intent.condition is None}
        asking = [(intent, intent.condition) for intent in intents if intent.condition is not None]
        wanted = [(condition, matches_wanted(intent) + len(going)) for intent, condition in asking]
        found = await self._finder.identities(connection, wanted)
        for (intent, _), versions in zip(asking, found, strict=True):
            steps[id(intent)] = matched(intent, [one for one in versions if key_of(one) not in going])
        return steps

    def _match_new(self, steps: list[Step], attempt: Attempt) -> None:
        """A conditional create also finds what the same transaction creates unconditionally under an identifier."""
        carriers: dict[int, list[Step]] = {}
        for step in steps:
            if step.intent.condition is None and step.intent.kind in ("create", "update"):
                for bucket in attempt.rows[id(step.intent)].identifiers:
                    carriers.setdefault(bucket, []).append(step)
        for step in steps if carriers else ():
            condition = step.intent.condition
            if step.intent.kind != "create" or condition is None or step.matched or step.same_as:
                continue
            for bucket in self._indexer.query_locks(condition):
                for other in carriers.get(bucket, ()):
                    if self._matches(condition, other, attempt):
                        step.key, step.same_as = other.key, other

    def _matches(self, condition: Query, step: Step, attempt: Attempt) -> bool:
        resource = attempt.resource(step.intent) | {"id": step.key[1]}
        return matches(self._indexer, condition, resource)

    async def _commit(self, connection: Connection, batch: Batch, attempt: Attempt, steps: list[Step]) -> list[Outcome]:
        current = await self._lock_current(connection, steps)
        unconcealed = await batch.guard.unconcealed(connection, self._indexer, current.values())
        for step in steps:
            if step.outcome is None and step.same_as is None:
                seen = batch.guard.before(self._indexer, step, current.get(step.key), unconcealed)
                step.outcome = self._drafter.draft(step, seen, attempt)
                if step.outcome.written and step.outcome.version:
                    batch.guard.after(self._indexer, step, seen, step.outcome.version)
        await self._lock_patched(connection, attempt)
        warnings = await self._check_integrity(connection, batch, attempt, steps)
        await self._finder.verify(connection)
        await write_versions(connection, attempt.written, batch.context, batch.audit)
        await write_rules(connection, attempt.written, self._indexer.base_url)
        await write_subscriptions(connection, attempt.written, batch.context)
        if batch.guard_deletes:
            await self._refuse_orphans(connection, attempt)
        found = outcomes(batch.intents, steps, warnings)
        if batch.finish:
            await batch.finish(connection, found)
        return found

    async def _lock_patched(self, connection: Connection, attempt: Attempt) -> None:
        """Identifiers that only the patched resource shows; whoever collides here is tried again."""
        locked = {bucket for row in attempt.rows.values() for bucket in row.identifiers}
        carried = {bucket for new in attempt.written if new.index for bucket in new.index.identifiers}
        await lock_identities(connection, (), carried - locked)

    async def _check_integrity(
        self, connection: Connection, batch: Batch, attempt: Attempt, steps: list[Step]
    ) -> list[Issue]:
        if batch.integrity == "off":
            return []
        links = [
            link
            for step in steps
            if step.outcome and step.outcome.written and step.intent.kind != "delete"
            for link in self._links(step, attempt)
        ]
        written = {key_of(v.stored) for v in attempt.written if v.index}
        deleted = {key_of(v.stored) for v in attempt.written if not v.index}
        hidden = await self._hidden(connection, batch, links, written)
        issues = await dangling(connection, links, written, deleted | hidden)
        if issues and batch.integrity == "enforce":
            raise Unprocessable("A reference would lead nowhere", issues)
        return [replace(issue, severity="warning") for issue in issues]

    async def _hidden(self, connection: Connection, batch: Batch, links: Sequence[Link], written: set[Key]) -> set[Key]:
        """What the links lead to and the writer may not know of: for them it is not there."""
        if batch.guard.read.is_everything:
            return set()
        targets = (await current_versions(connection, {link.key for link in links} - written)).values()
        seen = {key_of(one) for one in await shown(connection, batch.guard.read, self._indexer, targets)}
        return {key_of(version) for version in targets} - seen

    async def _refuse_orphans(self, connection: Connection, attempt: Attempt) -> None:
        """Runs after the writes: what was deleted or changed beside the target refers to it no longer."""
        for key in (key_of(new.stored) for new in attempt.written if new.index is None):
            if await is_referred_to(connection, self._indexer, key):
                message = f"{'/'.join(key)} is referred to by other resources"
                raise Conflict(message, [Issue("conflict", message)])

    async def _lock_current(self, connection: Connection, steps: list[Step]) -> dict[Key, Version]:
        """Locks the rows; where a match has changed since it was found, the attempt starts again."""
        keys = {step.key for step in steps if step.intent.kind != "create"}
        deletes = any(step.intent.kind == "delete" for step in steps)
        current = await current_versions(connection, keys, LOCK_TO_DELETE if deletes else LOCK_TO_CHANGE)
        for step in steps:
            found = current.get(step.key)
            if step.matched and step.intent.kind != "create" and found and found.version != step.matched.version:
                raise Moved
        return current

    def _links(self, step: Step, attempt: Attempt) -> Iterator[Link]:
        inside = f"{step.intent.place}.resource" if step.intent.place else step.intent.type_name
        return local_links(attempt.resource(step.intent), self._indexer.base_url, inside)


def _is_plain_create(batch: Batch) -> bool:
    """Whether nothing has to be looked at before writing; the statement shares the locks it needs itself."""
    plain = all(i.kind == "create" and i.condition is None and i.type_name not in REMEMBERED for i in batch.intents)
    return plain and batch.integrity == "off" and batch.finish is None


def _relink(intents: Sequence[Intent], replaced: dict[str, str], attempt: Attempt) -> None:
    """Copies of the resources that link to what was replaced; the next attempt may find something else."""
    if not replaced:
        return
    names = [name.encode() for name in replaced]
    for intent in intents:
        body = write(intent.resource)
        if intent.resource is not None and any(name in body for name in names):
            linked = parse_object(body, STORED_DEPTH)
            rewrite_links(linked, replaced)
            attempt.resources[id(intent)] = linked
            attempt.rows.pop(id(intent), None)
