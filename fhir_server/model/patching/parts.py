"""New elements, read from the `value` parts of a FHIRPath Patch.

A part is a datatype (`valueHumanName`), a resource, or parts with names: the members of a backbone element.
https://hl7.org/fhir/R4/fhirpatch.html, https://hl7.org/fhir/R4/parameters.html
"""

from collections.abc import Sequence
from typing import Any

from fhir_server.model.definitions import Definitions, Property
from fhir_server.model.fhirpath.elements import elements_named, is_a
from fhir_server.model.patching.edits import Element, insert, items, put
from fhir_server.model.patching.limits import PARTS_MAX, too_costly
from fhir_server.model.patching.problems import WrongError
from fhir_server.model.patching.tree import copied

Part = dict[str, Any]


class Builder:
    """Builds the elements of one patch, of `PARTS_MAX` parts altogether."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._parts = 0

    def element_for(self, choices: Sequence[Property], part: Part) -> tuple[Property, Element]:
        """The element in `part`, and which of the properties takes it; raises `WrongError` where none does."""
        if "part" in part:
            return self._from_parts(choices, part["part"])
        name, value, sibling = _written(part)
        for choice in choices:
            if self._fits(name, value, choice.type.name):
                return choice, Element(choice.type.name, copied(value), copied(sibling))
        expected = " or ".join(sorted({choice.type.name for choice in choices})[:4])
        raise WrongError(f"{name[:60]} is not the type of '{choices[0].element.name}', which is {expected}")

    def _fits(self, name: str, value: Any, expected: str) -> bool:
        if name == "resource":
            return isinstance(value, dict) and is_a(self._definitions, str(value.get("resourceType")), expected)
        if isinstance(value, dict) == self._definitions.is_primitive(expected):
            return False
        if expected == "xhtml":  # no value[x] has this type
            return name == "valueString"
        written = name.removeprefix("value")
        given = written if written in self._definitions.types else written[:1].lower() + written[1:]
        return is_a(self._definitions, given, expected)

    def _from_parts(self, choices: Sequence[Property], parts: Any) -> tuple[Property, Element]:
        complex_choices = [choice for choice in choices if not self._definitions.is_primitive(choice.type.name)]
        if len(complex_choices) != 1 or not isinstance(parts, list) or not parts:
            raise WrongError(f"parts do not say what '{choices[0].element.name}' is made of")
        self._count(len(parts))
        (choice,) = complex_choices
        members: dict[str, Any] = {}
        for part in parts:
            self._add_member(choice.type.name, members, part)
        return choice, Element(choice.type.name, members)

    def _count(self, parts: int) -> None:
        self._parts += parts
        if self._parts > PARTS_MAX:
            raise too_costly(f"The values of the patch have more than {PARTS_MAX} parts")

    def _add_member(self, type_name: str, members: dict[str, Any], part: Any) -> None:
        name = part.get("name") if isinstance(part, dict) else None
        choices = elements_named(self._definitions, type_name, name) if isinstance(name, str) else ()
        if not choices:
            raise WrongError(f"{type_name} has no element '{str(name)[:60]}'")
        choice, element = self.element_for(choices, part)
        if choice.element.max is None:
            insert(members, choice.name, items(members, choice.name), element)
        elif present(members, choices):
            raise WrongError(f"{type_name} has one '{name}' only")
        else:
            put(members, choice.name, element)


def _written(part: Part) -> tuple[str, Any, dict[str, Any] | None]:
    """(`valueCode`, its value, its sibling); a resource is written under `resource`."""
    names = {key.removeprefix("_") for key in part if key.startswith(("value", "_value")) or key == "resource"}
    if len(names) != 1:
        raise WrongError("a value is one value[x], one resource, or parts")
    name = names.pop()
    value, sibling = part.get(name), part.get("_" + name)
    if sibling is not None and not isinstance(sibling, dict):
        raise WrongError(f"_{name[:60]} is an object")
    if isinstance(value, list) or (value is None and sibling is None):
        raise WrongError(f"{name[:60]} is one value")
    return name, value, sibling


def present(members: dict[str, Any], choices: Sequence[Property]) -> bool:
    """Whether the object has the element already, in any of its types."""
    return any(name in members for choice in choices for name in (choice.name, "_" + choice.name))
