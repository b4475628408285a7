"""How large the index is beside what it is an index of, and what keeping it costs a load."""

import subprocess
import sys
from dataclasses import dataclass

from tests.benchmarks.installation import ROOT
from tests.benchmarks.search.store import Store

PARTS = """
SELECT c.relname, pg_total_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND (c.relname = 'search' OR c.relname LIKE 'search\\_%')
ORDER BY 2 DESC
"""
INDEXES = """
SELECT c.relname, pg_relation_size(c.oid) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
WHERE n.nspname = 'public' AND (t.relname = 'search' OR t.relname LIKE 'search\\_%')
ORDER BY 2 DESC
"""
BODIES = "SELECT sum(octet_length(body)) FROM resource"
WRITTEN = """
SELECT count(*), extract(epoch FROM max(last_updated) - min(last_updated)) FROM resource WHERE last_updated > %s
"""
INDEXED, UNINDEXED = "fhir_server.cli.main", "tests.benchmarks.search.unindexed"
INGESTED = 50_000
"""Resources that are loaded with the index, and as many without (resources)."""


@dataclass(frozen=True)
class Sizes:
    """Bytes; tables with all that belongs to them, and of that each index."""

    tables: dict[str, int]
    indexes: dict[str, int]
    bodies: int

    @property
    def share(self) -> float:
        return sum(self.tables.values()) / self.bodies


@dataclass(frozen=True)
class Ingest:
    """Resources a second from the first to the last commit of a load."""

    indexed: float
    unindexed: float

    @property
    def share(self) -> float:
        return self.indexed / self.unindexed


def sizes(store: Store) -> Sizes:
    """Whatever is called `search` or begins so is the index: tables that come later count by themselves."""
    with store.connect() as connection:
        tables = {str(name): int(str(size)) for name, size in connection.execute(PARTS)}
        indexes = {str(name): int(str(size)) for name, size in connection.execute(INDEXES)}
        bodies = connection.execute(BODIES).fetchone()
    assert bodies
    return Sizes(tables, indexes, int(str(bodies[0])))


def ingest(store: Store) -> Ingest:
    """Into the full store; with, without, without, with: what drifts meets both alike."""
    part = min(INGESTED, store.count // 4) // 2
    seconds = {INDEXED: 0.0, UNINDEXED: 0.0}
    for module in (INDEXED, UNINDEXED, UNINDEXED, INDEXED):
        seconds[module] += _load_seconds(store, module, part)
    return Ingest(2 * part / seconds[INDEXED], 2 * part / seconds[UNINDEXED])


def _load_seconds(store: Store, module: str, count: int) -> float:
    """From the first commit to the last: the start of the command and what it tidies up at its end do not count."""
    path = store.write(count)
    with store.connect() as connection:
        row = connection.execute("SELECT clock_timestamp()").fetchone()
        assert row
        command = [sys.executable, "-m", module, "load", str(path)]
        subprocess.run(command, env=store.galenic.environment, cwd=ROOT, check=True)
        written = connection.execute(WRITTEN, row).fetchone()
    path.unlink()
    store.settle()
    assert written
    assert written[0] == count
    return float(str(written[1]))
