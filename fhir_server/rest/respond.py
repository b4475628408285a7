"""Answers that several interactions share."""

from typing import Any

from fhir_server.clock import instant
from fhir_server.errors import Issue
from fhir_server.outcome import outcome_body
from fhir_server.rest.headers import version_headers
from fhir_server.rest.message import Request, Response
from fhir_server.rest.permission import sight
from fhir_server.rest.server import Server
from fhir_server.storage.intents import Outcome
from fhir_server.storage.judge import shows
from fhir_server.storage.version import Version

STATUS_OF = {"create": "201", "update": "200", "patch": "200", "delete": "204"}
METHOD_OF = {"create": "POST", "update": "PUT", "patch": "PATCH", "delete": "DELETE"}


def location(base_url: str, version: Version) -> str:
    return f"{base_url}/{version.type_name}/{version.id}/_history/{version.version}"


def written(server: Server, request: Request, outcome: Outcome) -> Response:
    """After a create, update or patch, as `Prefer: return=…` asks, and no more than the caller may read.

    https://hl7.org/fhir/R4/http.html#ops
    """
    version, recorded = outcome.version, outcome.written
    if version is None:
        return Response(outcome.status, recorded=recorded)
    headers = version_headers(version)
    if outcome.status == 201 or not outcome.written:  # noqa: PLR2004 - Created
        headers["Location"] = location(server.base_url, version)
    owners = frozenset(version.compartments)
    readable = shows(sight(server, request, "r"), server.indexer, version)
    match request.preferences.returning if readable else "minimal":
        case "minimal":
            return Response(outcome.status, headers, None, version, outcome.warnings, owners, recorded)
        case "OperationOutcome":
            told = outcome_body((*outcome.warnings, _done(version)))
            return Response(outcome.status, headers, told, version, (), owners, recorded)
        case _:
            return Response(outcome.status, headers, version.body, version, outcome.warnings, owners, recorded)


def _done(version: Version) -> Issue:
    text = f"{version.type_name}/{version.id} is at version {version.version}"
    return Issue("informational", text, severity="information")


def _status(version: Version) -> str:
    """A first version that came by PUT was an update as create."""
    return "201" if version.version == 1 else STATUS_OF[version.interaction]


def history_entry(base_url: str, version: Version) -> dict[str, Any]:
    """An entry of a history Bundle, without the resource."""
    return {
        "fullUrl": f"{base_url}/{version.type_name}/{version.id}",
        "request": {
            "method": METHOD_OF[version.interaction],
            "url": version.type_name if version.interaction == "create" else f"{version.type_name}/{version.id}",
        },
        "response": {
            "status": _status(version),
            "etag": f'W/"{version.version}"',
            "lastModified": instant(version.last_updated),
        },
    }
