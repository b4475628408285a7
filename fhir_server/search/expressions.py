"""What the text of a search parameter's expression tells of it: https://hl7.org/fhir/R4/searchparameter.html."""

import re

from fhir_server.model.definitions import Definitions, SearchParameterDefinition
from fhir_server.model.fhirpath.syntax import FhirPathError

_RESOLVED = re.compile(r".*\.where\(resolve\(\) is (\w+)\)").fullmatch


def targets_of(definitions: Definitions, definition: SearchParameterDefinition, type_name: str) -> tuple[str, ...]:
    """The types a reference may lead to: of those the definition lists, what its paths within the type let pass.

    R4 lists Group as a target of `patient`, which selects references to patients only.
    """
    paths = [path for path in definition.expression.split(" | ") if path.startswith(f"{type_name}.")]
    passing = [_passing(definitions, path) for path in paths]
    listed = frozenset(definition.target)
    if not paths or frozenset() in passing:
        return tuple(sorted(listed))
    return tuple(sorted(listed.intersection(frozenset().union(*passing)) or listed))


def _passing(definitions: Definitions, path: str) -> frozenset[str]:
    """The types a path's references may lead to; none where that cannot be told by its looks."""
    if resolved := _RESOLVED(path):
        return frozenset({resolved[1]})
    parent, *names = path.split(".")
    targets: tuple[str, ...] = ()
    for name in names:
        found = definitions.property_of(parent, name)
        if found is None:
            return frozenset()
        parent, targets = found.type.name, found.type.targets
    return frozenset(targets)


def own_paths(expression: str, type_name: str) -> str:
    """The part of an expression that is about a type; all of it where that cannot be told by its looks."""
    if "(" in expression:
        return expression
    return " | ".join(path for path in expression.split(" | ") if path.startswith(f"{type_name}.")) or expression


def group_types(definitions: Definitions, type_name: str, expression: str) -> list[str]:
    """The types of the groups of a composite: the resource's, or backbones named by their paths."""
    paths = [path.strip() for path in expression.split("|")]
    own = [path for path in paths if path.split(".")[0] in ("", type_name)]
    return [path if path in definitions.types else _element_type(definitions, path) for path in own]


def _element_type(definitions: Definitions, path: str) -> str:
    parent, _, element = path.rpartition(".")
    found = definitions.property_of(parent, element)
    if found is None:
        raise FhirPathError("selects-nothing", 0, f"there is no {path}")
    return found.type.name
