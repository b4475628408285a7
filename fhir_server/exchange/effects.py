"""What a message says, written into the store: entries of a mapping as intents of one transaction."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import parse_qsl

from fhir_server.auth.context import Context
from fhir_server.errors import Invalid
from fhir_server.exchange.plain import written
from fhir_server.exchange.whose import WHOSE, check_whose
from fhir_server.model.parser import parse_written
from fhir_server.model.walk import rewrite_links
from fhir_server.search.parse import ParseOptions, parse
from fhir_server.search.query import Query
from fhir_server.storage.database import Connection, Database
from fhir_server.storage.draft import Validate
from fhir_server.storage.find import Finder
from fhir_server.storage.intents import Intent, Outcome, Precondition, Resource
from fhir_server.storage.targets import Integrity
from fhir_server.storage.transact import Batch, Writer
from fhir_server.storage.write import AuditEntry
from mappers.mapped import Entry, Mapped

RECEIVED: Final = AuditEntry("message", 200)

OF_CONDITIONS: Final = 2
"""Page size that conditions are parsed with, which have no pages (entries)."""

Record = Callable[[Connection, Sequence[str]], Awaitable[None]]
"""Writes down, in the same transaction, what the effects were: `Type/id` of what is there now."""


@dataclass(frozen=True, slots=True)
class Effects:
    """Writes as the server itself: what a partner may send is judged by the kind of the message."""

    database: Database
    current: Callable[[], Awaitable[tuple[Writer, Finder]]]
    """By the search parameters of now."""
    validate: Validate
    base_url: str
    integrity: Integrity

    async def commit(self, mapped: Mapped, context: Context, record: Record) -> None:
        """All of it, or nothing.

        Raises `NotFound` where something that has to be there is not, `Ambiguous` where it is there more than once,
        `Invalid` where what was mapped is not valid R4, `Unprocessable` where what is there is another patient's; their
        issues name the entry's place.
        """
        writer, finder = await self.current()
        changed = {_key(entry) for entry in mapped.entries if entry.how == "merge"}
        known = {_key(entry): entry for entry in mapped.entries if entry.how == "find"}
        entries = [one for one in mapped.entries if one.how != "find" or _key(one) not in changed]
        intents = [self._intent(finder, entry, is_known=_key(entry) in known) for entry in entries]
        names = {entry.full_url: f"{i.type_name}/{i.new_id}" for entry, i in zip(entries, intents, strict=True)}
        same = {known[key].full_url: names[one.full_url] for one in entries if (key := _key(one)) in known}
        for intent in intents:
            if intent.resource:
                rewrite_links(intent.resource, names | same)

        async def finish(connection: Connection, outcomes: Sequence[Outcome]) -> None:
            await check_whose(connection, entries, [one.version for one in outcomes])
            versions = (one.version for one in outcomes)
            await record(connection, [f"{version.type_name}/{version.id}" for version in versions if version])

        await writer.write(Batch(intents, context, [RECEIVED], self.integrity, finish=finish))

    def _intent(self, finder: Finder, entry: Entry, *, is_known: bool) -> Intent:
        """`is_known`: what is changed has to be there; then it need not be a whole resource either."""
        new_id, kind = entry.full_url.removeprefix("urn:uuid:"), entry.type_name
        query = self._query(finder, kind, entry.condition) if entry.condition else None
        if entry.how == "find":
            return Intent("patch", kind, new_id, condition=query, place=entry.place)
        resource = parse_written(written(entry.resource))  # numbers as texts, as the store has them
        if not (entry.how == "merge" and is_known):
            self._validate(resource, entry.place)
        made = Intent("create", kind, new_id, condition=query, resource=resource, place=entry.place)
        if entry.how != "merge":
            return made
        there = Precondition(present=True if is_known else None)
        return replace(made, kind="update", merge=merging(entry.cleared), precondition=there)

    def _validate(self, resource: Resource, place: str) -> None:
        """What is wrong with it is wrong with the place it comes from: its sender knows no other."""
        try:
            self.validate(resource)
        except Invalid as error:
            issues = [
                replace(i, diagnostics=f"{i.expression}: {i.diagnostics}", expression=place) for i in error.issues
            ]
            raise Invalid(error.message, issues) from error

    def _query(self, finder: Finder, type_name: str, condition: str) -> Query:
        options = ParseOptions(self.base_url, OF_CONDITIONS, OF_CONDITIONS, self.database.clock.now())
        pairs = parse_qsl(condition, keep_blank_values=True)
        return parse(finder.indexer.registry, type_name, pairs, options)[0]


def _key(entry: Entry) -> tuple[str, str]:
    return entry.type_name, entry.condition


def merging(cleared: Sequence[str]) -> Callable[[Resource, Resource], Resource]:
    """What a snapshot of a partner makes of a resource: what it does not speak of stays.

    Identifiers are added to those there are: a partner knows its own. Whose it is stays: whose.py judges that.
    """

    def merge(current: Resource, new: Resource) -> Resource:
        kept = {name: value for name, value in current.items() if name not in cleared}
        stays = {"id", "meta", *(name for name in WHOSE if name in kept)}
        merged = kept | {name: value for name, value in new.items() if name not in stays}
        if "identifier" in kept and isinstance(new.get("identifier"), list):
            merged["identifier"] = _united(kept["identifier"], new["identifier"])
        return merged

    return merge


def _united(current: Sequence[Mapping[str, Any]], new: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    named = {(one.get("system"), one.get("value")): one for one in (*current, *new)}
    return list(named.values())


def with_original(mapped: Mapped, raw: bytes, content_type: str, full_url: str) -> Mapped:
    """With the message itself as a Binary, in the compartment of its patient, which the Provenance names."""
    patient = next((one.full_url for one in mapped.entries if one.type_name == "Patient"), None)
    binary: Resource = {"resourceType": "Binary", "contentType": content_type}
    if patient:
        binary["securityContext"] = {"reference": patient}
    binary["data"] = base64.b64encode(raw).decode()
    source = {"role": "source", "what": {"reference": full_url}}
    named = (_from(source, one) if one.type_name == "Provenance" else one for one in mapped.entries)
    return replace(mapped, entries=(*named, Entry(full_url, binary)))


def _from(source: Resource, provenance: Entry) -> Entry:
    entities = [*provenance.resource.get("entity", ()), source]
    return replace(provenance, resource=provenance.resource | {"entity": entities})
