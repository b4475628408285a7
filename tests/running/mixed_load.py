"""Clients that write all the time, and a ledger of what they were told: so that after a kill it can be checked."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from tests.running.load import Answer, Connection, Lost
from tests.running.store import Contents, Stored

SYSTEM = "http://galenic.example/load"
TRANSACTION_ENTRIES = 20
OWN_PATIENTS = 4
PACE_SECONDS = 0.01
"""Rest of a client between two requests: the test is about kills, not about throughput (seconds)."""

Named = tuple[str, str, int]
"""Type, id and version."""


@dataclass(slots=True)
class Sent:
    """One request: its marker is its request id and stands in every resource it writes."""

    kind: str
    marker: str
    size: int
    """Versions it makes, if it makes any."""
    target: str = ""
    """The id it deletes."""
    answer: Answer | None = None

    @property
    def acknowledged(self) -> bool:
        return self.answer is not None and self.answer.status < 300

    @property
    def refused(self) -> bool:
        return self.answer is not None and 400 <= self.answer.status < 500

    @property
    def unknown(self) -> bool:
        """No answer, or one that says the server broke down in between."""
        return not self.acknowledged and not self.refused


def a_patient(marker: str, key: str | None = None, resource_id: str | None = None) -> dict[str, Any]:
    named = {"id": resource_id} if resource_id else {}
    identifier = {"identifier": [{"system": SYSTEM, "value": key}]} if key else {}
    return {"resourceType": "Patient", **named, **identifier, "name": [{"family": marker}]}


@dataclass
class MixedLoad:
    """Creates, updates, deletions, conditional creates and transactions, on patients of each client's own."""

    base_url: str
    clients: int = 8
    ledger: list[Sent] = field(default_factory=list)
    in_flight: int = 0
    _stopping: bool = False

    async def run(self) -> None:
        """Until `stop`."""
        await asyncio.gather(*(self._client(number) for number in range(self.clients)))

    def stop(self) -> None:
        self._stopping = True

    def count(self, condition: Callable[[Sent], bool]) -> int:
        return sum(map(condition, self.ledger))

    async def probe(self) -> bool:
        """Whether a write over a new connection is acknowledged."""
        connection = Connection(self.base_url)
        sent = await self._create(connection, random.Random(), [])
        await connection.close()
        return sent.acknowledged

    async def _client(self, number: int) -> None:
        draw = random.Random(number)
        own = [str(uuid4()) for _ in range(OWN_PATIENTS)]
        kinds = (self._create, self._update, self._conditional_create, self._delete, self._transaction)
        connection = Connection(self.base_url)
        while not self._stopping:
            (kind,) = draw.choices(kinds, weights=(4, 4, 3, 1, 2))
            await kind(connection, draw, own)
            await asyncio.sleep(PACE_SECONDS)
        await connection.close()

    async def _send(self, sent: Sent, request: Callable[[str], Coroutine[Any, Any, Answer]]) -> Sent:
        self.ledger.append(sent)
        self.in_flight += 1
        try:
            sent.answer = await request(sent.marker)
        except Lost:
            sent.answer = None
        finally:
            self.in_flight -= 1
        return sent

    async def _create(self, connection: Connection, draw: random.Random, own: Sequence[str]) -> Sent:
        del draw, own
        return await self._send(
            Sent("create", uuid4().hex, 1),
            lambda marker: connection.send("POST", "/Patient", a_patient(marker), x_request_id=marker),
        )

    async def _update(self, connection: Connection, draw: random.Random, own: Sequence[str]) -> Sent:
        one = draw.choice(own)
        return await self._send(
            Sent("update", uuid4().hex, 1),
            lambda marker: connection.send(
                "PUT", f"/Patient/{one}", a_patient(marker, resource_id=one), x_request_id=marker
            ),
        )

    async def _conditional_create(self, connection: Connection, draw: random.Random, own: Sequence[str]) -> Sent:
        """All clients walk through the same keys: the ledger's length is what they have in common."""
        del draw, own
        key = str(len(self.ledger) // 20)
        condition = f"identifier={SYSTEM}|{key}"
        return await self._send(
            Sent("conditional create", uuid4().hex, 1),
            lambda marker: connection.send(
                "POST", "/Patient", a_patient(marker, key), if_none_exist=condition, x_request_id=marker
            ),
        )

    async def _delete(self, connection: Connection, draw: random.Random, own: Sequence[str]) -> Sent:
        one = draw.choice(own)
        return await self._send(
            Sent("delete", uuid4().hex, 1, target=one),
            lambda marker: connection.send("DELETE", f"/Patient/{one}", x_request_id=marker),
        )

    async def _transaction(self, connection: Connection, draw: random.Random, own: Sequence[str]) -> Sent:
        """Two updates of the client's own patients among creates."""
        updated = draw.sample(own, 2)
        return await self._send(
            Sent("transaction", uuid4().hex, TRANSACTION_ENTRIES),
            lambda marker: connection.send("POST", "", a_transaction(marker, updated), x_request_id=marker),
        )


def a_transaction(marker: str, updated: Sequence[str]) -> dict[str, Any]:
    patients = [a_patient(marker) for _ in range(TRANSACTION_ENTRIES - len(updated))]
    entries = [{"resource": one, "request": {"method": "POST", "url": "Patient"}} for one in patients]
    for one in updated:
        request = {"method": "PUT", "url": f"Patient/{one}"}
        entries.insert(len(entries) // 2, {"resource": a_patient(marker, resource_id=one), "request": request})
    return {"resourceType": "Bundle", "type": "transaction", "entry": entries}


def promised(sent: Sent) -> list[Named]:
    """The versions the answer says were made."""
    answer = sent.answer
    if answer is None or not sent.acknowledged:
        return []
    if sent.kind == "transaction":
        return sorted(_of_location(entry["response"]["location"]) for entry in answer.json()["entry"])
    if sent.kind == "delete":
        return [("Patient", sent.target, answer.version)] if "etag" in answer.headers else []
    if sent.kind == "conditional create" and answer.status == 200:
        return []
    return [("Patient", answer.id, answer.version)]


def _of_location(location: str) -> Named:
    *_, kind, resource_id, _history, version = location.split("/")
    return kind, resource_id, int(version)


@dataclass(frozen=True, slots=True)
class Tally:
    acknowledged: int
    unknown: int
    unknown_but_done: int
    lost: list[tuple[str, Named]]
    halves: list[str]
    invented: list[tuple[str, Named]]
    """Versions that the answer of their request does not name."""
    strangers: list[str]
    """Request ids of versions that nobody of ours asked for."""
    duplicates: list[str]
    """Keys under which several conditional creates made a resource."""

    def __str__(self) -> str:
        unknown = f"{self.unknown} unknown (of which {self.unknown_but_done} done)"
        return f"{self.acknowledged} acknowledged, {unknown}, {len(self.lost)} lost, {len(self.halves)} half"

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.halves or self.invented or self.strangers or self.duplicates)


def tally(ledger: Sequence[Sent], contents: Contents) -> Tally:
    """What the clients were told against what is stored."""
    made = contents.written_by()
    found = {sent.marker: _marked(sent, made.pop(sent.marker, [])) for sent in ledger}
    answered = [sent for sent in ledger if not sent.unknown]
    unknown = [sent for sent in ledger if sent.unknown]
    return Tally(
        acknowledged=sum(sent.acknowledged for sent in ledger),
        unknown=len(unknown),
        unknown_but_done=sum(bool(found[sent.marker]) for sent in unknown),
        lost=[(s.kind, one) for s in answered for one in promised(s) if one not in found[s.marker]],
        halves=[s.kind for s in unknown if len(found[s.marker]) not in (0, s.size)],
        invented=[(s.kind, one) for s in answered for one in found[s.marker] if one not in promised(s)],
        strangers=list(made),
        duplicates=[key for key, count in Counter(_keys(contents)).items() if count > 1],
    )


def _keys(contents: Contents) -> Iterator[str]:
    for stored in contents.current:
        if stored.body is not None:
            yield from (one["value"] for one in stored.resource.get("identifier", ()))


def _marked(sent: Sent, versions: Sequence[Stored]) -> list[Named]:
    """The bytes say the same as the event."""
    assert all(one.body is None or one.resource["name"][0]["family"] == sent.marker for one in versions), sent
    return sorted((one.type_name, one.id, one.version) for one in versions)


def transactions_recorded(ledger: Sequence[Sent], contents: Contents) -> bool:
    """One audit record for each transaction as a whole that was done; of others none says that they were."""
    done = contents.written_by().keys()
    expected = Counter(sent.marker for sent in ledger if sent.kind == "transaction" and sent.marker in done)
    told = (one for one in contents.audit if one.interaction == "transaction" and one.outcome == 200)
    return expected == Counter(record.request_id for record in told)
