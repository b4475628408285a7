"""What the intents of a transaction come to: one step for each resource they concern. Pure.

https://hl7.org/fhir/R4/http.html#trules
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from fhir_server.errors import Ambiguous, Invalid, Issue, NotFound, TooCostly
from fhir_server.storage.intents import Intent, Outcome
from fhir_server.storage.read import Key
from fhir_server.storage.version import Version

DELETE_ALL_MAX: Final = 1_000
"""Resources one conditional delete deletes at most (resources)."""


@dataclass(slots=True)
class Step:
    """One resource an intent concerns; `key` is (type, id)."""

    intent: Intent
    key: Key
    matched: Version | None = None
    outcome: Outcome | None = None
    same_as: "Step | None" = None


def own_step(intent: Intent) -> Step:
    return Step(intent, (intent.type_name, intent.id or intent.new_id))


def key_of(version: Version) -> Key:
    return version.type_name, version.id


def matches_wanted(intent: Intent) -> int:
    """How many matches of its condition decide what becomes of it."""
    return DELETE_ALL_MAX + 1 if intent.delete_all else 2


def matched(intent: Intent, matches: Sequence[Version]) -> list[Step]:
    """What a condition's matches make of an intent."""
    if len(matches) > DELETE_ALL_MAX:
        raise TooCostly(at(intent, f"the condition matches more than {DELETE_ALL_MAX} resources"))
    if len(matches) > 1 and not intent.delete_all:
        raise Ambiguous(at(intent, f"the condition on {intent.type_name} matches more than one resource"))
    if not matches:
        return [unmatched(intent)]
    if intent.kind == "create":
        return [Step(intent, key_of(matches[0]), matches[0], Outcome(200, matches[0]))]
    if intent.kind == "update" and intent.id not in (None, matches[0].id):
        message = at(intent, f"the condition matches a resource with another id than {intent.id}")
        raise Invalid(message, [Issue("invariant", message, f"{intent.type_name}.id")])
    return [Step(intent, key_of(match), match) for match in matches]


def unmatched(intent: Intent) -> Step:
    if intent.kind == "patch":
        message = at(intent, f"no {intent.type_name} matches the condition")
        raise NotFound(message, [Issue("not-found", message, intent.place)])
    step = own_step(intent)
    if intent.kind == "delete":
        step.outcome = Outcome(204, None)
    return step


def refuse_overlap(steps: Sequence[Step]) -> None:
    """R4: entries of a transaction may not address the same resource twice, resolved conditions included."""
    seen: set[Key] = set()
    for step in steps:
        if step.intent.kind != "create" and step.key in seen:
            message = at(step.intent, f"{'/'.join(step.key)} is addressed twice in one transaction")
            raise Invalid(message, [Issue("invariant", message, step.intent.place)])
        if step.intent.kind != "create" or step.matched is None:
            seen.add(step.key)


def replaced(steps: Sequence[Step]) -> dict[str, str]:
    """Links to an id that was set aside for a resource which turned out to exist."""
    own = ((step.intent.type_name, step.intent.id or step.intent.new_id) for step in steps)
    pairs = zip(own, (step.key for step in steps), strict=True)
    return {"/".join(one): "/".join(other) for one, other in pairs if one != other}


def share_creates(steps: Sequence[Step]) -> None:
    """Conditional creates under one condition make one resource; with an update under it they would collide."""
    first: dict[str, Step] = {}
    for step in steps:
        if step.intent.kind not in ("create", "update") or step.intent.condition is None or step.matched:
            continue
        same = first.setdefault(step.intent.condition.normalised, step)
        if same is step:
            continue
        if "update" in (same.intent.kind, step.intent.kind):
            message = at(step.intent, "two entries would create a resource under one condition")
            raise Invalid(message, [Issue("invariant", message, step.intent.place)])
        step.key, step.same_as = same.key, same


def outcomes(intents: Sequence[Intent], steps: Sequence[Step], warnings: Sequence[Issue]) -> list[Outcome]:
    """One outcome an intent: the first of its steps stands for them all."""
    first: dict[int, Outcome] = {}
    for step in steps:
        outcome = step.outcome
        if step.same_as and step.same_as.outcome:
            outcome = Outcome(200, step.same_as.outcome.version)
        if outcome:
            first.setdefault(id(step.intent), outcome)
    return [replace(first[id(intent)], warnings=tuple(warnings)) for intent in intents]


def at(intent: Intent, message: str) -> str:
    return f"{intent.place}: {message}" if intent.place else message
