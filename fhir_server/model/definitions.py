"""The R4 definitions in memory: types and their elements, search parameters, compartments.

Read from `r4.json.xz`, which `compile_definitions.py` makes from the official packages. A backbone element is
a type of its own, named by its path (`Patient.contact`), so every element's type is one look-up away.
https://hl7.org/fhir/R4/elementdefinition.html, https://hl7.org/fhir/R4/searchparameter.html
"""

import gc
import lzma
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from sys import intern
from typing import Any, Literal

import msgspec

TABLE = Path(__file__).with_name("r4.json.xz")

Kind = Literal["resource", "complex-type", "primitive-type", "backbone"]


@dataclass(frozen=True, slots=True)
class ElementType:
    """One type an element may have; `targets` are the resource types a Reference or canonical may point to.

    No targets means any. https://hl7.org/fhir/R4/references.html
    """

    name: str
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ValueSet:
    """The closed list a required binding names: by system for a Coding, `codes` for a bare code."""

    url: str
    codes: frozenset[str]
    concepts: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class ElementDefinition:
    """`name` as R4 has it (`birthDate`, `value[x]`); `max` is None for `*`; `value_set` is a required one."""

    name: str
    min: int
    max: int | None
    types: tuple[ElementType, ...]
    value_set: ValueSet | None
    is_summary: bool
    is_modifier: bool

    @property
    def is_choice(self) -> bool:
        return self.name.endswith("[x]")


@dataclass(frozen=True, slots=True)
class Property:
    """A JSON property: `valueQuantity` is the element `value[x]` with the type Quantity.

    `is_sibling` marks the `_birthDate` that carries id and extensions of the primitive `birthDate`; its type
    is Element. https://hl7.org/fhir/R4/json.html#primitive
    """

    name: str
    element: ElementDefinition
    type: ElementType
    is_sibling: bool = False


@dataclass(frozen=True, slots=True)
class TypeDefinition:
    """A type; `base` is "" at the root; `properties` by JSON name; `regex` "" where there is none."""

    name: str
    kind: Kind
    base: str
    is_abstract: bool
    regex: str
    elements: tuple[ElementDefinition, ...]
    properties: Mapping[str, Property]


@dataclass(frozen=True, slots=True)
class SearchParameterDefinition:
    """`expression` is "" where R4 gives none; `components` are (URL of the definition, expression)."""

    url: str
    code: str
    type: str
    base: tuple[str, ...]
    expression: str
    target: tuple[str, ...]
    components: tuple[tuple[str, str], ...]
    multiple_or: bool
    multiple_and: bool
    modifiers: tuple[str, ...]
    comparators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Definitions:
    """`types` by name; `compartments`: compartment -> resource type -> codes of the linking parameters."""

    types: Mapping[str, TypeDefinition]
    search_parameters: tuple[SearchParameterDefinition, ...]
    compartments: Mapping[str, Mapping[str, tuple[str, ...]]]
    resource_types: frozenset[str]
    """The concrete ones: all but Resource and DomainResource."""

    def property_of(self, type_name: str, json_name: str) -> Property | None:
        """The property `json_name` of a type, or None when R4 has neither."""
        definition = self.types.get(type_name)
        return definition.properties.get(json_name) if definition else None

    def is_primitive(self, type_name: str) -> bool:
        return self.types[type_name].kind == "primitive-type"


@cache
def load_definitions() -> Definitions:
    """The definitions of R4 4.0.1, one object a process."""
    table = msgspec.json.decode(lzma.decompress(TABLE.read_bytes()))
    collecting = gc.isenabled()
    gc.disable()  # all of this lives as long as the process: cycles need no search while it is built
    try:
        return _definitions(table)
    finally:
        if collecting:
            gc.enable()


def _definitions(table: dict[str, Any]) -> Definitions:
    types = _types(table)
    concrete = (t.name for t in types.values() if t.kind == "resource" and not t.is_abstract)
    return Definitions(
        types=types,
        search_parameters=tuple(_search_parameter(row) for row in table["searchParameters"]),
        compartments={
            name: {resource: tuple(codes) for resource, codes in members.items()}
            for name, members in table["compartments"].items()
        },
        resource_types=frozenset(concrete),
    )


def _types(table: dict[str, Any]) -> dict[str, TypeDefinition]:
    primitives = frozenset(row[0] for row in table["types"] if row[1] == "primitive-type")
    value_sets = {url: _value_set(url, systems) for url, systems in table["valueSets"]}
    elements = [_element(row, value_sets) for row in table["elements"]]
    properties = [_properties(element, primitives) for element in elements]
    return {
        intern(name): TypeDefinition(
            name=intern(name),
            kind=kind,
            base=intern(base),
            is_abstract=bool(abstract),
            regex=regex,
            elements=tuple(elements[number] for number in numbers),
            properties={p.name: p for number in numbers for p in properties[number]},
        )
        for name, kind, base, abstract, regex, numbers in table["types"]
    }


def _value_set(url: str, systems: list[tuple[str, list[str]]]) -> ValueSet:
    concepts = frozenset((intern(system), intern(code)) for system, codes in systems for code in codes)
    return ValueSet(url, frozenset(code for _, code in concepts), concepts)


def _element(row: list[Any], value_sets: dict[str, ValueSet]) -> ElementDefinition:
    name, minimum, maximum, types, value_set, flags = row
    return ElementDefinition(
        name=intern(name),
        min=minimum,
        max=maximum or None,
        types=tuple(_element_type(code, tuple(map(intern, targets))) for code, targets in types),
        value_set=value_sets.get(value_set),
        is_summary=bool(flags & 1),
        is_modifier=bool(flags & 2),
    )


@cache
def _element_type(name: str, targets: tuple[str, ...]) -> ElementType:
    return ElementType(intern(name), targets)


def _properties(element: ElementDefinition, primitives: frozenset[str]) -> tuple[Property, ...]:
    """The JSON names of an element, each primitive with its `_` sibling."""
    found = [Property(_json_name(element.name, t), element, t) for t in element.types]
    siblings = [
        Property(intern("_" + p.name), element, _element_type("Element", ()), is_sibling=True)
        for p in found
        if p.type.name in primitives
    ]
    return (*found, *siblings)


def _json_name(name: str, element_type: ElementType) -> str:
    if not name.endswith("[x]"):
        return name
    return intern(name[:-3] + element_type.name[0].upper() + element_type.name[1:])


def _search_parameter(row: list[Any]) -> SearchParameterDefinition:
    (
        url,
        code,
        kind,
        base,
        expression,
        target,
        components,
        multiple_or,
        multiple_and,
        modifiers,
        comparators,
    ) = row
    return SearchParameterDefinition(
        url=url,
        code=intern(code),
        type=intern(kind),
        base=tuple(map(intern, base)),
        expression=expression,
        target=tuple(map(intern, target)),
        components=tuple((definition, path) for definition, path in components),
        multiple_or=multiple_or,
        multiple_and=multiple_and,
        modifiers=tuple(map(intern, modifiers)),
        comparators=tuple(map(intern, comparators)),
    )
