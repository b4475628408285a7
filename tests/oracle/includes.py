"""_include and _revinclude. https://hl7.org/fhir/R4/search.html#include"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tests.oracle.definitions import Parameter
from tests.oracle.extraction import Resource
from tests.oracle.references import Key
from tests.oracle.store import Store

NAMES = ("_include", "_revinclude")


@dataclass(frozen=True, slots=True)
class Include:
    """`source:parameter:target`; None is any, `iterate` looks also at what was included."""

    source: str | None
    code: str | None
    target: str | None
    iterate: bool
    reverse: bool


def parse_include(name: str, value: str) -> Include:
    base, _, modifier = name.partition(":")
    source, code, target = [*(None if part == "*" else part for part in value.split(":")), None, None][:3]
    return Include(source, code, target, modifier == "iterate", base == "_revinclude")


def included(store: Store, matches: set[Key], includes: list[Include]) -> set[Key]:
    """What comes besides the matches."""
    found = {key for one in includes for key in _step(store, one, matches)}
    repeated = [one for one in includes if one.iterate]
    while more := {key for one in repeated for key in _step(store, one, matches | found)} - found - matches:
        found |= more
    return found - matches


def _step(store: Store, include: Include, sources: set[Key]) -> Iterator[Key]:
    return _referring(store, include, sources) if include.reverse else _referred(store, include, sources)


def _referred(store: Store, include: Include, sources: set[Key]) -> Iterator[Key]:
    for source in sources:
        resource = store.get(source)
        if resource is not None and include.source in (None, source[0]):
            yield from (key for key in _links(store, include, resource) if store.get(key) is not None)


def _referring(store: Store, include: Include, targets: set[Key]) -> Iterator[Key]:
    types = [include.source] if include.source else list(store.by_type)
    for resource in (one for type_name in types for one in store.of_type(type_name)):
        if not targets.isdisjoint(_links(store, include, resource)):
            yield resource["resourceType"], resource["id"]


def _links(store: Store, include: Include, resource: Resource) -> Iterator[Key]:
    for parameter in _parameters(store, include, resource["resourceType"]):
        for key in store.links(resource, parameter):
            if include.target in (None, key[0]):
                yield key


def _parameters(store: Store, include: Include, type_name: str) -> Iterable[Parameter]:
    if include.code is not None:
        return [store.definitions.get(type_name, include.code)]
    return [one for one in store.definitions.of_type(type_name).values() if one.kind == "reference"]
