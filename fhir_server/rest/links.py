"""Links between the entries of a transaction: what new resources are called, and what conditional references mean.

https://hl7.org/fhir/R4/http.html#trules
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from fhir_server.errors import Invalid, Issue
from fhir_server.model.resource_types import NUMBERS
from fhir_server.model.walk import ElementSite, links, references_of, rewrite
from fhir_server.rest.conditions import condition
from fhir_server.rest.message import Request
from fhir_server.rest.parameters import parse_pairs
from fhir_server.rest.server import Server
from fhir_server.search.matches import matches
from fhir_server.search.query import Query
from fhir_server.storage.intents import Intent

_RESTFUL = re.compile(r"(https?://.+)/([A-Za-z]+/[A-Za-z0-9\-.]{1,64})\Z")

Pair = tuple[Intent, str | None]
"""An intent and the fullUrl of its entry."""


class _Linked(NamedTuple):
    sites: list[ElementSite]
    place: str
    base: str
    """The base of the entry's fullUrl; "" where it has none."""


async def link_entries(server: Server, request: Request, pairs: Sequence[Pair]) -> None:
    """Rewrites, in place, links to entries of the transaction and conditional references.

    Those match what the caller of `request` may see.
    """
    linked = [_Linked(links(i.resource or {}), i.place, _base(url)) for i, url in pairs if _has_links(i)]
    mapping = dict(_new_names(pairs))
    relative = _relative_names(pairs)
    for text, place in _conditional_references(linked):
        if text not in mapping:
            mapping[text] = await _resolve(server, request, text, place, pairs)
    for one in linked:
        rewrite(one.sites, mapping | relative.get(one.base, {}))


def _has_links(intent: Intent) -> bool:
    """A stored Bundle is a document of its own: what its entries refer to is resolved within it."""
    return intent.resource is not None and intent.type_name != "Bundle"


def _base(full_url: str | None) -> str:
    restful = _RESTFUL.match(full_url or "")
    return restful.group(1) if restful else ""


def _new_names(pairs: Sequence[Pair]) -> Iterator[tuple[str, str]]:
    for intent, full_url in pairs:
        if full_url is not None and intent.kind in ("create", "update"):
            yield full_url, _name(intent)


def _relative_names(pairs: Sequence[Pair]) -> dict[str, dict[str, str]]:
    """By base: `Type/id` of the fullUrl of what gets an id here. A relative link is read against its own entry's.

    https://hl7.org/fhir/R4/bundle.html#references
    """
    names: dict[str, dict[str, str]] = {}
    for intent, full_url in pairs:
        restful = _RESTFUL.match(full_url or "")
        if restful and (intent.kind == "create" or (intent.kind == "update" and intent.id is None)):
            names.setdefault(restful.group(1), {})[restful.group(2)] = _name(intent)
    return names


def _name(intent: Intent) -> str:
    return f"{intent.type_name}/{intent.id or intent.new_id}"


def _conditional_references(found: Sequence[_Linked]) -> Iterator[tuple[str, str]]:
    for one in found:
        for site in references_of(one.sites):
            type_name, separator, _ = site.reference.partition("?")
            if separator and type_name in NUMBERS:
                yield site.reference, one.place


async def _resolve(server: Server, request: Request, text: str, place: str, pairs: Sequence[Pair]) -> str:
    """The one resource a conditional reference matches: in the store, or among the new ones."""
    type_name, _, criteria = text.partition("?")
    query = condition(server, replace(request, type_name=type_name), parse_pairs(criteria))
    async with server.database.connection() as connection:
        stored = await server.finder.identity(connection, query, limit=2)
    found = [f"{type_name}/{version.id}" for version in stored] or list(_new_matches(server, query, pairs))
    if len(found) != 1:
        how = "nothing" if not found else "more than one resource"
        message = f"{place}: the conditional reference to {type_name} matches {how}"
        raise Invalid(message, [Issue("multiple-matches" if found else "not-found", message, place)])
    return found[0]


def _new_matches(server: Server, query: Query, pairs: Sequence[Pair]) -> Iterator[str]:
    for intent, _ in pairs:
        resource: Any = intent.resource
        if resource and matches(server.indexer, query, resource):
            yield _name(intent)
