"""Composite parameters: values that belong together. https://hl7.org/fhir/R4/search.html#composite.

The second part is indexed under a name that holds the first part's key, so a pair is found as one value. Where there
is one group only, the resource itself or an element that does not repeat, both parts are asked of the parameters that
hold them already.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from fhir_server.errors import Invalid, Issue
from fhir_server.search.asked import Asked
from fhir_server.search.boolean import And, Or
from fhir_server.search.entries import Entries
from fhir_server.search.extract import Extractor
from fhir_server.search.fetching import Typed
from fhir_server.search.kinds import index_value, predicate_of
from fhir_server.search.predicate import Predicate
from fhir_server.search.text import split_escaped
from fhir_server.search.types import token

UNORDERED: Final = frozenset({"composite", "special"})
"""Types of parameters without an order."""

KNOWN: Final[Mapping[tuple[str, str], str]] = {
    ("Observation", "code"): "code",
    ("Observation", "value.as(CodeableConcept)"): "value-concept",
    ("Observation", "value.as(DateTime) | value.as(Period)"): "value-date",
    ("Observation", "value.as(Quantity)"): "value-quantity",
    ("MolecularSequence.referenceSeq", "chromosome"): "chromosome",
    ("MolecularSequence.referenceSeq", "referenceSeqId"): "referenceseqid",
    ("MolecularSequence.referenceSeq", "windowStart"): "window-start",
    ("MolecularSequence.referenceSeq", "windowEnd"): "window-end",
}
"""Parts of groups of which a resource has one, and the parameters that select the same.

`value-string` does not: it selects texts of concepts, too.
"""

SWAPPED: Final = frozenset({"http://hl7.org/fhir/SearchParameter/DocumentReference-relationship"})
"""R4 names the definitions of its two parts in the wrong order: the first is the code, the second the target."""


@dataclass(frozen=True, slots=True)
class Part:
    """`name` is the parameter that selects the same, where the group does not repeat; `extract` by type of group."""

    kind: str
    extract: Mapping[str, Extractor]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Composite:
    """`groups` selects the elements whose parts belong together; `repeats`: some of them have to be indexed."""

    name: str
    groups: Extractor
    parts: tuple[Part, ...]
    single: str
    repeats: bool

    def index(self, resource: dict[str, Any], entries: Entries, base_url: str) -> None:
        for group in self.groups(resource) if self.repeats else ():
            if group.type_name != self.single:
                self._index_group(group, entries, base_url)

    def _index_group(self, group: Typed, entries: Entries, base_url: str) -> None:
        first, second = self.parts
        keys = {key for typed in first.extract[group.type_name](group.value) for key in token.keys_of_value(typed)}
        for typed in second.extract[group.type_name](group.value):
            for key in keys:
                index_value(second.kind, typed, self._name(key), entries, base_url)

    def _name(self, key: str) -> str:
        return f"{self.name}\0{key}"

    def predicate(self, asked: Asked) -> Predicate:
        """`code$value`; raises `Invalid` where there are more or fewer parts."""
        if asked.modifier:
            raise token.unsupported(asked, f"Composite parameters have no modifier ':{asked.modifier[:60]}'")
        alternatives = tuple(one for value in asked.values for one in self._one(asked, value))
        return alternatives[0] if len(alternatives) == 1 else Or(alternatives)

    def _one(self, asked: Asked, value: str) -> Iterator[Predicate]:
        values = split_escaped(value, "$")
        if len(values) != len(self.parts) or not all(values):
            message = f"{asked.code} takes {len(self.parts)} values with $ between them"
            raise Invalid(message, [Issue("invalid", message, asked.code)])
        if self.single:
            pairs = zip(self.parts, values, strict=True)
            yield And(tuple(predicate_of(p.kind, replace(asked, name=p.name, values=(v,))) for p, v in pairs))
        if self.repeats:
            for key in token.query_keys(replace(asked, values=(values[0],))):
                yield predicate_of(self.parts[1].kind, replace(asked, name=self._name(key), values=(values[1],)))
