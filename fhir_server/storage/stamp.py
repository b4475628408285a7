"""What the server writes into a resource: id, versionId, lastUpdated; and whether anything else changed."""

from datetime import datetime
from typing import Any

import msgspec

from fhir_server.clock import instant
from fhir_server.model.parser import write


def stamped(resource: dict[str, Any], resource_id: str, version: int, last_updated: datetime) -> bytes:
    """The bytes of record; members the client sent keep their order behind resourceType, id and meta."""
    meta = {**resource.get("meta", {}), "versionId": str(version), "lastUpdated": instant(last_updated)}
    head = {"resourceType": resource["resourceType"], "id": resource_id, "meta": meta}
    return write(head | {name: value for name, value in resource.items() if name not in head})


def same_content(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two versions differ in nothing but what the server writes."""
    return _content(one) == _content(other)


def _content(resource: dict[str, Any]) -> bytes:
    meta = {k: v for k, v in resource.get("meta", {}).items() if k not in ("versionId", "lastUpdated")}
    content = {name: value for name, value in resource.items() if name not in ("id", "meta")}
    if meta:
        content["meta"] = meta
    return msgspec.json.encode(content, order="deterministic")
