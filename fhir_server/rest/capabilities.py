"""capabilities: the CapabilityStatement, computed from the routes and the parameter registry.

https://hl7.org/fhir/R4/http.html#capabilities
"""

import asyncio
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any, Final

from fhir_server.audit.events import AUDIT_EVENT
from fhir_server.audit.search import PARSERS
from fhir_server.model.resource_types import RESOURCE_TYPES
from fhir_server.rest.audit_events import HANDLERS
from fhir_server.rest.message import FHIR_JSON, Request, Response
from fhir_server.rest.negotiation import PLAIN_JSON
from fhir_server.rest.patch import PATCH_TYPES
from fhir_server.rest.route import OPERATION
from fhir_server.rest.server import Server
from fhir_server.search.registry import Registry
from subscriptions.topics import TOPICS

CAPABILITIES: Final = "capabilities"

RELEASED: Final = "2026-11-22"
"""When what this statement says last changed (date)."""


_EVERYTHING: Final = "http://hl7.org/fhir/OperationDefinition/Patient-everything"

_BACKPORT: Final = "http://hl7.org/fhir/uv/subscriptions-backport"

_WEBSOCKET: Final = "http://hl7.org/fhir/StructureDefinition/capabilitystatement-websocket"

OF_TYPES: Final[Mapping[str, dict[str, Any]]] = {
    "Patient": {"operation": [{"name": "everything", "definition": _EVERYTHING}]},
    "Subscription": {
        "extension": [
            {
                "url": f"{_BACKPORT}/StructureDefinition/capabilitystatement-subscriptiontopic-canonical",
                "valueCanonical": url,
            }
            for url in TOPICS
        ],
        "supportedProfile": [f"{_BACKPORT}/StructureDefinition/backport-subscription"],
        "operation": [
            {"name": name, "definition": f"{_BACKPORT}/OperationDefinition/backport-subscription-{name}"}
            for name in ("status", "events", "get-ws-binding-token")
        ],
    },
}
"""What is said of a type beside what is said of all: its operations, and of what one can be told."""


async def capabilities(server: Server, _: Request) -> Response:
    """200 with the statement; made once for a set of search parameters, at the first request, off the event loop."""
    if CAPABILITIES not in server.made_once:
        server.made_once[CAPABILITIES] = await asyncio.to_thread(statement, server)
    return Response(200, {}, server.made_once[CAPABILITIES])


def statement(server: Server) -> bytes:
    """The CapabilityStatement as JSON."""
    from fhir.resources.R4B.capabilitystatement import CapabilityStatement  # slow to import, used once

    return CapabilityStatement(**_statement(server)).model_dump_json(exclude_none=True).encode()


def _statement(server: Server) -> dict[str, Any]:
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": RELEASED,
        "publisher": "Galenic",
        "kind": "instance",
        "software": {"name": "Galenic", "version": version("galenic")},
        "implementation": {"description": "Galenic FHIR server", "url": server.base_url},
        "fhirVersion": "4.0.1",
        "instantiates": [f"{_BACKPORT}/CapabilityStatement/backport-subscription-server-r4"],
        "format": [FHIR_JSON, PLAIN_JSON],
        "patchFormat": sorted(PATCH_TYPES - {PLAIN_JSON}),
        "rest": [
            {
                "extension": [{"url": _WEBSOCKET, "valueUri": server.websocket_url}],
                "mode": "server",
                **({"security": server.security} if server.security else {}),
                "resource": [
                    _audit_event(server) if name == AUDIT_EVENT else _resource(server, name) for name in RESOURCE_TYPES
                ],
                "interaction": [{"code": code} for code in _system_interactions(server)],
                "operation": list(_operations(server)),
            }
        ],
    }


def _resource(server: Server, name: str) -> dict[str, Any]:
    on_type = [r for r in server.routes.routes if r.template.startswith("/{type}") and r.interaction != OPERATION]
    return {
        "type": name,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{name}",
        "interaction": [{"code": code} for code in dict.fromkeys(route.interaction for route in on_type)],
        "versioning": "versioned-update",
        "readHistory": True,
        "updateCreate": True,
        "conditionalCreate": True,
        "conditionalRead": "full-support",
        "conditionalUpdate": True,
        "conditionalDelete": server.conditional_delete,
        "referencePolicy": ["literal", "logical", *(["enforced"] if _enforces(server) else [])],
        "searchInclude": _includes(server.indexer.registry, name),
        "searchRevInclude": _revincludes(server.indexer.registry, name),
        "searchParam": _search_parameters(server.indexer.registry, name),
        **OF_TYPES.get(name, {}),
    }


def _audit_event(server: Server) -> dict[str, Any]:
    """Rendered from the audit trail: nobody writes one, and it has one version."""
    own = server.indexer.registry.parameters(AUDIT_EVENT).values()
    return {
        "type": AUDIT_EVENT,
        "profile": f"http://hl7.org/fhir/StructureDefinition/{AUDIT_EVENT}",
        "interaction": [{"code": code} for code in HANDLERS],
        "versioning": "no-version",
        "searchParam": [{"name": p.code, "definition": p.url, "type": p.type} for p in own if p.code in PARSERS],
    }


def _enforces(server: Server) -> bool:
    return server.referential_integrity == "enforce"


def _system_interactions(server: Server) -> list[str]:
    """`capabilities` is not one of the codes: the statement itself says so."""
    on_system = [r.interaction for r in server.routes.routes if not r.template.startswith("/{type}")]
    return [code for code in dict.fromkeys([*on_system, "batch"]) if code not in ("capabilities", OPERATION)]


def _operations(server: Server) -> Iterator[dict[str, str]]:
    """Those of the system; what each does is in docs/operations."""
    for route in server.routes.routes:
        if route.interaction == OPERATION and not route.template.startswith("/{type}"):
            name = route.template.rpartition("$")[2]
            yield {"name": name, "definition": f"urn:galenic:operation:{name}"}


def _search_parameters(registry: Registry, name: str) -> list[dict[str, str]]:
    own = registry.parameters(name).values()
    return [{"name": p.code, "definition": p.url, "type": p.type} for p in own]


def _includes(registry: Registry, name: str) -> list[str]:
    return ["*", *(f"{name}:{p.code}" for p in registry.parameters(name).values() if p.type == "reference")]


def _revincludes(registry: Registry, name: str) -> list[str]:
    """The references that name the type; those that may lead anywhere are not listed with each."""
    found = ((source, p) for source in RESOURCE_TYPES for p in registry.parameters(source).values())
    return ["*", *(f"{source}:{p.code}" for source, p in found if p.type == "reference" and name in p.targets)]
