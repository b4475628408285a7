"""Bundle: its own invariants, as far as they are structural.

https://hl7.org/fhir/R4/bundle.html#invs
"""

from collections.abc import Iterator
from typing import Any

from fhir_server.validation.findings import Findings, State, joined

WITH_REQUEST = frozenset({"batch", "transaction", "history"})
WITH_RESPONSE = frozenset({"batch-response", "transaction-response", "history"})
WITH_TOTAL = frozenset({"searchset", "history"})


def check_bundle(bundle: dict[str, Any], state: State) -> Findings | None:
    """bdl-1 to bdl-5, bdl-7 to bdl-12."""
    found: Findings | None = None
    entries = bundle.get("entry")
    entries = [e for e in entries if type(e) is dict] if type(entries) is list else []
    kind = bundle.get("type") if type(bundle.get("type")) is str else ""
    for rule in _broken_by_bundle(bundle, str(kind), entries):
        found = joined(found, state.report("invariant", rule))
    seen: set[tuple[str, str]] = set()
    for i, entry in enumerate(entries):
        for rule in _broken_by_entry(entry, str(kind), seen):
            found = joined(found, state.report("invariant", rule), f".entry[{i}]")
    return found


def _broken_by_bundle(bundle: dict[str, Any], kind: str, entries: list[dict[str, Any]]) -> Iterator[str]:
    if "total" in bundle and kind not in WITH_TOTAL:
        yield "bdl-1: total only when a search or history"
    if kind == "document":
        identifier = bundle.get("identifier")
        if type(identifier) is not dict or not {"system", "value"} <= identifier.keys():
            yield "bdl-9: a document must have an identifier with a system and a value"
        if "timestamp" not in bundle:
            yield "bdl-10: a document must have a date"
        if _first_type(entries) != "Composition":
            yield "bdl-11: a document must have a Composition as the first resource"
    if kind == "message" and _first_type(entries) != "MessageHeader":
        yield "bdl-12: a message must have a MessageHeader as the first resource"


def _first_type(entries: list[dict[str, Any]]) -> Any:
    resource = entries[0].get("resource") if entries else None
    return resource.get("resourceType") if type(resource) is dict else None


def _broken_by_entry(entry: dict[str, Any], kind: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    if "search" in entry and kind != "searchset":
        yield "bdl-2: entry.search only when a search"
    if ("request" in entry) != (kind in WITH_REQUEST):
        yield "bdl-3: entry.request mandatory for batch/transaction/history, otherwise prohibited"
    if ("response" in entry) != (kind in WITH_RESPONSE):
        yield "bdl-4: entry.response mandatory for batch-/transaction-response/history, otherwise prohibited"
    if not {"resource", "request", "response"} & entry.keys():
        yield "bdl-5: must be a resource unless there's a request or response"
    full_url = entry.get("fullUrl")
    if type(full_url) is str:
        yield from _broken_by_full_url(full_url, entry.get("resource"), kind, seen)


def _broken_by_full_url(full_url: str, resource: Any, kind: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    if "/_history/" in full_url:
        yield "bdl-8: fullUrl cannot be a version specific reference"
    meta = resource.get("meta") if type(resource) is dict else None
    version = meta.get("versionId") if type(meta) is dict else ""
    key = (full_url, version if type(version) is str else "")
    if kind != "history" and key in seen:
        yield "bdl-7: fullUrl must be unique in a bundle, or its resources have different meta.versionId"
    seen.add(key)
