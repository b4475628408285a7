"""What the interactions work with; `wiring` makes it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from fhir_server.audit.recorder import Recording
from fhir_server.audit.refusals import Refusals
from fhir_server.errors import Invalid
from fhir_server.model.parser import parse_object
from fhir_server.notifications.passes import Passes
from fhir_server.rates import Rates
from fhir_server.rest.caller import AccessCheck
from fhir_server.rest.cursor import CursorSealer
from fhir_server.rest.message import Handling
from fhir_server.rest.route import RouteTable
from fhir_server.search.indexer import Indexer
from fhir_server.search.parse import ParseOptions
from fhir_server.search.sight import Sight
from fhir_server.storage.database import Database
from fhir_server.storage.find import Finder
from fhir_server.storage.intents import Resource
from fhir_server.storage.read import Reader
from fhir_server.storage.transact import Writer
from fhir_server.validation.validator import Validator

Judge = Callable[[Resource], None]
"""Raises `Unprocessable` for a valid resource that asks for what is not done."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Units are in the names; where they come from is `settings.py`."""

    json_depth_max: int
    bundle_entries_max: int
    patch_operations_max: int
    page_size: int
    page_size_max: int


@dataclass(frozen=True, slots=True)
class Server:
    base_url: str
    routes: RouteTable
    database: Database
    reader: Reader
    writer: Writer
    finder: Finder
    validator: Validator
    cursors: CursorSealer
    passes: Passes
    websocket_url: str
    """Where what passes are given for is bound."""
    limits: Limits
    referential_integrity: Literal["off", "warn", "transaction", "enforce"]
    conditional_delete: Literal["single", "multiple"]
    recorder: Recording
    refusals: Refusals
    rates: Rates
    security: dict[str, Any]
    """`rest.security` of the CapabilityStatement: where tokens come from. Empty without authorization."""
    access: AccessCheck | None
    """None: a server without authorization, where everybody may do everything."""
    judge: Judge
    """What else a resource is judged by, beside R4: what would not be done is not accepted."""
    made_once: dict[str, bytes] = field(default_factory=dict)
    """Answers that stay the same for as long as the search parameters do."""

    @property
    def indexer(self) -> Indexer:
        return self.finder.indexer

    async def current(self) -> "Server":
        """The server by the search parameters of now; a request stays with the one it began with.

        Raises `Unavailable`.
        """
        await self.finder.source.refresh(self.database)
        finder = self.finder.renewed()
        if finder is self.finder:
            return self
        same = finder.indexer.registry.added == self.indexer.registry.added
        made_once = self.made_once if same else {}
        return replace(self, finder=finder, writer=self.writer.by(finder), made_once=made_once)

    def validate(self, resource: Resource) -> None:
        validate(self.validator, resource)
        self.judge(resource)

    def parse(self, body: bytes) -> Resource:
        """The body as a JSON object; raises `Malformed` or `TooCostly`."""
        return parse_object(body, self.limits.json_depth_max)

    def parse_options(self, handling: Handling | None, sight: Sight) -> ParseOptions:
        limits, now = self.limits, self.database.clock.now()
        return ParseOptions(self.base_url, limits.page_size, limits.page_size_max, now, handling, sight)


def validate(validator: Validator, resource: Resource) -> None:
    """Raises `Invalid` that lists every problem, unless all of them are warnings."""
    issues = validator.validate(resource)
    if any(issue.severity in ("error", "fatal") for issue in issues):
        raise Invalid("The resource is not valid R4", issues)
