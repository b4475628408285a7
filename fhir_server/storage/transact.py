"""The one way resources are written: intents in, one transaction, outcomes out.

READ COMMITTED. Locks on identities first, then the searches that decide, then the rows in the order of their
internal ids, then the writes. A collision with another transaction starts the attempt again.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from psycopg.errors import DeadlockDetected

from fhir_server.auth.context import Context
from fhir_server.clock import after
from fhir_server.errors import Ambiguous, Conflict, Gone, Invalid, Issue, NotFound, Stale, TooCostly, Unprocessable
from fhir_server.model.parser import parse_object, write
from fhir_server.model.walk import references, rewrite_links
from fhir_server.search.index import IndexRow
from fhir_server.search.indexer import Indexer
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.events import Waker
from fhir_server.storage.find import STORED_DEPTH, find_identity, load
from fhir_server.storage.intents import Intent, Outcome, Resource
from fhir_server.storage.locks import lock_identities
from fhir_server.storage.read import LOCK_TO_CHANGE, LOCK_TO_DELETE, Key, current_versions
from fhir_server.storage.rids import RidSource
from fhir_server.storage.stamp import same_content, stamped
from fhir_server.storage.targets import Integrity, Link, dangling, is_referred_to, local_links
from fhir_server.storage.version import NewVersion, Version
from fhir_server.storage.write import AuditEntry, IdTaken, write_versions

ATTEMPTS_MAX: Final = 10
"""Attempts before a request that keeps colliding is refused (attempts)."""

DELETE_ALL_MAX: Final = 1_000
"""Resources one conditional delete deletes at most (resources)."""

Finish = Callable[[Connection], Awaitable[None]]


class Validate(Protocol):
    def __call__(self, resource: Resource) -> None:
        """Raises `Invalid` with every problem of the resource."""


class Moved(Exception):
    """What the attempt was decided on has changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Intents that are written together; `finish` runs in the same transaction, after the writes.

    `integrity` is for the references of what is written; `guard_deletes` refuses to delete what is referred to.
    """

    intents: Sequence[Intent]
    context: Context
    audit: Sequence[AuditEntry] = ()
    integrity: Integrity = "off"
    guard_deletes: bool = False
    finish: Finish | None = None


@dataclass(slots=True)
class Step:
    """One resource an intent concerns; `key` is (type, id)."""

    intent: Intent
    key: Key
    matched: Version | None = None
    outcome: Outcome | None = None
    same_as: "Step | None" = None


@dataclass(slots=True)
class Attempt:
    """What one attempt has worked out; resources and search rows by the identity of their intent."""

    rids: list[int]
    rows: dict[int, IndexRow]
    resources: dict[int, Resource] = field(default_factory=dict)
    written: list[NewVersion] = field(default_factory=list)

    def resource(self, intent: Intent) -> Resource:
        return self.resources.get(id(intent), intent.resource or {})


class Writer:
    """Writes batches of intents; validation of patched resources is handed in."""

    def __init__(
        self, database: Database, rids: RidSource, indexer: Indexer, validate: Validate, waker: Waker
    ) -> None:
        self._database = database
        self._rids = rids
        self._indexer = indexer
        self._validate = validate
        self._waker = waker

    async def write(self, batch: Batch) -> list[Outcome]:
        """The outcome of each intent, in their order; all of it is committed when this returns."""
        rows = self._index(batch.intents)
        rids = await self._rids.take(sum(i.kind in ("create", "update") for i in batch.intents))
        for _ in range(ATTEMPTS_MAX):
            try:
                outcomes = await self._attempt(batch, Attempt(list(rids), dict(rows)))
            except (IdTaken, Moved, DeadlockDetected):
                continue
            self._waker.wake()
            return outcomes
        raise Conflict("other requests keep changing the same resources; try again")

    def _index(self, intents: Sequence[Intent]) -> dict[int, IndexRow]:
        """Search rows of the resources that are sent whole; the work is done before any lock is taken."""
        return {
            id(intent): intent.index or self._indexer.index(intent.resource | {"id": intent.id or intent.new_id})
            for intent in intents
            if intent.resource is not None
        }

    async def _attempt(self, batch: Batch, attempt: Attempt) -> list[Outcome]:
        if _is_plain_create(batch):
            async with self._database.connection() as connection:  # one statement is its own transaction
                return await self._commit(connection, batch, attempt, [_own_step(i) for i in batch.intents])
        async with self._database.transaction() as connection:
            await self._lock(connection, batch, attempt)
            steps = await self._resolve_all(connection, batch.intents)
            _share_creates(steps)
            _refuse_overlap(steps)
            _relink(batch.intents, _replaced(steps), attempt)
            return await self._commit(connection, batch, attempt, steps)

    async def _lock(self, connection: Connection, batch: Batch, attempt: Attempt) -> None:
        conditions = [i.condition for i in batch.intents if i.condition is not None]
        alone = {bucket for condition in conditions for bucket in self._indexer.query_locks(condition)}
        shared = {bucket for row in attempt.rows.values() for bucket in row.identifiers}
        await lock_identities(connection, alone, shared)

    async def _resolve_all(self, connection: Connection, intents: Sequence[Intent]) -> list[Step]:
        """R4's order: deletions first, so that no other condition matches what they delete."""
        steps: dict[int, list[Step]] = {}
        going: set[Key] = set()
        for intent in sorted(intents, key=lambda intent: intent.kind != "delete"):
            gone = set() if intent.kind == "delete" else going
            steps[id(intent)] = await self._resolve(connection, intent, gone)
            if intent.kind == "delete":
                going.update(step.key for step in steps[id(intent)] if step.outcome is None)
        return [step for intent in intents for step in steps[id(intent)]]

    async def _resolve(self, connection: Connection, intent: Intent, going: set[Key]) -> list[Step]:
        """The resources an intent concerns, conditions decided by value; `going` are deleted already."""
        if intent.condition is None:
            return [_own_step(intent)]
        limit = DELETE_ALL_MAX + 1 if intent.delete_all else 2
        found = await find_identity(connection, self._indexer, intent.condition, limit + len(going))
        matches = [version for version in found if _key(version) not in going]
        if len(matches) > DELETE_ALL_MAX:
            raise TooCostly(_at(intent, f"the condition matches more than {DELETE_ALL_MAX} resources"))
        if len(matches) > 1 and not intent.delete_all:
            raise Ambiguous(_at(intent, f"the condition on {intent.type_name} matches more than one resource"))
        if not matches:
            return [_unmatched(intent)]
        if intent.kind == "create":
            return [Step(intent, _key(matches[0]), matches[0], Outcome(200, matches[0]))]
        if intent.kind == "update" and intent.id not in (None, matches[0].id):
            message = _at(intent, f"the condition matches {matches[0].id}, the resource has the id {intent.id}")
            raise Invalid(message, [Issue("invariant", message, f"{intent.type_name}.id")])
        return [Step(intent, _key(match), match) for match in matches]

    async def _commit(
        self, connection: Connection, batch: Batch, attempt: Attempt, steps: list[Step]
    ) -> list[Outcome]:
        current = await self._lock_current(connection, steps)
        for step in steps:
            if step.outcome is None and step.same_as is None:
                step.outcome = self._draft(step, current.get(step.key), attempt)
        warnings = await self._check_integrity(connection, batch, attempt, steps)
        await write_versions(connection, attempt.written, batch.context, batch.audit)
        if batch.guard_deletes:
            await self._refuse_orphans(connection, attempt)
        if batch.finish:
            await batch.finish(connection)
        return _outcomes(batch.intents, steps, warnings)

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
        written = {_key(v.stored) for v in attempt.written if v.index}
        deleted = {_key(v.stored) for v in attempt.written if not v.index}
        issues = await dangling(connection, links, written, deleted)
        if issues and batch.integrity == "enforce":
            raise Unprocessable("A reference would lead nowhere", issues)
        return [replace(issue, severity="warning") for issue in issues]

    async def _refuse_orphans(self, connection: Connection, attempt: Attempt) -> None:
        """Runs after the writes: what was deleted or changed beside the target refers to it no longer."""
        for key in (_key(new.stored) for new in attempt.written if new.index is None):
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

    def _draft(self, step: Step, current: Version | None, attempt: Attempt) -> Outcome:
        _check_if_match(step.intent, current)
        match step.intent.kind:
            case "create":
                return self._put(step, None, attempt.resource(step.intent), attempt)
            case "update":
                return self._update(step, current, attempt)
            case "patch":
                return self._patch(step, current, attempt)
            case "delete":
                return self._delete(step, current, attempt)

    def _update(self, step: Step, current: Version | None, attempt: Attempt) -> Outcome:
        if step.intent.condition is not None and step.matched is None and current and not current.deleted:
            raise Conflict(_at(step.intent, f"{step.intent.type_name}/{current.id} exists and does not match"))
        return self._put(step, current, attempt.resource(step.intent), attempt)

    def _patch(self, step: Step, current: Version | None, attempt: Attempt) -> Outcome:
        if current is None:
            raise NotFound(_at(step.intent, f"there is no {'/'.join(step.key)}"))
        if current.deleted:
            raise Gone(_at(step.intent, f"{'/'.join(step.key)} was deleted"))
        before = load(current)
        patched = step.intent.patch(before) if step.intent.patch else before
        if (patched.get("resourceType"), patched.get("id")) != step.key:
            raise Invalid(_at(step.intent, "a patch may not change the type or the id"))
        self._validate(patched)
        attempt.resources[id(step.intent)] = patched
        return self._put(step, current, patched, attempt)

    def _put(self, step: Step, current: Version | None, resource: Resource, attempt: Attempt) -> Outcome:
        if current and not current.deleted and same_content(load(current), resource):
            return Outcome(200, current)
        row = attempt.rows.get(id(step.intent))
        if row is None or step.key[1] != (step.intent.id or step.intent.new_id):
            row = self._indexer.index(resource | {"id": step.key[1]})
        status = 200 if current and not current.deleted else 201
        stored = self._version(step, current, attempt, resource, row)
        attempt.written.append(NewVersion(stored, current.version if current else None, row, status))
        return Outcome(status, stored, written=True)

    def _version(
        self, step: Step, current: Version | None, attempt: Attempt, resource: Resource, row: IndexRow
    ) -> Version:
        now = self._database.clock.now()
        last_updated = after(current.last_updated, now) if current else now
        number = current.version + 1 if current else 1
        body = stamped(resource, step.key[1], number, last_updated)
        rid = current.rid if current else attempt.rids.pop()
        kind = step.intent.kind
        return Version(rid, *step.key, number, last_updated, kind, body, row.compartments, row.labels)

    def _delete(self, step: Step, current: Version | None, attempt: Attempt) -> Outcome:
        if current is None or current.deleted:
            return Outcome(204, None)
        last_updated = after(current.last_updated, self._database.clock.now())
        rights = (current.compartments, current.labels)
        gone = Version(
            current.rid, *step.key, current.version + 1, last_updated, "delete", None, *rights
        )
        attempt.written.append(NewVersion(gone, current.version, None, 204))
        return Outcome(204, gone, written=True)

    def _links(self, step: Step, attempt: Attempt) -> Iterator[Link]:
        prefix = f"{step.intent.place}.resource." if step.intent.place else f"{step.intent.type_name}."
        for link in local_links(attempt.resource(step.intent), self._indexer.base_url):
            yield Link(link.key, prefix + link.place)


def _is_plain_create(batch: Batch) -> bool:
    """Whether nothing has to be looked at before writing; the statement shares the locks it needs itself."""
    plain = all(i.kind == "create" and i.condition is None for i in batch.intents)
    return plain and batch.integrity == "off" and batch.finish is None


def _own_step(intent: Intent) -> Step:
    return Step(intent, (intent.type_name, intent.id or intent.new_id))


def _key(version: Version) -> Key:
    return version.type_name, version.id


def _unmatched(intent: Intent) -> Step:
    if intent.kind == "patch":
        raise NotFound(_at(intent, f"no {intent.type_name} matches the condition"))
    step = _own_step(intent)
    if intent.kind == "delete":
        step.outcome = Outcome(204, None)
    return step


def _check_if_match(intent: Intent, current: Version | None) -> None:
    if intent.if_match is None:
        return
    if current is None or current.version not in intent.if_match:
        raise Stale(_at(intent, "If-Match names a version that is not the current one"))


def _refuse_overlap(steps: Sequence[Step]) -> None:
    """R4: entries of a transaction may not address the same resource twice, resolved conditions included."""
    seen: set[Key] = set()
    for step in steps:
        if step.intent.kind != "create" and step.key in seen:
            message = _at(step.intent, f"{'/'.join(step.key)} is addressed twice in one transaction")
            raise Invalid(message, [Issue("invariant", message, step.intent.place)])
        if step.intent.kind != "create" or step.matched is None:
            seen.add(step.key)


def _replaced(steps: Sequence[Step]) -> dict[str, str]:
    """Links to an id that was set aside for a resource which turned out to exist."""
    own = ((step.intent.type_name, step.intent.id or step.intent.new_id) for step in steps)
    pairs = zip(own, (step.key for step in steps), strict=True)
    return {"/".join(one): "/".join(other) for one, other in pairs if one != other}


def _share_creates(steps: Sequence[Step]) -> None:
    """Conditional creates under one condition in one transaction make one resource."""
    first: dict[str, Step] = {}
    for step in steps:
        if step.intent.kind == "create" and step.intent.condition and step.matched is None:
            same = first.setdefault(step.intent.condition.normalised, step)
            if same is not step:
                step.key, step.same_as = same.key, same


def _relink(intents: Sequence[Intent], replaced: dict[str, str], attempt: Attempt) -> None:
    """Copies of the resources that link to what was replaced; the next attempt may find something else."""
    if not replaced or len(intents) == 1:
        return
    for intent in intents:
        if intent.resource is not None and any(s.reference in replaced for s in references(intent.resource)):
            linked = parse_object(write(intent.resource), STORED_DEPTH)
            rewrite_links(linked, replaced)
            attempt.resources[id(intent)] = linked
            attempt.rows.pop(id(intent), None)


def _outcomes(intents: Sequence[Intent], steps: Sequence[Step], warnings: Sequence[Issue]) -> list[Outcome]:
    """One outcome an intent: the first of its steps stands for them all."""
    first: dict[int, Outcome] = {}
    for step in steps:
        outcome = step.outcome
        if step.same_as and step.same_as.outcome:
            outcome = Outcome(200, step.same_as.outcome.version)
        if outcome:
            first.setdefault(id(step.intent), outcome)
    return [replace(first[id(intent)], warnings=tuple(warnings)) for intent in intents]


def _at(intent: Intent, message: str) -> str:
    return f"{intent.place}: {message}" if intent.place else message
