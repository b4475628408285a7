"""Runs the benchmarks and prints a table; docs/benchmarks.md says how to read it."""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import uvloop
from rich.console import Console
from rich.table import Table

from tests.benchmarks.generator import Generator
from tests.benchmarks.guarded import guarded
from tests.benchmarks.installation import installation
from tests.benchmarks.messages import messages
from tests.benchmarks.rows import ROWS as PLAIN
from tests.benchmarks.rows import Bench, Measure, Row, load_files, write_files
from tests.benchmarks.subscriptions import subscriptions

ROWS: dict[str, Measure] = PLAIN | {"guarded": guarded, "messages": messages, "subscriptions": subscriptions}

COLUMNS = ("what", "per second", "p50 ms", "p99 ms", "limit per s", "ratio", "CPU s", "API RSS MB")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=["load", *ROWS], help="measure this; may be repeated")
    chosen = parser.parse_args()
    count = int(os.environ.get("GALENIC_BENCH_RESOURCES", "200000"))
    seconds = float(os.environ.get("GALENIC_BENCH_SECONDS", "5"))
    with tempfile.TemporaryDirectory(prefix="galenic-bench-files-") as folder:
        rows = uvloop.run(measure(chosen.only or ["load", *ROWS], count, seconds, Path(folder)))
    show(rows)
    return 0


async def measure(names: Iterable[str], count: int, seconds: float, folder: Path) -> list[Row]:
    generator = Generator(count)
    files = write_files(generator, folder)
    size = sum(file.stat().st_size for file in files)
    with installation() as galenic:
        print(f"{count} resources of {size / count:.0f} bytes on average; {galenic.durability()}")
        bench = Bench(galenic, generator, count, seconds, galenic.make_limit_database())
        rows = await load_files(bench, files, with_limit="load" in names)
        for name in names:
            if name in ROWS:
                rows += await ROWS[name](bench)
                print(f"{name}: done", file=sys.stderr)
    return rows


def show(rows: Iterable[Row]) -> None:
    table = Table()
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "what" else "right", no_wrap=True)
    for row in rows:
        table.add_row(*cells(row))
    Console(width=120).print(table)


def cells(row: Row) -> list[str]:
    latency = [f"{row.load.percentile_ms(percent):.1f}" for percent in (50, 99)] if row.load else ["", ""]
    limit = [f"{row.limit:.0f}", f"{row.per_second / row.limit:.2f}"] if row.limit else ["", times(row)]
    rate = f"{row.per_second:.0f}" if row.per_second else ""
    return [row.what, rate, *latency, *limit, f"{row.cpu_seconds:.1f}", f"{row.rss_mb:.0f}"]


def times(row: Row) -> str:
    """How often the median of its limit fits into its own."""
    return f"{row.load.percentile_ms(50) / row.limit_ms:.2f} x" if row.load and row.limit_ms else ""


if __name__ == "__main__":
    sys.exit(main())
