"""Asks one request after the other and understands the answers."""

import asyncio
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl

import msgspec

from tests.benchmarks.http import HttpConnection, Target

BASE = "/fhir/"


class Resource(msgspec.Struct, rename={"type_name": "resourceType"}):
    type_name: str
    id: str = ""


class Entry(msgspec.Struct):
    resource: Resource


class Link(msgspec.Struct):
    relation: str
    url: str


class Bundle(msgspec.Struct):
    """As much of a searchset as is looked at."""

    link: list[Link] = []
    entry: list[Entry] = []
    total: int | None = None

    @property
    def next_path(self) -> str | None:
        return next((link.url.partition(BASE)[2] for link in self.link if link.relation == "next"), None)

    @property
    def applied(self) -> set[str]:
        """Names of the parameters that were understood: the self link says which."""
        url = next((link.url for link in self.link if link.relation == "self"), "")
        return {name for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)}

    @property
    def keys(self) -> list[tuple[str, str]]:
        """(type, id) of the entries."""
        resources = (entry.resource for entry in self.entry)
        return [(one.type_name, one.id) for one in resources if one.type_name != "OperationOutcome"]


@dataclass(frozen=True)
class Answer:
    path: str
    status: int
    body: bytes

    @cached_property
    def bundle(self) -> Bundle:
        return msgspec.json.decode(self.body, type=Bundle)

    @property
    def refusal(self) -> str:
        """Why this is no answer to what was asked; empty where it is one."""
        if self.status != 200:
            return f"{self.status}: {_diagnostics(self.body)}"
        asked = {name for name, _ in parse_qsl(self.path.partition("?")[2], keep_blank_values=True)}
        ignored = sorted(asked - self.bundle.applied)
        return f"not applied: {', '.join(ignored)}" if ignored else ""


def _diagnostics(body: bytes) -> str:
    try:
        return str(msgspec.json.decode(body)["issue"][0]["diagnostics"])
    except (msgspec.DecodeError, KeyError, IndexError):
        return repr(body[:100])


class Asking:
    """One connection that is kept."""

    def __init__(self, target: Target) -> None:
        self._target = target

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        _, self._connection = await loop.create_connection(HttpConnection, self._target.host, self._target.port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    async def ask(self, path: str) -> Answer:
        status, body = await self._connection.ask(self._target.request("GET", f"/{path}"))
        return Answer(path, status, body)
