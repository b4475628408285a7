"""Prepared resources to commits, through the writer of the API."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, cast
from uuid import uuid4

import msgspec

from fhir_server.auth.access import TREATMENT
from fhir_server.auth.context import Context
from fhir_server.auth.grant import EVERYTHING
from fhir_server.cli.loading.report import Report
from fhir_server.cli.loading.work import Ready, Refused, Submission, refused
from fhir_server.errors import Issue, Unavailable
from fhir_server.model.parser import parse_written
from fhir_server.rest.batch import batch_or_transaction
from fhir_server.rest.caller import ANONYMOUS
from fhir_server.rest.message import FHIR_JSON, Request
from fhir_server.rest.server import Server
from fhir_server.storage.find import Finder
from fhir_server.storage.intents import Intent, Outcome
from fhir_server.storage.transact import Batch, Writer

BATCH_RESOURCES: Final = 500
"""Resources of one transaction at most (resources)."""

BATCH_BYTES: Final = 8 * 2**20
"""A transaction that has this much takes no further resource (bytes)."""


class CountedWriter:
    """The API's writer; what it does is counted in the report."""

    def __init__(self, writer: Writer, report: Report) -> None:
        self._writer = writer
        self._report = report

    def by(self, finder: Finder) -> "CountedWriter":
        return CountedWriter(self._writer.by(finder), self._report)

    async def write(self, batch: Batch) -> list[Outcome]:
        outcomes = await self._writer.write(batch)
        self._report.count(outcomes)
        return outcomes


class Loading:
    """Takes prepared items in their order; what is not yet committed waits for `flush`."""

    def __init__(self, server: Server, report: Report) -> None:
        writer = cast("Writer", CountedWriter(server.writer, report))
        self._server = replace(server, writer=writer)
        self._report = report
        self._waiting: list[Ready] = []
        self._keys: set[tuple[str, str]] = set()
        self._bytes = 0

    async def add(self, item: Ready | Refused | Submission) -> None:
        match item:
            case Ready():
                await self._enqueue(item)
            case Refused():
                self._report.refuse(item)
            case Submission():
                await self.flush()
                await self._submit(item)

    async def flush(self) -> None:
        """One transaction; where it fails, each resource gets its own to show which is at fault."""
        ready, self._waiting, self._keys, self._bytes = self._waiting, [], set(), 0
        if not ready:
            return
        try:
            await self._write(ready)
        except Unavailable:
            raise
        except Exception:  # noqa: BLE001 - the fault is found below, and told as the API would
            for one in ready:
                await self._write_alone(one)

    async def _enqueue(self, ready: Ready) -> None:
        """A second resource of one id waits for the next transaction: it is the newer version."""
        key = (ready.type_name, ready.id)
        if key in self._keys or len(self._waiting) == BATCH_RESOURCES or self._bytes >= BATCH_BYTES:
            await self.flush()
        self._waiting.append(ready)
        self._keys.add(key)
        self._bytes += len(ready.body)

    async def _write(self, ready: Sequence[Ready]) -> None:
        self._server = await self._server.current()
        await self._server.writer.write(Batch([_intent(one) for one in ready], _context()))

    async def _write_alone(self, ready: Ready) -> None:
        try:
            await self._write([ready])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the next resource gets its turn
            self._report.refuse(refused(ready.place, error))

    async def _submit(self, bundle: Submission) -> None:
        before = self._report.loaded + self._report.unchanged
        request = Request("POST", _context(), headers={"content-type": FHIR_JSON}, body=bundle.body, grant=EVERYTHING)
        try:
            response = await batch_or_transaction(self._server, request)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the next Bundle gets its turn
            done = self._report.loaded + self._report.unchanged - before
            self._report.refuse(refused(bundle.place, error, max(1, bundle.resources - done)))
            return
        self._refuse_failed_entries(bundle.place, msgspec.json.decode(response.body or b"{}"))

    def _refuse_failed_entries(self, place: str, answer: dict[str, Any]) -> None:
        for number, entry in enumerate(answer.get("entry", ())):
            if (outcome := entry["response"].get("outcome")) and entry["response"]["status"] >= "4":
                self._report.refuse(Refused(f"{place} entry[{number}]", _first_issue(outcome)))


def _first_issue(outcome: dict[str, Any]) -> Issue:
    issues = outcome["issue"]
    issue = next((i for i in issues if i["severity"] in ("error", "fatal")), issues[0])
    return Issue(issue["code"], issue["diagnostics"], next(iter(issue.get("expression", ())), ""))


def _context() -> Context:
    return Context(ANONYMOUS, ANONYMOUS, TREATMENT, str(uuid4()))


def _intent(ready: Ready) -> Intent:
    resource = parse_written(ready.body)
    if ready.named:
        return Intent("update", ready.type_name, ready.id, ready.id, resource=resource, index=ready.row)
    return Intent("create", ready.type_name, ready.id, resource=resource, index=ready.row)
