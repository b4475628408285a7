"""Patches in the three formats, and the same in the entries of a Bundle."""

import base64
import json
from typing import Any

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"


def a_replacement(path: str, value: Any) -> dict[str, Any]:
    """One operation of a JSON Patch."""
    return {"op": "replace", "path": path, "value": value}


def a_fhirpath_patch(*operations: dict[str, Any]) -> dict[str, Any]:
    """A Parameters; each operation by its parts, `value` as a `value[x]` of its own name."""
    return {
        "resourceType": "Parameters",
        "parameter": [{"name": "operation", "part": _parts(operation)} for operation in operations],
    }


def a_binary(document: Any, media_type: str = JSON_PATCH) -> dict[str, Any]:
    """A Binary that carries a patch in a Bundle."""
    data = base64.b64encode(json.dumps(document).encode()).decode()
    return {"resourceType": "Binary", "contentType": media_type, "data": data}


def _parts(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """`valueDate="…"` becomes the part `value`; the other keywords are codes and strings."""
    parts = []
    for name, value in operation.items():
        if name.startswith("value"):
            parts.append({"name": "value", name: value})
        else:
            parts.append({"name": name, "valueCode" if name == "type" else "valueString": value})
    return parts
