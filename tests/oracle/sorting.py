"""_sort. https://hl7.org/fhir/R4/search.html#sort

Ascending looks at the smallest of several values, descending at the largest; what has none comes last both ways.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from tests.oracle.dates import target_range
from tests.oracle.definitions import Parameter
from tests.oracle.extraction import Element, Resource
from tests.oracle.numbers import target_interval
from tests.oracle.references import reference_text
from tests.oracle.store import Store
from tests.oracle.strings import folded, texts
from tests.oracle.tokens import tokens

Ids = frozenset[str]
Groups = list[Ids]


def tie_groups(store: Store, type_name: str, ids: Ids, sort: str) -> Groups:
    """The ids in order; those that no key tells apart stand together."""
    groups: Groups = [ids]
    for written in sort.split(","):
        parameter = store.definitions.get(type_name, written.removeprefix("-"))
        groups = [part for group in groups for part in _split(store, type_name, group, parameter, written)]
    return groups


def _split(store: Store, type_name: str, ids: Ids, parameter: Parameter, written: str) -> Iterator[Ids]:
    down = written.startswith("-")
    keyed = {one: sort_key(store, store.by_type[type_name][one], parameter, last=down) for one in ids}
    present = sorted((one for one in ids if keyed[one] is not None), key=lambda one: keyed[one], reverse=down)
    for _, group in groupby(present, key=lambda one: keyed[one]):
        yield frozenset(group)
    missing = frozenset(one for one in ids if keyed[one] is None)
    if missing:
        yield missing


def sort_key(store: Store, resource: Resource, parameter: Parameter, *, last: bool) -> Any:
    """The smallest value, or the largest; None where there is none."""
    found = [key for element in store.elements(resource, parameter) for key in _keys(store, parameter, element)]
    if not found:
        return None
    return max(found) if last else min(found)


def _keys(store: Store, parameter: Parameter, element: Element) -> Iterator[Any]:
    if parameter.kind == "string":
        yield from map(folded, texts(element))
    elif parameter.kind == "token":
        yield from (token.code for token in tokens(element) if token.code is not None)
    elif parameter.kind == "date":
        interval = target_range(element)
        yield from [interval.low] if interval else []
    elif parameter.kind == "reference":
        text = reference_text(element)
        yield from [store.base.plain(text)] if text else []
    elif parameter.kind == "number":
        target = target_interval(element)
        yield from [target.low] if target else []
    else:
        yield element.value
