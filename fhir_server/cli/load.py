"""`galenic load`: resources from files, through the validation, index and writes of the API.

files ── chunks ──▶ worker processes: parse, validate, index ──▶ this process: one transaction for many resources
"""

import asyncio
import multiprocessing
import os
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg

from fhir_server.cli import database
from fhir_server.cli.loading import sources, work
from fhir_server.cli.loading.progress import progress
from fhir_server.cli.loading.report import FILE_UNREADABLE, Report
from fhir_server.cli.loading.sources import Chunk, Unreadable
from fhir_server.cli.loading.work import Item
from fhir_server.cli.loading.writing import Loading
from fhir_server.cli.terminal import complain, say
from fhir_server.errors import GalenicError
from fhir_server.settings import Settings
from fhir_server.storage.generations import Generations
from fhir_server.storage.index_key import check_index_key
from fhir_server.wiring import build

WORKERS: Final = min(8, max(2, os.cpu_count() or 2))
"""Worker processes (processes)."""

AHEAD: Final = 2
"""Chunks prepared ahead of the writer, for each worker (chunks)."""

TIDY_FROM: Final = 10_000
"""From this many loaded resources on the tables are vacuumed and analysed at once (resources)."""

TIDY: Final = "VACUUM (ANALYZE) directory, resource, search"


def run(settings: Settings, files: list[Path]) -> int:
    """Returns the exit code: 0 all loaded, 1 something was refused, 2 a file cannot be read."""
    if not _all_readable(files):
        return FILE_UNREADABLE
    report, started = Report(), time.monotonic()
    with database.database(settings) as urls:
        try:
            asyncio.run(_load(database.complete(settings, urls), files, report))
        except (GalenicError, BrokenProcessPool, KeyboardInterrupt) as error:
            _tell(report, started)
            why = error.message if isinstance(error, GalenicError) else type(error).__name__
            raise database.CommandFailed(f"the load has stopped: {why}. What is counted as loaded is stored") from error
        if report.loaded >= TIDY_FROM:
            _tidy(urls.owner_url)
    _tell(report, started)
    return report.exit_code


def _all_readable(files: list[Path]) -> bool:
    """Told before anything is loaded: later files often refer to those before them."""
    problems = [problem for problem in map(_problem, files) if problem]
    for problem in problems:
        complain(problem)
    return not problems


def _problem(file: Path) -> str:
    try:
        sources.check(file)
    except Unreadable as error:
        return str(error)
    return ""


async def _load(settings: Settings, files: list[Path], report: Report) -> None:
    parts = build(settings)
    store = parts.server.database
    await store.open()
    try:
        await check_index_key(store, parts.hasher)
        source = parts.server.finder.source
        await source.refresh(store)
        loading = Loading(parts.server, report)
        size = sum(file.stat().st_size for file in files)
        with _workers(settings, source.generations) as pool, progress(size) as tell:
            async for position, items in _prepared(pool, _chunks(files, settings.body_bytes_max, report)):
                for item in items:
                    await loading.add(item)
                tell(position, report.done)
            await loading.flush()
    finally:
        await store.close()


@contextmanager
def _workers(settings: Settings, generations: Generations) -> Iterator[ProcessPoolExecutor]:
    """Spawned, not forked: this process has threads."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(WORKERS, context, initializer=work.start, initargs=(settings, generations))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _chunks(files: list[Path], bytes_max: int, report: Report) -> Iterator[tuple[int, Chunk]]:
    """Chunks of all files in their order, each with how many bytes of all of them are read."""
    before = 0
    for file in files:
        try:
            for chunk in sources.chunks(file, bytes_max):
                yield before + chunk.position, chunk
        except Unreadable as error:
            report.unreadable.append(str(error))
        before += file.stat().st_size


async def _prepared(
    pool: ProcessPoolExecutor, chunks: Iterator[tuple[int, Chunk]]
) -> AsyncIterator[tuple[int, list[Item]]]:
    """What the workers made of the chunks, in the order of the chunks."""
    loop = asyncio.get_running_loop()
    ahead: deque[tuple[int, asyncio.Future[list[Item]]]] = deque()
    while (found := await asyncio.to_thread(next, chunks, None)) or ahead:
        if found:
            ahead.append((found[0], loop.run_in_executor(pool, work.prepare, found[1])))
        if not found or len(ahead) > AHEAD * WORKERS:
            position, items = ahead.popleft()
            yield position, await items


def _tidy(owner_url: str) -> None:
    """Statistics and the visibility map of many new rows cannot wait for autovacuum; without the right it does."""
    with suppress(psycopg.Error), psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(TIDY)


def _tell(report: Report, started: float) -> None:
    for line in report.lines(time.monotonic() - started):
        say(line)
