"""JSON Merge Patch: members replace, null removes. https://www.rfc-editor.org/rfc/rfc7396.

R4 does not name this form; servers and clients use it as `application/merge-patch+json`.
"""

from typing import Any

from fhir_server.errors import Invalid, Issue
from fhir_server.model.patching.tree import copied


def apply(resource: dict[str, Any], patch: Any) -> dict[str, Any]:
    """`resource` with `patch` merged into it; neither is changed.

    Raises `Invalid` for a patch that is no object.
    As deep as its two trees at most: both come from the parser, which limits their depth.
    """
    if not isinstance(patch, dict):
        message = "A JSON Merge Patch of a resource is an object"
        raise Invalid(message, [Issue("structure", message)])
    merged = copied(resource)
    _merge(merged, patch)
    return merged  # type: ignore[no-any-return]


def _merge(target: dict[str, Any], patch: dict[str, Any]) -> None:
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            if not isinstance(target.get(name), dict):
                target[name] = {}
            _merge(target[name], value)
        else:
            target[name] = copied(value)
