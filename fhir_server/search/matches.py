"""Whether a resource matches a query, decided by its values in memory: the judge where a hash must not decide."""

from typing import Any

from fhir_server.search.indexer import Indexer
from fhir_server.search.query import Query


def matches(indexer: Indexer, query: Query, resource: dict[str, Any]) -> bool:
    """What only other resources can tell, chains and `_has`, counts as told."""
    if resource.get("resourceType") != query.type_name:
        return False
    entries = indexer.entries(resource)
    return all(part.matches(entries) for part in query.where)
