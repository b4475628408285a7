"""Whether a resource matches a query, decided by its values in memory: the judge where a hash must not decide."""

from typing import Any

from fhir_server.search.query import Query
from fhir_server.search.registry import Registry


def matches(registry: Registry, query: Query, resource: dict[str, Any], base_url: str) -> bool:
    if resource.get("resourceType") != query.type_name:
        return False
    if query.ids is not None and resource.get("id") not in query.ids:
        return False
    parameters = registry.parameters(query.type_name)
    return all(
        not set(criterion.keys).isdisjoint(parameters[criterion.parameter].keys(resource, base_url))
        for criterion in query.criteria
    )
