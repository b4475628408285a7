"""What a Subscription asks for, compiled: which changes of resources it is told. No database here."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final, Generic, TypeVar
from urllib.parse import parse_qsl

from fhir_server.errors import GalenicError, Issue, Unprocessable
from fhir_server.model.resource_types import NUMBERS
from fhir_server.search.boolean import And, Not, OnType, Or, flat
from fhir_server.search.entries import Entries
from fhir_server.search.has_key import HasKey
from fhir_server.search.indexer import Indexer
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.search.predicate import Predicate
from fhir_server.search.registry import Registry
from fhir_server.search.sight import ALWAYS
from fhir_server.search.types.reference import Chained, ReferredToBy, RefersTo
from integrations.guarded.refusal import Refused as NotSent
from integrations.guarded.targets import sent_to
from subscriptions.request import Offer, Refused, Requested, requested
from subscriptions.topics import TOPICS, WRITTEN, Interaction, Trigger

KEYS_MAX: Final = 20
"""Alternatives of a criterion by which a watch is found; one of more is only judged (values)."""

COMMON: Final = frozenset({"status", "intent"})
"""What so many resources have in common that it tells little."""

CRITERIA: Final = "Subscription.criteria"

ANSWERED: Final = "criteria say which resources, and nothing of how they are answered"

Owner = TypeVar("Owner")

Key = tuple[str, str, str]
"""Type, name and value of an entry that a resource must have for a watch to concern it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One event, with what the versions before and after it say; None where there is none, or a deletion."""

    type_name: str
    interaction: Interaction
    before: Entries | None
    after: Entries | None

    @property
    def said(self) -> Entries | None:
        """By the version after, of a deletion by the one before."""
        return self.after or self.before


@dataclass(frozen=True, slots=True)
class Watch:
    """One trigger, narrowed by the filters of a Subscription."""

    trigger: Trigger
    current: Predicate
    previous: Predicate
    filters: Predicate

    def fires(self, change: Change) -> bool:
        trigger = self.trigger
        if change.type_name != trigger.type_name or change.interaction not in trigger.interactions:
            return False
        said = change.said
        return (
            said is not None
            and self.filters.matches(said)
            and _passes(self.current, change.after, otherwise=trigger.on_delete)
            and _passes(self.previous, change.before, otherwise=trigger.on_create)
        )

    def keys(self) -> tuple[Key, ...]:
        """One of them is among what a change says, or the watch does not fire; none: nothing tells so quickly.

        What a Subscription is narrowed by tells more than its topic, and a reference more than a status.
        """
        current = () if "delete" in self.trigger.interactions else flat((self.current,))
        found = [keys for part in (*flat((self.filters,)), *current) if (keys := _keys_of(part))]
        chosen = min(found, key=lambda keys: keys[0][0] in COMMON, default=())
        return tuple((self.trigger.type_name, name, value) for name, value in chosen)


def _keys_of(part: Predicate) -> tuple[tuple[str, str], ...]:
    match part:
        case HasKey(name, values) | RefersTo(name, values) if len(values) <= KEYS_MAX:
            return tuple((name, value) for value in values)
    return ()


def _passes(test: Predicate, entries: Entries | None, *, otherwise: bool) -> bool:
    if test == ALWAYS:
        return True
    return otherwise if entries is None else test.matches(entries)


@dataclass(frozen=True, slots=True)
class Reading:
    """What criteria are read with; they mean what they mean in a search."""

    registry: Registry
    base_url: str
    now: datetime

    def watches(self, asked: Requested) -> tuple[Watch, ...]:
        """Raises `Unprocessable` that names the element."""
        if asked.topic is None:
            type_name, _, query = asked.criteria.partition("?")
            return (self._watch(Trigger(type_name, WRITTEN, query), ()),)
        return self.topic(asked.topic, asked.filters)

    def topic(self, url: str, filters: Iterable[str] = ()) -> tuple[Watch, ...]:
        """One for each trigger of the topic; filters are `Type?parameter=value`."""
        narrowed = [one.partition("?")[::2] for one in filters]
        return tuple(
            self._watch(one, [query for type_name, query in narrowed if type_name == one.type_name])
            for one in TOPICS[url].triggers
        )

    def _watch(self, trigger: Trigger, filters: Iterable[str]) -> Watch:
        current, previous = (self._test(trigger.type_name, query) for query in (trigger.current, trigger.previous))
        narrowed = And(flat(self._test(trigger.type_name, one) for one in filters))
        return Watch(trigger, current, previous, narrowed)

    def _test(self, type_name: str, query: str) -> Predicate:
        if type_name not in NUMBERS:
            raise refused(f"there is no resource type '{type_name[:60]}'", code="value")
        pairs = parse_qsl(query, keep_blank_values=True)
        if any(name == "_count" for name, _ in pairs):
            raise refused(ANSWERED)
        try:
            read, _ = parse(self.registry, type_name, pairs, ParseOptions(self.base_url, 1, 1, self.now, "strict"))
        except GalenicError as error:
            raise refused(error.message) from error
        if (read.sort, read.includes, read.elements, read.summary, read.total) != ((), (), (), "false", "none"):
            raise refused(ANSWERED)
        if any(map(_asks_others, read.where)):
            raise refused("chains, _has and _list are not supported here: a change of another resource tells nobody")
        return And(flat(read.where))


def _asks_others(part: Predicate) -> bool:
    match part:
        case Chained() | ReferredToBy():
            return True
        case And(parts) | Or(parts):
            return any(map(_asks_others, parts))
        case Not(inner) | OnType(_, inner):
            return _asks_others(inner)
    return False


def refused(message: str, place: str = CRITERIA, code: str = "not-supported") -> Unprocessable:
    told = f"{place}: {message}"
    return Unprocessable(told, [Issue(code, told, place)])


def read(resource: dict[str, Any], offer: Offer) -> Requested:
    """What a Subscription asks for; raises `Unprocessable` with everything that would not be delivered."""
    try:
        return requested(resource, offer)
    except Refused as error:
        issues = [Issue(one.code, f"{one.place}: {one.text}", one.place) for one in error.problems]
        raise Unprocessable("The Subscription would not be delivered", issues) from error


UNREADABLE: Final = Requested(None, "", (), "rest-hook", "", (), "empty", "", None, None, 1, None, "")
"""What a Subscription asks for that was accepted once, and could not be any more."""


def judge_subscription(resource: dict[str, Any], indexer: Indexer, now: datetime, offer: Offer) -> None:
    """Raises `Unprocessable` where a client asks for what would not be delivered.

    One that has ended already is off soon. What was accepted once, and could not be any more, can still come to an end.
    """
    if resource.get("status") != "requested":
        return
    asked = read(resource, offer)
    if asked.channel == "rest-hook":
        _judge_url(asked.endpoint, offer)
    Reading(indexer.registry, indexer.base_url, now).watches(asked)


def _judge_url(endpoint: str, offer: Offer) -> None:
    try:
        sent_to(endpoint, allow_private=offer.allow_plain)
    except NotSent as error:
        raise refused(str(error), "Subscription.channel.endpoint", "security") from error


class Watches(Generic[Owner]):
    """Finds the watches that a change may fire without asking each: by one of the entries it must have."""

    def __init__(self, owned: Mapping[Owner, Iterable[Watch]]) -> None:
        self._by_key: dict[Key, list[tuple[Owner, Watch]]] = {}
        self._others: dict[str, list[tuple[Owner, Watch]]] = {}
        for owner, watches in owned.items():
            for watch in watches:
                self._add(owner, watch)
        self.types = {watch.trigger.type_name for watches in owned.values() for watch in watches}

    def _add(self, owner: Owner, watch: Watch) -> None:
        keys = watch.keys()
        for key in keys:
            self._by_key.setdefault(key, []).append((owner, watch))
        if not keys:
            self._others.setdefault(watch.trigger.type_name, []).append((owner, watch))

    def told(self, change: Change) -> list[Owner]:
        """Who is told of it, each once."""
        fired = (owner for owner, watch in self._candidates(change) if watch.fires(change))
        return list(dict.fromkeys(fired))

    def _candidates(self, change: Change) -> Iterator[tuple[Owner, Watch]]:
        said = change.said
        if said is not None:
            for name, value in chain(said.keys, said.links):
                yield from self._by_key.get((change.type_name, name, value), ())
            yield from self._others.get(change.type_name, ())
