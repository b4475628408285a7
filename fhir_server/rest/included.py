"""Which resources `_include` adds to a page of matches. https://hl7.org/fhir/R4/search.html#include."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fhir_server.model.parser import parse_written
from fhir_server.search.fetching import Typed
from fhir_server.search.kinds import unwrapped
from fhir_server.search.query import Include
from fhir_server.search.registry import Parameter, Registry
from fhir_server.search.types.reference import local_reference

Target = tuple[str, str]
"""Type and id of a resource on this server."""

Shown = tuple[str, str, bytes]
"""Type, id and stored bytes of a resource on the page."""


def forward_targets(
    registry: Registry, includes: Sequence[Include], resources: Iterable[Shown], base_url: str
) -> tuple[Target, ...]:
    """What the local references of `resources` lead to, each once, in the order they are met.

    `includes` are those that apply in this round; `_revinclude` is passed over. A versioned reference counts
    as its resource; logical, contained and foreign ones lead nowhere.
    """
    found: dict[Target, None] = {}
    for type_name, _, body in resources:
        applying = [one for one in includes if not one.reverse and one.source in ("", type_name)]
        if not applying:
            continue
        resource = parse_written(body)
        for include in applying:
            found.update(dict.fromkeys(_targets(registry, include, type_name, resource, base_url)))
    return tuple(found)


def _targets(
    registry: Registry, include: Include, type_name: str, resource: dict[str, Any], base_url: str
) -> Iterator[Target]:
    for parameter in _parameters(registry, include, type_name):
        for typed in parameter.extract(resource):
            local = local_reference(_text(unwrapped(typed)), base_url)
            target, _, resource_id = (local or "").partition("/")
            if target and include.target in ("", target):
                yield target, resource_id


def _parameters(registry: Registry, include: Include, type_name: str) -> Iterator[Parameter]:
    """Those the include names, or all that are references."""
    for code, parameter in registry.parameters(type_name).items():
        if parameter.type == "reference" and (not include.parameters or code in include.parameters):
            yield parameter


def _text(typed: Typed) -> str:
    """The reference as it stands, a canonical without its version and fragment; "" where there is none."""
    value = typed.value
    if isinstance(value, dict):
        value = value.get("reference")
        return value if isinstance(value, str) else ""
    return value.partition("#")[0].partition("|")[0] if isinstance(value, str) else ""
