"""Less than the whole of a resource: `_summary` and `_elements`.

https://hl7.org/fhir/R4/search.html#summary, https://hl7.org/fhir/R4/search.html#elements
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from fhir_server.errors import Invalid, Issue
from fhir_server.model.definitions import Definitions, ElementDefinition, Property, TypeDefinition
from fhir_server.model.fhirpath.elements import is_a
from fhir_server.model.parser import parse_written, write

SUMMARIES: Final = ("true", "text", "data", "false")
"""What `_summary` may ask of one resource; `count` is a matter of a search."""

ALWAYS: Final = frozenset({"id", "meta", "implicitRules", "modifierExtension"})
"""Elements every shape keeps: what the resource is, and what changes the meaning of all the rest."""

SUBSETTED: Final = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}
"""The tag of a resource that is not shown whole; nobody may take it for the resource of record."""

Json = dict[str, Any]
Keeps = Callable[[ElementDefinition], bool]


def shape(definitions: Definitions, resource: Json, summary: str, elements: Sequence[str]) -> Json:
    """The resource as `summary` (one of `SUMMARIES`) and `elements` leave it; `resource` itself is not changed.

    Where both are given, an element has to pass both. Elements of other types and unknown ones keep nothing.
    """
    if not is_shaped(summary, elements):
        return resource
    shaped = _BY_SUMMARY[summary](definitions, resource)
    if elements:
        shaped = _only(definitions, shaped, elements)
    return _tagged(shaped)


def shaped_bytes(definitions: Definitions, body: bytes, summary: str, elements: Sequence[str]) -> bytes:
    """Like `shape`, of stored bytes; numbers stay as they were written."""
    if not is_shaped(summary, elements):
        return body
    return write(shape(definitions, parse_written(body), summary, elements))


def is_shaped(summary: str, elements: Sequence[str]) -> bool:
    """Whether anything but the whole resource is asked for."""
    return summary != "false" or bool(elements)


def refuse_unknown(definitions: Definitions, type_name: str, elements: Sequence[str]) -> None:
    """Raises `Invalid` naming the first of `elements` (`name` or `Type.name`) that R4 does not have.

    `type_name` is "" across types: then a bare name is known where any type has such an element.
    """
    for element in elements:
        owner, name = _owner_and_name(element)
        types = [owner or type_name] if owner or type_name else definitions.resource_types
        if not any(name in _names(definition) for definition in _resources(definitions, types)):
            message = f"_elements: {owner or type_name or 'R4'} has no element '{name[:60]}'"
            raise Invalid(message, [Issue("invalid", message, "_elements")])


def _whole(_: Definitions, resource: Json) -> Json:
    return resource


def _without_text(_: Definitions, resource: Json) -> Json:
    return {name: value for name, value in resource.items() if name != "text"}


def _text_and_mandatory(definitions: Definitions, resource: Json) -> Json:
    return _top_level(definitions, resource, lambda element: element.name == "text" or element.min > 0)


def _only(definitions: Definitions, resource: Json, elements: Sequence[str]) -> Json:
    """Named, mandatory and modifier elements."""
    wanted = set(_wanted(definitions, resource["resourceType"], elements))

    def keeps(element: ElementDefinition) -> bool:
        return element.min > 0 or element.is_modifier or not wanted.isdisjoint(_names_of(element))

    return _top_level(definitions, resource, keeps)


def _summarised(definitions: Definitions, resource: Json) -> Json:
    """Elements of the summary at every depth; without recursion, as a resource may be nested deeply."""
    summary = _top_level(definitions, resource, _is_of_summary)
    pending = [(summary, definitions.types[resource["resourceType"]])]
    while pending:
        pending.extend(_narrow(definitions, *pending.pop()))
    return summary


def _narrow(definitions: Definitions, kept: Json, definition: TypeDefinition) -> Iterator[tuple[Json, TypeDefinition]]:
    """Narrows, in place, the complex elements of `kept`, and yields those whose own elements are to be narrowed.

    An object may not be empty, so a value of which nothing would be left is kept whole.
    """
    for name, value in kept.items():
        inner = _narrowed_type(definitions, definition.properties.get(name))
        if inner is None:
            continue
        items = value if isinstance(value, list) else [value]
        parts = [_part(inner, item) for item in items]
        shown = [part or item for part, item in zip(parts, items, strict=True)]
        kept[name] = shown if isinstance(value, list) else shown[0]
        yield from ((part, inner) for part in parts)


def _is_of_summary(element: ElementDefinition) -> bool:
    return element.is_summary or element.min > 0


def _narrowed_type(definitions: Definitions, found: Property | None) -> TypeDefinition | None:
    """The type whose elements are looked at one by one; None for what is kept as it is.

    That is `ALWAYS`, primitives, their siblings, and the resources in a Bundle, which are documents of their own.
    """
    if found is None or found.is_sibling or found.element.name in ALWAYS:
        return None
    definition = definitions.types[found.type.name]
    return definition if definition.kind in ("complex-type", "backbone") else None


def _part(definition: TypeDefinition, value: Json) -> Json:
    properties = definition.properties
    return {n: v for n, v in value.items() if n in properties and _is_of_summary(properties[n].element)}


def _top_level(definitions: Definitions, resource: Json, keeps: Keeps) -> Json:
    """The elements `keeps` says yes to, each primitive with its sibling, and `ALWAYS`."""
    properties = definitions.types[resource["resourceType"]].properties

    def is_kept(name: str) -> bool:
        found = properties.get(name)
        return name == "resourceType" or (found is not None and (found.element.name in ALWAYS or keeps(found.element)))

    return {name: value for name, value in resource.items() if is_kept(name)}


def _tagged(resource: Json) -> Json:
    """With the tag SUBSETTED once; other tags stay."""
    meta = resource.get("meta", {})
    tags = meta.get("tag", [])
    if not any(tag.items() >= SUBSETTED.items() for tag in tags):
        meta = {**meta, "tag": [*tags, dict(SUBSETTED)]}
    head = {name: resource[name] for name in ("resourceType", "id") if name in resource}
    return head | {"meta": meta} | {name: value for name, value in resource.items() if name not in (*head, "meta")}


def _wanted(definitions: Definitions, type_name: str, elements: Sequence[str]) -> Iterator[str]:
    """The names that are meant for a type."""
    for element in elements:
        owner, name = _owner_and_name(element)
        if not owner or is_a(definitions, type_name, owner):
            yield name


def _owner_and_name(element: str) -> tuple[str, str]:
    """`("Patient", "name")` of `Patient.name`, `("", "name")` of `name`."""
    owner, separator, name = element.partition(".")
    return (owner, name) if separator else ("", element)


def _resources(definitions: Definitions, names: Sequence[str] | frozenset[str]) -> Iterator[TypeDefinition]:
    found = (definitions.types.get(name) for name in names)
    return (definition for definition in found if definition is not None and definition.kind == "resource")


def _names(definition: TypeDefinition) -> set[str]:
    """With `resourceType`, which is no element but which clients that think in JSON ask for."""
    return {"resourceType"}.union(*map(_names_of, definition.elements))


def _names_of(element: ElementDefinition) -> tuple[str, ...]:
    """A choice has two names: `value` and `value[x]`."""
    return (element.name, element.name.removesuffix("[x]"))


_BY_SUMMARY: Final[dict[str, Callable[[Definitions, Json], Json]]] = {
    "true": _summarised,
    "text": _text_and_mandatory,
    "data": _without_text,
    "false": _whole,
}
