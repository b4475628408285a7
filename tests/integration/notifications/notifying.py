"""The way of a notification in one process, each step done when a test tells it to."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import uuid4

from fhir_server.auth.context import Context
from fhir_server.notifications.delivering import Delivery
from fhir_server.notifications.matching import Matcher
from fhir_server.settings import Settings
from fhir_server.storage import jobs
from fhir_server.storage.database import Connection
from fhir_server.storage.events import move_outbox
from fhir_server.storage.intents import Intent
from fhir_server.storage.subscriptions import KIND
from fhir_server.storage.transact import Batch
from fhir_server.wiring import Parts, build_delivery, build_matcher
from integrations.channel import Hook, NotDelivered, Outgoing
from integrations.guarded.outbound import Outbound
from tests.builders.resources import PLACED

WRITER = Context("anonymous", "anonymous", "TREAT", "a request")


class Died(BaseException):
    """A process that was killed says nothing more: no handler catches it."""


@dataclass
class Wire:
    """What arrives; `dies` after that many messages, once each has arrived."""

    arrived: list[tuple[str, bytes]] = field(default_factory=list)
    dies_after: int | None = None
    fails: bool = False
    tried: int = 0
    pause_seconds: float = 0.0
    meanwhile: dict[int, Callable[[], Awaitable[Any]]] = field(default_factory=dict)
    """What somebody else does while the message of so many events is under way."""

    def site(self, _: Hook) -> str:
        return "sink.example"

    async def deliver(self, _: Hook, message: Outgoing) -> None:
        self.tried += 1
        if self.fails:
            raise NotDelivered("the answer is 500", 500)
        self.arrived.append((message.message_id, message.body))
        if other := self.meanwhile.pop(sum("handshake" not in name for name, _ in self.arrived), None):
            await other()
        if self.dies_after is not None and len(self.arrived) >= self.dies_after:
            raise Died


@dataclass
class Notifying:
    """The parts of the way, each done when it is told to, as whoever lives does them."""

    parts: Parts
    settings: Settings
    connection: Connection
    wire: Wire = field(default_factory=Wire)

    @property
    def matcher(self) -> Matcher:
        """Another process's: it knows nothing of what was before."""
        return build_matcher(self.settings, self.parts.server.finder.source)

    async def sequence(self) -> None:
        while await move_outbox(self.connection):
            pass

    async def match(self) -> None:
        matcher = self.matcher
        while await matcher.match(self.connection):
            pass

    async def deliver(self) -> None:
        """All jobs that are due; leases of the dead have run out."""
        await self.connection.execute("UPDATE job SET lease_until = clock_timestamp() WHERE state = 'running'")
        while job := await jobs.claim(self.connection, KIND, 99):
            await self.delivery.run(job)

    @property
    def delivery(self) -> Delivery:
        made = build_delivery(self.settings, self.parts.server, Outbound(allow_private=True))
        return replace(made, channels={"rest-hook": self.wire, "email": self.wire})

    async def all(self) -> None:
        """What a worker does, until nothing is left."""
        for _ in range(3):
            await self.sequence()
            await self.match()
            await self.deliver()

    async def write(self, resource: dict[str, Any]) -> str:
        intent = Intent("create", resource["resourceType"], str(uuid4()), resource=resource)
        (outcome,) = await self.parts.server.writer.write(Batch([intent], WRITER))
        assert outcome.version
        return outcome.version.id

    async def prescribe(self) -> str:
        return await self.write({"resourceType": "MedicationRequest", **PLACED, "subject": {"display": "x"}})

    async def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return await (await self.connection.execute(statement)).fetchall()

    def told(self) -> list[str]:
        """Ids of the messages of events, which say their numbers."""
        names = [name for name, _ in self.wire.arrived if "handshake" not in name]
        return [name.split("-", 2)[2] for name in names]
