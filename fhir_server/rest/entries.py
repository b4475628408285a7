"""Entries of a batch or transaction as requests, and responses as entries.

https://hl7.org/fhir/R4/http.html#transaction
"""

from typing import Any
from uuid import uuid4

import msgspec

from fhir_server.clock import instant
from fhir_server.errors import Invalid, Issue
from fhir_server.outcome import outcome_resource, status_and_issues
from fhir_server.rest.headers import etag
from fhir_server.rest.message import Preferences, Request, Response
from fhir_server.rest.parameters import parse_pairs
from fhir_server.rest.paths import Target, parse_path
from fhir_server.rest.respond import location
from fhir_server.rest.server import Server

CONDITIONS = {
    "ifMatch": "if-match",
    "ifNoneMatch": "if-none-match",
    "ifModifiedSince": "if-modified-since",
    "ifNoneExist": "if-none-exist",
}
"""Elements of Bundle.entry.request and the headers they stand for."""

NO_BODY = frozenset({"GET", "HEAD", "DELETE"})


def entry_request(
    server: Server, bundle_request: Request, entry: Any, place: str, *, validated: bool
) -> tuple[Request, Target]:
    """The interaction an entry asks for; raises `Invalid` naming what is missing."""
    asked = entry.get("request") if isinstance(entry, dict) else None
    if not isinstance(asked, dict) or not all(isinstance(asked.get(key), str) for key in ("method", "url")):
        raise _invalid("an entry has a request with a method and a url", f"{place}.request")
    path, _, query = asked["url"].removeprefix(server.base_url).partition("?")
    target = parse_path(path)
    resource = entry.get("resource")
    if asked["method"] not in NO_BODY and not isinstance(resource, dict):
        raise _invalid(f"{asked['method'][:10]} needs a resource", f"{place}.resource")
    request = Request(
        asked["method"],
        bundle_request.context,
        target.type_name,
        target.id,
        target.version_id,
        parse_pairs(query),
        {header: str(asked[key]) for key, header in CONDITIONS.items() if key in asked},
        resource=resource,
        validated=validated,
        preferences=Preferences("representation", bundle_request.preferences.handling),
        place=place,
        new_id=str(uuid4()),
        member=target.member,
        grant=bundle_request.grant,
    )
    return request, target


def response_entry(server: Server, bundle_request: Request, request: Request, response: Response) -> dict[str, Any]:
    """The answer to one entry; the resource itself only for reads, or where `Prefer` asks for it."""
    told: dict[str, Any] = {"status": str(response.status)}
    entry: dict[str, Any] = {"response": told}
    if version := response.version:
        told |= {"location": location(server.base_url, version), "etag": etag(version)}
        told["lastModified"] = instant(version.last_updated)
    returning = bundle_request.preferences.returning
    if response.body is not None and (request.method in ("GET", "HEAD") or returning == "representation"):
        entry |= _resource(server, response)
    elif returning == "OperationOutcome":
        told["outcome"] = outcome_resource(response.warnings)
    return entry


def _resource(server: Server, response: Response) -> dict[str, Any]:
    """Without a resource a fullUrl names nothing, and where entries share a target it would break bdl-7."""
    version, body = response.version, {"resource": msgspec.Raw(response.body or b"")}
    return {"fullUrl": f"{server.base_url}/{version.type_name}/{version.id}"} | body if version else body


def failed_entry(error: Exception) -> dict[str, Any]:
    status, issues = status_and_issues(error)
    return {"response": {"status": str(status), "outcome": outcome_resource(issues)}}


def _invalid(problem: str, place: str) -> Invalid:
    message = f"{place}: {problem}"
    return Invalid(message, [Issue("required", message, place)])
