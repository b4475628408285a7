"""Bundles to send, entry by entry."""

from typing import Any
from uuid import uuid4

Entry = dict[str, Any]


def a_urn() -> str:
    return f"urn:uuid:{uuid4()}"


def an_entry(method: str, url: str, resource: Any = None, *, full_url: str | None = None, **request: str) -> Entry:
    """An entry that asks for `method url`; other keywords are elements of its request, such as ifMatch."""
    entry: Entry = {"fullUrl": full_url} if full_url else {}
    if resource is not None:
        entry["resource"] = resource
    return entry | {"request": {"method": method, "url": url, **request}}


def a_post(resource: dict[str, Any], *, full_url: str | None = None, **request: str) -> Entry:
    """An entry that creates the resource."""
    return an_entry("POST", resource["resourceType"], resource, full_url=full_url, **request)


def a_put(resource: dict[str, Any], **request: str) -> Entry:
    """An entry that updates the resource of that type and id."""
    return an_entry("PUT", f"{resource['resourceType']}/{resource['id']}", resource, **request)


def a_batch(*entries: Entry) -> dict[str, Any]:
    return _bundle("batch", entries)


def a_transaction(*entries: Entry) -> dict[str, Any]:
    return _bundle("transaction", entries)


def _bundle(kind: str, entries: tuple[Entry, ...]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, **({"entry": list(entries)} if entries else {})}
