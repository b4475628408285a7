"""Types compiled to closures: each type once, on first use, and its elements with it.

https://hl7.org/fhir/R4/elementdefinition.html, https://hl7.org/fhir/R4/json.html
"""

import re
from functools import partial
from typing import Any

from fhir_server.model.definitions import Definitions, ElementDefinition, Property, TypeDefinition
from fhir_server.validation.bindings import bound_code, bound_concept
from fhir_server.validation.bundles import check_bundle
from fhir_server.validation.contained import check_contained, contained_resource, contained_types
from fhir_server.validation.elements import (
    beside,
    check_extension,
    check_not_empty,
    choice,
    element_id,
    nullable,
    repeated,
    single,
    wrong_shape,
)
from fhir_server.validation.findings import Check, Findings, Rule, Scope, State, excerpt, joined
from fhir_server.validation.primitives import primitive_checks
from fhir_server.validation.references import local_link, typed_reference

_SPEAKABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,59}").fullmatch
"""Names that may stand in a path; others would make it unreadable, or huge."""

_LINK_TYPES = ("uri", "url", "canonical")


class Compiler:
    """The checks of R4's types, compiled as they are met."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._primitives = primitive_checks(definitions.types)
        self._compiled: dict[str, Check] = {}

    def check_resource(self, value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        """A resource of any type, in a scope of its own."""
        outer = state.scope
        state.scope = Scope(contained_types(value) if type(value) is dict else {})
        found = self.check_by_type(value, parent, state)
        state.scope = outer
        return found

    def check_by_type(self, value: Any, parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is not dict:
            return wrong_shape(value, "Resource", state)
        name = self.name_of(value)
        if name != "Resource":
            return self.of_type(name)(value, parent, state)
        named = excerpt(value["resourceType"]) if "resourceType" in value else "none"
        return state.report("structure", f"resourceType: a resource type of R4 is expected, found {named}")

    def name_of(self, resource: Any) -> str:
        """The concrete type of a resource; "Resource" where it has none."""
        name = resource.get("resourceType") if type(resource) is dict else None
        return name if type(name) is str and name in self._definitions.resource_types else "Resource"

    def of_type(self, name: str) -> Check:
        """The check of a resource type, complex type or backbone element."""
        if name not in self._compiled:
            properties: dict[str, Check] = {}
            definition = self._definitions.types[name]
            self._compiled[name] = _object_check(definition, properties, self._rules(definition))
            # filled afterwards: types hold each other (Extension, Reference.identifier.assigner)
            properties.update({n: self._of_property(definition, p) for n, p in definition.properties.items()})
            if definition.kind == "resource":
                properties["resourceType"] = _accept
        return self._compiled[name]

    def _rules(self, definition: TypeDefinition) -> tuple[Rule, ...]:
        if definition.name == "Element":  # the sibling of a primitive, which may have the value
            return ()
        if definition.kind != "resource":
            rules: tuple[Rule, ...] = (check_not_empty,)
            if definition.name == "Extension":
                values = next(e for e in definition.elements if e.is_choice)
                return (*rules, partial(check_extension, _names(definition, values)))
            return rules
        if definition.name == "Bundle":
            return (check_bundle,)
        return (check_contained,) if "contained" in definition.properties else ()

    def _of_property(self, definition: TypeDefinition, found: Property) -> Check:
        check = self._of_value(definition, found)
        is_primitive = found.type.name in self._primitives
        if found.element.max is not None:
            check = single(beside(check, found.name) if found.is_sibling else check, found.name)
        elif is_primitive or found.is_sibling:
            check = nullable(check, found.name)
        else:
            check = repeated(check, found.name)
        if found.element.is_choice:
            return choice(check, found, _names(definition, found.element))
        return check

    def _of_value(self, definition: TypeDefinition, found: Property) -> Check:
        """One value, whatever its number."""
        name = found.type.name
        if name in self._primitives:
            return self._of_primitive(definition, found)
        if name == "Resource":
            return contained_resource(self.check_by_type) if found.name == "contained" else self.check_resource
        check = self.of_type(name)
        if name == "Reference":
            return typed_reference(check, found.type.targets, self._definitions.resource_types)
        if found.element.value_set is not None and not found.is_sibling:
            return bound_concept(check, found.element.value_set)
        return check

    def _of_primitive(self, definition: TypeDefinition, found: Property) -> Check:
        check = self._primitives[found.type.name]
        if found.name == "id" and definition.kind != "resource":
            return element_id(check)
        if found.element.value_set is not None:
            return bound_code(check, found.element.value_set)
        is_reference = definition.name == "Reference" and found.name == "reference"
        if is_reference or found.type.name in _LINK_TYPES:
            return local_link(check, is_reference=is_reference)
        return check


def _object_check(definition: TypeDefinition, properties: dict[str, Check], rules: tuple[Rule, ...]) -> Check:
    name = definition.name
    required = tuple(
        (next(iter(names)), names)
        for element in definition.elements
        if element.min
        for names in (_names(definition, element),)
    )

    def check(value: Any, _parent: dict[str, Any], state: State) -> Findings | None:
        if type(value) is not dict:
            return wrong_shape(value, name, state)
        found: Findings | None = None
        for key, item in value.items():
            check_property = properties.get(key)
            more = check_property(item, value, state) if check_property else _unknown(key, name, state)
            if more is not None:
                found = joined(found, more, _segment(key, definition))
        for usual, names in required:
            if usual not in value and names.isdisjoint(value):
                found = joined(found, _missing(definition, names, state))
        for rule in rules:
            more = rule(value, state)
            if more is not None:
                found = joined(found, more)
        return found

    return check


def _names(definition: TypeDefinition, element: ElementDefinition) -> frozenset[str]:
    """The JSON names of an element, siblings included."""
    return frozenset(name for name, p in definition.properties.items() if p.element is element)


def _segment(key: str, definition: TypeDefinition) -> str:
    """The FHIRPath step of a JSON property: `.value` for `valueQuantity`, `.birthDate` for `_birthDate`."""
    known = definition.properties.get(key) or definition.properties.get(key.removeprefix("_"))
    if known is not None:
        return "." + known.element.name.removesuffix("[x]")
    return "." + key if _SPEAKABLE(key) else ""


def _missing(definition: TypeDefinition, names: frozenset[str], state: State) -> Findings:
    element = next(p.element for name, p in definition.properties.items() if name in names)
    rule = f"{definition.name}.{element.name} is required (min {element.min})"
    return state.report("required", rule, "." + element.name.removesuffix("[x]"))


def _unknown(key: str, type_name: str, state: State) -> Findings:
    return state.report("structure", f"unknown element {excerpt(key)} in {type_name}")


def _accept(_value: Any, _parent: dict[str, Any], _state: State) -> None:
    """`resourceType`, by which the check was chosen."""
