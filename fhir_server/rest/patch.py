"""patch and conditional patch: JSON Patch, FHIRPath Patch, JSON Merge Patch. https://hl7.org/fhir/R4/http.html#patch."""

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from fhir_server.errors import Invalid
from fhir_server.model.parser import parse
from fhir_server.model.patching import fhirpath_patch, json_patch, merge_patch
from fhir_server.model.patching.limits import Limits
from fhir_server.rest.commit import commit_one
from fhir_server.rest.conditions import condition, criteria_of
from fhir_server.rest.headers import parse_precondition
from fhir_server.rest.message import FHIR_JSON, Request, Response
from fhir_server.rest.negotiation import PLAIN_JSON, body_type
from fhir_server.rest.respond import written
from fhir_server.rest.server import Server
from fhir_server.storage.intents import Intent, Resource

JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
PATCH_TYPES: Final = frozenset({JSON_PATCH, MERGE_PATCH, FHIR_JSON, PLAIN_JSON})

Apply = Callable[[Resource], Resource]


async def patch(server: Server, request: Request) -> Response:
    """200, 404 for no match, 412 for several or a stale If-Match, 422 where the patch does not fit."""
    return written(server, request, await commit_one(server, request, intent(server, request)))


def intent(server: Server, request: Request) -> Intent:
    query = None
    if not request.id:
        query = condition(server, request, criteria_of(request.parameters))
    return Intent(
        "patch",
        request.type_name,
        request.new_id,
        request.id or None,
        query,
        patch=_apply(server, request),
        precondition=parse_precondition(request.headers),
        place=request.place,
    )


def _apply(server: Server, request: Request) -> Apply:
    media_type, document = _document(server, request)
    limits = Limits(operations_max=server.limits.patch_operations_max)
    is_parameters = isinstance(document, dict) and document.get("resourceType") == "Parameters"
    if media_type == JSON_PATCH or (media_type == PLAIN_JSON and isinstance(document, list)):
        return partial(json_patch.apply, patch=document, limits=limits)
    if is_parameters and media_type in (FHIR_JSON, PLAIN_JSON):
        definitions = server.indexer.registry.definitions
        return partial(fhirpath_patch.apply, patch=document, limits=limits, definitions=definitions)
    if media_type in (MERGE_PATCH, PLAIN_JSON):
        return partial(merge_patch.apply, patch=document)
    raise Invalid("A FHIRPath Patch is a Parameters resource")


def _document(server: Server, request: Request) -> tuple[str, Any]:
    """A Bundle carries a FHIRPath Patch as Parameters, any other patch as a Binary of its media type."""
    depth = server.limits.json_depth_max
    if request.resource is None:
        media_type = body_type(request.headers.get("content-type"), PATCH_TYPES)
        return media_type, parse(request.body, depth)
    if request.resource.get("resourceType") != "Binary":
        return FHIR_JSON, request.resource
    media_type = body_type(str(request.resource.get("contentType")), PATCH_TYPES)
    try:
        return media_type, parse(base64.b64decode(request.resource.get("data", ""), validate=True), depth)
    except (binascii.Error, TypeError, ValueError) as error:
        raise Invalid("The data of the Binary is not base64") from error
