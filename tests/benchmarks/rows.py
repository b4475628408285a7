"""What is measured: one function a row of the table."""

import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

from fhir_server.model.resource_types import type_number
from tests.benchmarks.generator import SYSTEM, Generator, identifier, resource_id
from tests.benchmarks.http import Load, Make, Target
from tests.benchmarks.installation import Installation, ended_children_cpu
from tests.benchmarks.limits import Inserts, prepare, selects

NEW_RESOURCES = 10_000
LOAD_TRANSACTION = 500
BUNDLE_ENTRIES = 100
READERS = 32
WRITERS = 32
CLINICAL = ("MedicationRequest", "MedicationDispense", "Observation")


@dataclass(frozen=True)
class Row:
    """`per_second` counts resources or requests, `limit` the same of the limit; `rss_mb` of the API process.

    Where a time is held to a limit, `limit_ms` is the median of that.
    """

    what: str
    per_second: float
    limit: float | None = None
    load: Load | None = None
    cpu_seconds: float = 0.0
    rss_mb: float = 0.0
    limit_ms: float | None = None


@dataclass
class Bench:
    installation: Installation
    generator: Generator
    count: int
    seconds: float
    limit_url: str
    random: Random = field(default_factory=lambda: Random(1))

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.installation.port)

    @cached_property
    def new(self) -> list[dict[str, Any]]:
        """Resources to create, without ids."""
        return [self.generator.new(CLINICAL[n % len(CLINICAL)], self.count + n) for n in range(NEW_RESOURCES)]

    @cached_property
    def inserts(self) -> Inserts:
        indexer = self.installation.indexer()
        return Inserts(self.limit_url, [prepare(indexer, resource) for resource in self.new])

    @cached_property
    def creates(self) -> Make:
        requests = [self.target.request("POST", f"/{r['resourceType']}", encoded(r)) for r in self.new]
        return lambda number: requests[number % NEW_RESOURCES]

    def any_id(self, type_name: str) -> str:
        return resource_id(type_name, self.random.randrange(self.generator.counts[type_name]))

    async def requests(
        self, what: str, make: Make, expected: int, connections: int, limit: float | None = None, each: int = 1
    ) -> Row:
        """Warmed up by a short run; `each` is how many resources a request holds."""
        await self.target.run(make, expected, connections, min(1.0, self.seconds))
        before = self.installation.cpu_seconds()
        load = await self.target.run(make, expected, connections, self.seconds)
        cpu = self.installation.cpu_seconds() - before
        return Row(what, load.per_second * each, limit, load, cpu, self.installation.api_rss_mb())


def encoded(resource: Any) -> bytes:
    return json.dumps(resource, separators=(",", ":")).encode()


def write_files(generator: Generator, folder: Path) -> list[Path]:
    """The store's resources as NDJSON, a file for each type."""
    files = []
    for type_name in generator.counts:
        files.append(folder / f"{type_name}.ndjson")
        with files[-1].open("wb") as file:
            file.writelines(encoded(resource) + b"\n" for resource in generator.of_type(type_name))
    return files


async def load_files(bench: Bench, files: Sequence[Path], *, with_limit: bool) -> list[Row]:
    before, started = bench.installation.cpu_seconds() + ended_children_cpu(), time.perf_counter()
    bench.installation.galenic("load", *map(str, files))
    rate = bench.count / (time.perf_counter() - started)
    cpu = bench.installation.cpu_seconds() + ended_children_cpu() - before
    limit = None
    if with_limit:
        indexer = bench.installation.indexer()
        again = (json.loads(line) for file in files for line in file.open("rb"))
        limit = await Inserts(bench.limit_url, [prepare(indexer, one) for one in again]).once(LOAD_TRANSACTION)
    return [Row("load", rate, limit, cpu_seconds=cpu, rss_mb=bench.installation.api_rss_mb())]


def reads(bench: Bench) -> Make:
    names = ("Patient", "MedicationRequest", "MedicationDispense", "Observation")
    paths = [f"/{name}/{bench.any_id(name)}" for name in names for _ in range(5_000)]
    bench.random.shuffle(paths)
    requests = [bench.target.request("GET", path) for path in paths]
    return lambda number: requests[number % len(requests)]


async def read(bench: Bench) -> list[Row]:
    number = type_number("MedicationRequest")
    keys = [(number, bench.any_id("MedicationRequest")) for _ in range(20_000)]
    limit = await selects(bench.installation.postgres.app_url, keys, bench.seconds, READERS)
    return [await bench.requests("read", reads(bench), 200, READERS, limit)]


async def create(bench: Bench) -> list[Row]:
    rows = []
    for connections in (1, WRITERS):
        limit = await bench.inserts.for_seconds(bench.seconds, connections, 1)
        rows.append(await bench.requests(f"create, {connections} conn.", bench.creates, 201, connections, limit))
    return rows


async def update(bench: Bench) -> list[Row]:
    """Each time with another content: an update that changes nothing makes no version."""

    def make(number: int) -> bytes:
        resource = bench.new[number % NEW_RESOURCES]
        name = resource["resourceType"]
        changed = resource | {"id": bench.any_id(name), "identifier": [identifier("changed", number)]}
        return bench.target.request("PUT", f"/{name}/{changed['id']}", encoded(changed))

    return [await bench.requests("update", make, 200, WRITERS)]


async def conditional_create(bench: Bench) -> list[Row]:
    run = uuid4().hex[:8]

    def make(number: int) -> bytes:
        key = f"{run}-{bench.random.randrange(10**12)}"
        resource = bench.new[number % NEW_RESOURCES] | {"identifier": [{"system": f"{SYSTEM}/key", "value": key}]}
        header = f"If-None-Exist: identifier={SYSTEM}/key|{key}\r\n"
        return bench.target.request("POST", f"/{resource['resourceType']}", encoded(resource), header)

    return [await bench.requests("conditional create", make, 201, WRITERS)]


async def transaction(bench: Bench) -> list[Row]:
    bundles = []
    for first in range(0, NEW_RESOURCES, BUNDLE_ENTRIES):
        chosen = bench.new[first : first + BUNDLE_ENTRIES]
        asked = [{"method": "POST", "url": resource["resourceType"]} for resource in chosen]
        pairs = zip(chosen, asked, strict=True)
        entries = [{"fullUrl": f"urn:uuid:{uuid4()}", "resource": one, "request": how} for one, how in pairs]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        bundles.append(bench.target.request("POST", "", encoded(bundle)))
    limit = await bench.inserts.for_seconds(bench.seconds, 4, BUNDLE_ENTRIES)
    what = f"transaction of {BUNDLE_ENTRIES}"
    return [await bench.requests(what, lambda n: bundles[n % len(bundles)], 200, 4, limit, BUNDLE_ENTRIES)]


async def search(bench: Bench) -> list[Row]:
    def make(_: int) -> bytes:
        number = bench.random.randrange(bench.generator.counts["Patient"])
        return bench.target.request("GET", f"/Patient?identifier={SYSTEM}/mrn%7Cmrn-{number:09}")

    return [await bench.requests("search by identifier", make, 200, READERS)]


async def history(bench: Bench) -> list[Row]:
    def make(_: int) -> bytes:
        return bench.target.request("GET", f"/MedicationRequest/{bench.any_id('MedicationRequest')}/_history")

    return [await bench.requests("instance history", make, 200, READERS)]


async def memory(bench: Bench) -> list[Row]:
    """As many reads as there are resources; the memory of the API process before and after."""
    before = bench.installation.api_rss_mb()
    started = bench.installation.cpu_seconds()
    done = await bench.target.run(reads(bench), 200, READERS, requests=bench.count)
    cpu = bench.installation.cpu_seconds() - started
    after = bench.installation.api_rss_mb()
    return [
        Row(f"before {bench.count} reads", 0, rss_mb=before),
        Row(f"after {bench.count} reads", done.per_second, None, done, cpu, after),
    ]


Measure = Callable[[Bench], Awaitable[list[Row]]]

ROWS: dict[str, Measure] = {
    "read": read,
    "create": create,
    "update": update,
    "conditional-create": conditional_create,
    "transaction": transaction,
    "search": search,
    "history": history,
    "memory": memory,
}
"""By the NAME of `--only`; `load` comes before them all: it fills the store."""
