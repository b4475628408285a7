"""The store that is searched: filled by `galenic load`, a part first, then the rest into the same tables."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random

import msgspec
import psycopg

from tests.benchmarks.http import Target
from tests.benchmarks.installation import Installation
from tests.benchmarks.search.chance import Resource
from tests.benchmarks.search.life import Life

SAMPLE = 1_000
"""Resources of each type that are kept to ask for (resources)."""

SETTLED_SECONDS_MAX = 600


class Samples:
    """Of each type some resources, all equally likely; they stay as the store grows."""

    def __init__(self, seed: int = 7) -> None:
        self._random = Random(seed)
        self._seen: dict[str, int] = defaultdict(int)
        self._kept: dict[str, list[Resource]] = defaultdict(list)

    def of(self, type_name: str) -> Sequence[Resource]:
        return self._kept[type_name]

    def look_at(self, resource: Resource) -> None:
        """https://en.wikipedia.org/wiki/Reservoir_sampling."""
        kept, seen = self._kept[resource["resourceType"]], self._seen[resource["resourceType"]]
        self._seen[resource["resourceType"]] += 1
        if seen < SAMPLE:
            kept.append(resource)
        elif (place := self._random.randrange(seen + 1)) < SAMPLE:
            kept[place] = resource


@dataclass
class Store:
    """`files` are what was loaded, as NDJSON."""

    galenic: Installation
    folder: Path
    count: int
    samples: Samples = field(default_factory=Samples)
    files: list[Path] = field(default_factory=list)
    loaded: int = 0

    def __post_init__(self) -> None:
        self._resources = Life(self.count).resources()

    @property
    def target(self) -> Target:
        return Target("127.0.0.1", self.galenic.port)

    def connect(self) -> psycopg.Connection[tuple[object, ...]]:
        """As the database's superuser, in autocommit."""
        return psycopg.connect(self.galenic.postgres.superuser_url, autocommit=True)

    def grow(self, count: int) -> None:
        """Until the store has `count` resources; returns when nothing of the load is left to do."""
        self.files.append(self.write(count - self.loaded))
        self.galenic.galenic("load", str(self.files[-1]))
        self.loaded = count
        self.settle()

    def write(self, count: int) -> Path:
        """The next resources of the store's life to a file."""
        path = self.folder / f"{self.loaded}-{time.monotonic_ns()}.ndjson"
        encoder = msgspec.json.Encoder()
        with path.open("wb") as file:
            for resource in islice(self._resources, count):
                self.samples.look_at(resource)
                file.write(encoder.encode(resource) + b"\n")
        return path

    def settle(self) -> None:
        """Events sequenced, tables vacuumed and analysed, dirty pages written: no load is left to be paid by reads."""
        deadline = time.monotonic() + SETTLED_SECONDS_MAX
        with self.connect() as connection:
            while connection.execute("SELECT 1 FROM outbox LIMIT 1").fetchone():
                if time.monotonic() > deadline:
                    raise RuntimeError("the sequencer does not keep up")
                time.sleep(0.5)
            connection.execute("VACUUM (ANALYZE)")
            connection.execute("CHECKPOINT")
