"""batch: entries one by one, each with its own outcome. https://hl7.org/fhir/R4/http.html#transaction."""

import asyncio
from dataclasses import replace
from typing import Any

import msgspec

from fhir_server.audit.record import Record
from fhir_server.errors import Invalid, Issue, NotSupported, TooCostly
from fhir_server.outcome import status_and_issues
from fhir_server.rest.auditing import failure_of, records_of
from fhir_server.rest.bodies import parsed_body
from fhir_server.rest.dispatch import dispatch
from fhir_server.rest.entries import entry_request, failed_entry, response_entry
from fhir_server.rest.failure import log_unexpected
from fhir_server.rest.message import Request, Response
from fhir_server.rest.paths import Target
from fhir_server.rest.server import Server
from fhir_server.rest.transaction import transaction


async def batch_or_transaction(server: Server, request: Request) -> Response:
    """POST to the base: what happens is the type of the Bundle."""
    bundle = parsed_body(server, request)
    entries = entries_of(server, bundle)
    if bundle.get("type") == "transaction":
        answers, done = await transaction(server, request, bundle, entries)
    else:
        answers, done = await _batch(server, request, entries)
    body = {"resourceType": "Bundle", "type": f"{bundle['type']}-response"}
    return replace(done, body=msgspec.json.encode(body | ({"entry": answers} if answers else {})))


async def _batch(server: Server, request: Request, entries: list[Any]) -> tuple[list[dict[str, Any]], Response]:
    """The answer to each entry, and what is to be recorded of them."""
    records: list[Record] = []
    answers = [await _answer(server, request, entry, number, records) for number, entry in enumerate(entries)]
    return answers, Response(200, records=tuple(records))


def entries_of(server: Server, bundle: dict[str, Any]) -> list[Any]:
    """Those of a batch or transaction; raises `Invalid`, `TooCostly`."""
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") not in ("batch", "transaction"):
        message = "POST to the base takes a Bundle of type batch or transaction"
        raise Invalid(message, [Issue("invalid", message, "Bundle.type")])
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Invalid("Bundle.entry is a list", [Issue("structure", "Bundle.entry is a list", "Bundle.entry")])
    if len(entries) > server.limits.bundle_entries_max:
        raise TooCostly(f"A Bundle may have {server.limits.bundle_entries_max} entries; this one has {len(entries)}")
    return entries


async def _answer(
    server: Server, bundle_request: Request, entry: Any, number: int, records: list[Record]
) -> dict[str, Any]:
    """One entry's outcome; its failure is its own."""
    await asyncio.sleep(0)  # other requests get their turn between two entries
    try:
        request, target = entry_request(server, bundle_request, entry, f"Bundle.entry[{number}]", validated=False)
        _refuse_nested(request, target)
    except Exception as error:  # noqa: BLE001 - not even an error of ours reaches the other entries
        return _failed(error, bundle_request)
    return await _handled(server, bundle_request, request, target, records)


async def _handled(
    server: Server, bundle_request: Request, request: Request, target: Target, records: list[Record]
) -> dict[str, Any]:
    interaction = ""
    try:
        route = server.routes.find(request.method, target)
        interaction = route.interaction
        response = await dispatch(await server.current(), route, request)
        records += records_of(request, interaction, response)
        return response_entry(server, bundle_request, request, response)
    except Exception as error:  # noqa: BLE001 - not even an error of ours reaches the other entries
        if interaction:
            records += failure_of(request, interaction, status_and_issues(error)[0])
        return _failed(error, bundle_request)


def _refuse_nested(request: Request, target: Target) -> None:
    if target.template.endswith("_search"):
        raise NotSupported("A search in a batch is asked by GET")
    if target.template == "/" and request.method == "POST":
        raise NotSupported("A batch within a batch is not supported")


def _failed(error: Exception, bundle_request: Request) -> dict[str, Any]:
    log_unexpected(error, bundle_request.context.request_id)
    return failed_entry(error)
