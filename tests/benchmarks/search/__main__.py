"""Runs the benchmarks of search and prints tables; docs/benchmarks.md says how to read them."""

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from tests.benchmarks.installation import installation
from tests.benchmarks.search.limits import page_server
from tests.benchmarks.search.measure import Measured, measure
from tests.benchmarks.search.report import Run, Stage, show, write
from tests.benchmarks.search.shapes import SHAPES, Shape
from tests.benchmarks.search.side_tables import compare
from tests.benchmarks.search.sizes import ingest, sizes
from tests.benchmarks.search.store import Store

FIRST_PART = 10
"""The shapes are measured at this part of the store first."""


def main() -> int:
    chosen = arguments().parse_args()
    count = int(os.environ.get("GALENIC_BENCH_RESOURCES", "1000000"))
    seconds = float(os.environ.get("GALENIC_BENCH_SECONDS", "3"))
    shapes = [shape for shape in SHAPES if any(part in shape.name for part in chosen.only or [""])]
    with tempfile.TemporaryDirectory(prefix="galenic-bench-search-") as folder, installation() as galenic:
        print(galenic.durability())
        run = benchmark(Store(galenic, Path(folder), count), shapes, seconds, only_shapes=chosen.only_shapes)
    show(run)
    if chosen.json:
        write(run, chosen.json)
    return 0


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search", description=__doc__)
    parser.add_argument("--only", action="append", help="measure shapes with this in their name; may be repeated")
    parser.add_argument("--only-shapes", action="store_true", help="leave out side tables and ingest")
    parser.add_argument("--json", type=Path, help="write all figures to this file, too")
    return parser


def benchmark(store: Store, shapes: Sequence[Shape], seconds: float, *, only_shapes: bool) -> Run:
    run = Run(may_grow=frozenset(shape.name for shape in shapes if shape.may_grow))
    for resources in (store.count // FIRST_PART, store.count):
        store.grow(resources)
        run.stages.append(Stage(resources, uvloop.run(measure_all(store, shapes, seconds))))
    run.sizes = sizes(store)
    if not only_shapes:
        run.comparisons = compare(store, run.stages[-1].shapes)
        run.ingest = ingest(store)
    return run


async def measure_all(store: Store, shapes: Sequence[Shape], seconds: float) -> list[Measured]:
    found = []
    with page_server(store) as pages:
        for shape in shapes:
            found.append(await measure(store, shape, pages, seconds))
            print(f"{store.loaded}: {shape.name}: {found[-1].refusal or 'done'}", file=sys.stderr)
    return found


if __name__ == "__main__":
    sys.exit(main())
