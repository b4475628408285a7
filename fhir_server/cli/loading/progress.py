"""How far a load is: a bar on a terminal, else a line every few seconds."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from fhir_server.cli.terminal import say

LINE_SECONDS: Final = 5.0
"""Time between two lines where there is no terminal (seconds)."""

Progress = Callable[[int, int], None]
"""Told how many bytes of the files are read and how many resources are done."""


@contextmanager
def progress(bytes_total: int) -> Iterator[Progress]:
    if sys.stdout.isatty():
        with _bar(bytes_total) as tell:
            yield tell
    else:
        yield Lines(bytes_total, time.monotonic)


@contextmanager
def _bar(bytes_total: int) -> Iterator[Progress]:
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    told = TextColumn("{task.fields[resources]} resources, {task.fields[rate]:.0f}/s, to go")
    started = time.monotonic()
    with Bar(BarColumn(), TaskProgressColumn(), told, TimeRemainingColumn()) as bar:
        task = bar.add_task("load", total=bytes_total, resources=0, rate=0.0)

        def tell(bytes_read: int, resources: int) -> None:
            rate = resources / max(time.monotonic() - started, 0.001)
            bar.update(task, completed=bytes_read, resources=resources, rate=rate)

        yield tell


class Lines:
    """At most one line in `LINE_SECONDS`; `now` counts seconds."""

    def __init__(self, bytes_total: int, now: Callable[[], float]) -> None:
        self._bytes_total = max(1, bytes_total)
        self._now = now
        self._started = self._last = now()

    def __call__(self, bytes_read: int, resources: int) -> None:
        now = self._now()
        if now - self._last < LINE_SECONDS or not bytes_read:
            return
        self._last = now
        seconds = now - self._started
        share = min(1.0, bytes_read / self._bytes_total)
        to_go = seconds / share - seconds
        say(f"{share:4.0%}  {resources} resources, {resources / seconds:.0f}/s, {to_go:.0f} s to go")
