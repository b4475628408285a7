"""The next version of a resource, from the one that is locked and what the client wants. No database here."""

from dataclasses import dataclass, field
from typing import Protocol

from fhir_server.clock import Clock, after
from fhir_server.errors import Conflict, Gone, Invalid, Issue, NotFound, Stale
from fhir_server.search.index import IndexRow
from fhir_server.search.indexer import Indexer
from fhir_server.storage.find import load
from fhir_server.storage.intents import Intent, Outcome, Resource
from fhir_server.storage.stamp import same_content, stamped
from fhir_server.storage.steps import Step, at
from fhir_server.storage.version import NewVersion, Version


class Validate(Protocol):
    def __call__(self, resource: Resource) -> None:
        """Raises `Invalid` with every problem of the resource."""


@dataclass(slots=True)
class Attempt:
    """What one attempt has worked out; resources and search rows by the identity of their intent."""

    rids: list[int]
    rows: dict[int, IndexRow]
    resources: dict[int, Resource] = field(default_factory=dict)
    written: list[NewVersion] = field(default_factory=list)

    def resource(self, intent: Intent) -> Resource:
        return self.resources.get(id(intent), intent.resource or {})


class Drafter:
    """Drafts versions; validation of patched resources is handed in."""

    def __init__(self, indexer: Indexer, validate: Validate, clock: Clock) -> None:
        self._indexer = indexer
        self._validate = validate
        self._clock = clock

    def draft(self, step: Step, current: Version | None, attempt: Attempt) -> Outcome:
        """What becomes of a step; the version to write, if any, is added to the attempt."""
        _check_precondition(step.intent, current)
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
            raise Conflict(at(step.intent, f"{step.intent.type_name}/{current.id} exists and does not match"))
        if step.intent.merge and current and not current.deleted:
            merged = step.intent.merge(load(current), attempt.resource(step.intent))
            return self._changed(step, current, merged, attempt)
        return self._put(step, current, attempt.resource(step.intent), attempt)

    def _patch(self, step: Step, current: Version | None, attempt: Attempt) -> Outcome:
        if current is None:
            raise NotFound(at(step.intent, f"there is no {'/'.join(step.key)}"))
        if current.deleted:
            raise Gone(at(step.intent, f"{'/'.join(step.key)} was deleted"))
        before = load(current)
        patched = step.intent.patch(before) if step.intent.patch else before
        if (patched.get("resourceType"), patched.get("id")) != step.key:
            raise Invalid(at(step.intent, "a patch may not change the type or the id"))
        return self._changed(step, current, patched, attempt)

    def _changed(self, step: Step, current: Version, resource: Resource, attempt: Attempt) -> Outcome:
        """What was made of the current version is judged, and indexed, only now."""
        self._validate(resource)
        attempt.resources[id(step.intent)] = resource
        attempt.rows.pop(id(step.intent), None)
        return self._put(step, current, resource, attempt)

    def _put(self, step: Step, current: Version | None, resource: Resource, attempt: Attempt) -> Outcome:
        if current and not current.deleted and same_content(load(current), resource):
            return Outcome(200, current)
        row = attempt.rows.get(id(step.intent))
        if row is None or step.key[1] != (step.intent.id or step.intent.new_id):
            row = self._indexer.index(resource | {"id": step.key[1]})
        status = 200 if current and not current.deleted else 201
        stored = self._version(step, current, attempt, resource, row)
        before = current.compartments if current else ()
        attempt.written.append(NewVersion(stored, current.version if current else None, row, status, before))
        return Outcome(status, stored, written=True)

    def _version(
        self, step: Step, current: Version | None, attempt: Attempt, resource: Resource, row: IndexRow
    ) -> Version:
        now = self._clock.now()
        last_updated = after(current.last_updated, now) if current else now
        number = current.version + 1 if current else 1
        body = stamped(resource, step.key[1], number, last_updated)
        rid = current.rid if current else attempt.rids.pop()
        kind = step.intent.kind
        return Version(rid, *step.key, number, last_updated, kind, body, row.compartments, row.labels)

    def _delete(self, step: Step, current: Version | None, attempt: Attempt) -> Outcome:
        if current is None or current.deleted:
            return Outcome(204, None)
        last_updated = after(current.last_updated, self._clock.now())
        rights = (current.compartments, current.labels)
        gone = Version(current.rid, *step.key, current.version + 1, last_updated, "delete", None, *rights)
        attempt.written.append(NewVersion(gone, current.version, None, 204))
        return Outcome(204, gone, written=True)


def _check_precondition(intent: Intent, current: Version | None) -> None:
    asked = intent.precondition
    present = current is not None and not current.deleted
    if asked.present is not None and asked.present != present:
        message = at(intent, f"The {intent.type_name} is {'there' if present else 'not there'}")
        raise Stale(message, [Issue("conflict", message, intent.place)])
    if asked.versions is not None and (current is None or current.version not in asked.versions):
        raise Stale(at(intent, "If-Match names a version that is not the current one"))
