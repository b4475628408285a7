"""What a resource with several values says of all of them: for `ne` of `_filter`, which is true of one unequal value.

https://hl7.org/fhir/R4/search_filter.html. Values that are stored hashed cannot be enumerated: beside the keys of any
value, those that every value has are indexed, and that there are several.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from fhir_server.search.boolean import And, Not, Or
from fhir_server.search.entries import Entries
from fhir_server.search.has_key import HasKey
from fhir_server.search.predicate import Predicate
from fhir_server.search.resource import Missing
from fhir_server.search.types.reference import RefersTo

SEVERAL: Final = "several"


def index_common(name: str, values: Sequence[Entries], entries: Entries) -> None:
    """`values` are the entries of each value alone."""
    entries.keys.add((_marked(name), SEVERAL))
    for key in frozenset.intersection(*(frozenset(value.keys) for value in values)):
        entries.keys.add((_each(key[0]), key[1]))
    for link in frozenset.intersection(*(frozenset(value.links) for value in values)):
        entries.links.add((_each(link[0]), link[1]))


def differs(name: str, equal: Predicate) -> Predicate:
    """There is a value that is not `equal`."""
    several = HasKey(_marked(name), (SEVERAL,))
    unequal = Or((Not(equal), And((several, Not(_of_each(equal))))))
    return And((Missing(name, absent=False), unequal))


def _of_each(equal: Predicate) -> Predicate:
    match equal:
        case HasKey(name) | RefersTo(name):
            return replace(equal, name=_each(name))
        case Or(parts) | And(parts):
            return type(equal)(tuple(map(_of_each, parts)))
    raise TypeError(f"{type(equal).__name__} is not about values that are stored hashed")


def _marked(name: str) -> str:
    return f"{name}:{SEVERAL}"


def _each(name: str) -> str:
    return f"{name}:each"
