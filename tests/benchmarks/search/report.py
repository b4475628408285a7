"""What a run found, as tables and as JSON. Nothing is asserted: what misses an aim is marked."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.benchmarks.search.measure import Measured
from tests.benchmarks.search.side_tables import Comparison
from tests.benchmarks.search.sizes import Ingest, Sizes

GROWTH_MAX = 1.5
TIMES_KEY_MAX = 10
SHARE_OF_PAGE_MIN = 0.5
FULL_PAGE = 45
"""From this many entries on a page counts as one of 50 (entries)."""

INDEX_SHARE_MAX = 1.0
INGEST_SHARE_MIN = 0.6
WIDTH = 160
NUMBERS = "entries|p50|p99|per s|growth|by key|times|in DB|growth|by key|times|page/s|share".split("|")


@dataclass(frozen=True)
class Stage:
    """The shapes at one size of the store."""

    resources: int
    shapes: list[Measured]

    def of(self, name: str) -> Measured | None:
        return next((one for one in self.shapes if one.name == name and not one.refusal), None)


@dataclass
class Run:
    """`stages` by size; `may_grow` names the shapes whose growth has no aim."""

    stages: list[Stage] = field(default_factory=list)
    may_grow: frozenset[str] = frozenset()
    sizes: Sizes | None = None
    comparisons: list[Comparison] = field(default_factory=list)
    ingest: Ingest | None = None

    def growth(self, one: Measured, what: str) -> float | None:
        """Of a time, from the first size to the last."""
        first = self.stages[0].of(one.name)
        if len(self.stages) == 1 or first is None or not getattr(first, what):
            return None
        return float(getattr(one, what) / getattr(first, what))


def show(run: Run) -> None:
    console = Console(width=WIDTH)
    console.print(shapes_table(run))
    for line in lines(run):
        console.print(line)


def shapes_table(run: Run) -> Table:
    last = run.stages[-1]
    title = f"{last.resources} resources, times in ms; growth from {run.stages[0].resources}; bold misses its aim"
    table = Table(title=title, box=box.SIMPLE)
    table.add_column("shape", no_wrap=True)
    for column in NUMBERS:
        table.add_column(column, justify="right", no_wrap=True)
    for one in last.shapes:
        table.add_row(*cells(run, one))
    return table


def cells(run: Run, one: Measured) -> list[str]:
    if one.refusal:
        return [one.name, "refused"]
    grows = one.name in run.may_grow
    growths = [run.growth(one, what) for what in ("p50_ms", "database_ms")]
    told = [_told(value, ".2f", missed=(value or 0) > GROWTH_MAX and not grows) for value in growths]
    return [
        one.name,
        f"{one.entries:.1f}",
        f"{one.p50_ms:.2f}",
        f"{one.p99_ms:.2f}",
        f"{one.per_second:.0f}",
        told[0],
        _told(one.key_p50_ms, ".2f"),
        _told(one.times_key, ".1f"),
        f"{one.database_ms:.2f}",
        told[1],
        _told(one.key_database_ms, ".2f"),
        _told(one.times_key_in_database, ".1f", missed=one.times_key_in_database > TIMES_KEY_MAX),
        _told(one.page_per_second, ".0f"),
        _told(one.share_of_page, ".2f", missed=one.entries >= FULL_PAGE and one.share_of_page < SHARE_OF_PAGE_MIN),
    ]


def _told(value: float | None, form: str, *, missed: bool = False) -> str:
    text = f"{value:{form}}" if value else ""
    return f"[bold red]{text}[/]" if missed else text


def lines(run: Run) -> Iterator[str]:
    for one in run.stages[-1].shapes:
        if one.refusal:
            yield f"refused: {one.name}: {one.refusal}"
        elif one.counted_per_second:
            yield f"{one.name}: {one.total:.0f} rows, {one.counted_per_second:.0f} rows/s"
    if run.sizes:
        yield from _size_lines(run.sizes, run.stages[-1].resources)
    for comparison in run.comparisons:
        yield str(comparison)
    if run.ingest:
        share = _told(run.ingest.share, ".2f", missed=run.ingest.share < INGEST_SHARE_MIN)
        yield f"load: {run.ingest.indexed:.0f}/s, without index {run.ingest.unindexed:.0f}/s: {share}"


def _size_lines(sizes: Sizes, resources: int) -> Iterator[str]:
    share, index = _told(sizes.share, ".2f", missed=sizes.share > INDEX_SHARE_MAX), sum(sizes.tables.values())
    each = f"{index / resources:.0f} and {sizes.bodies / resources:.0f} bytes a resource"
    yield f"index {_megabytes(index)}, bodies {_megabytes(sizes.bodies)} ({each}): {share}"
    for parts in (sizes.tables, sizes.indexes):
        yield "  " + ", ".join(f"{name} {_megabytes(size)}" for name, size in parts.items())


def _megabytes(size: int) -> str:
    return f"{size / 2**20:.0f} MB"


def write(run: Run, path: Path) -> None:
    path.write_text(json.dumps(_json(run), indent=1) + "\n")


def _json(run: Run) -> dict[str, object]:
    return {
        "stages": [{"resources": s.resources, "shapes": _shapes(run, s.shapes)} for s in run.stages],
        "sizes": asdict(run.sizes) | {"share": run.sizes.share} if run.sizes else None,
        "side_tables": [asdict(comparison) for comparison in run.comparisons],
        "ingest": asdict(run.ingest) | {"share": run.ingest.share} if run.ingest else None,
    }


def _shapes(run: Run, shapes: Sequence[Measured]) -> list[dict[str, object]]:
    return [
        asdict(one)
        | {name: getattr(one, name) for name in ("times_key", "times_key_in_database", "share_of_page")}
        | {f"growth_of_{what}": run.growth(one, what) for what in ("p50_ms", "database_ms") if not one.refusal}
        for one in shapes
    ]
