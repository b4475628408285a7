"""What worker processes do with a chunk: parse, validate and index, by the functions the API uses."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import uuid4

from fhir_server.cli.loading.sources import Chunk
from fhir_server.errors import GalenicError, Invalid, Issue, NotSupported, TooLarge
from fhir_server.model.definitions import load_definitions
from fhir_server.model.parser import parse_object, write
from fhir_server.model.resource_types import NUMBERS
from fhir_server.outcome import status_and_issues
from fhir_server.rest.server import validate
from fhir_server.search.index import IndexRow
from fhir_server.settings import Settings
from fhir_server.storage.generations import Generations
from fhir_server.validation.validator import Validator
from fhir_server.wiring import build_indexer

PERFORMED = ("transaction", "batch")
"""Bundles that are carried out as the API does; of others the resources are loaded one by one."""


class Ready(NamedTuple):
    """A valid resource with its search row; `named`: it came with its id. `body` is as `write` writes it."""

    place: str
    type_name: str
    id: str
    named: bool
    body: bytes
    row: IndexRow


class Refused(NamedTuple):
    """What is not loaded, and the first reason; how many `resources` are concerned."""

    place: str
    issue: Issue
    resources: int = 1


class Submission(NamedTuple):
    """A transaction or batch of `resources` entries, as it came."""

    place: str
    body: bytes
    resources: int


Item = Ready | Refused | Submission


def refused(place: str, error: Exception, count: int = 1) -> Refused:
    """The first issue that is an error; an error that is not ours says nothing of itself."""
    issues = status_and_issues(error)[1]
    worst = next((issue for issue in issues if issue.severity in ("error", "fatal")), issues[0])
    return Refused(place, worst, count)


class Preparer:
    """One per worker process; what is indexed by generations that have passed is indexed again by the writer."""

    def __init__(self, settings: Settings, generations: Generations) -> None:
        self._validator = Validator(load_definitions())
        self._indexer = build_indexer(settings, generations)
        self._depth_max = settings.json_depth_max
        self._bytes_max = settings.body_bytes_max

    def prepare(self, chunk: Chunk) -> list[Item]:
        """Everything the chunk holds, in its order; blank lines are nothing."""
        bodies = enumerate(chunk.bodies)
        return [
            item
            for number, body in bodies
            if body is None or chunk.first_line is None or body.strip()
            for item in self._document(chunk.place(number), body)
        ]

    def _document(self, place: str, body: bytes | None) -> Iterator[Item]:
        try:
            if body is None:
                raise TooLarge(f"A resource or Bundle may have {self._bytes_max} bytes")
            resource = parse_object(body, self._depth_max)
            if resource.get("resourceType") != "Bundle":
                yield self._ready(place, resource)
            elif resource.get("type") in PERFORMED:
                yield Submission(place, body, len(_entries(resource)))
            else:
                yield from self._loose(place, resource)
        except GalenicError as error:
            yield refused(place, error)

    def _loose(self, place: str, bundle: dict[str, Any]) -> Iterator[Item]:
        """The resources of a collection, searchset, document or message; entries without one are passed over."""
        if bundle.get("type") == "history":  # its versions would overwrite each other, the oldest last
            raise NotSupported("A history Bundle cannot be loaded")
        for number, entry in enumerate(_entries(bundle)):
            if isinstance(entry, dict) and "resource" not in entry:
                continue
            entry_place = f"{place} entry[{number}]"
            try:
                yield self._ready(entry_place, entry["resource"] if isinstance(entry, dict) else entry)
            except GalenicError as error:
                yield refused(entry_place, error)

    def _ready(self, place: str, resource: Any) -> Ready:
        validate(self._validator, resource)
        type_name = resource["resourceType"]
        if type_name not in NUMBERS:
            raise NotSupported(f"{type_name} is not a type that is stored")
        named = "id" in resource
        resource_id = resource["id"] if named else str(uuid4())
        row = self._indexer.index(resource | {"id": resource_id})
        return Ready(place, type_name, resource_id, named, write(resource), row)


def _entries(bundle: dict[str, Any]) -> list[Any]:
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        raise Invalid("Bundle.entry is a list", [Issue("structure", "Bundle.entry is a list", "Bundle.entry")])
    return entries


_of_this_process: list[Preparer] = []


def start(settings: Settings, generations: Generations) -> None:
    """Makes this process a worker; Ctrl-C is the main process's to handle, and where that ends so does this."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _of_this_process.append(Preparer(settings, generations))


def _end_with_parent() -> None:
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
    os._exit(1)


def prepare(chunk: Chunk) -> list[Item]:
    return _of_this_process[-1].prepare(chunk)
