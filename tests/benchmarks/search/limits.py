"""The limits of a shape: the very pages it returned, read by primary key."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from urllib.request import urlopen

import psycopg

from fhir_server.model.resource_types import type_number
from tests.benchmarks.http import Target
from tests.benchmarks.installation import READY_SECONDS_MAX, ROOT
from tests.benchmarks.search.database_time import DatabaseTime
from tests.benchmarks.search.page_server import SELECT, URL
from tests.benchmarks.search.store import Store

Key = tuple[str, str]
"""Type and id."""

READER = "bench-reader"
KEYS = """
SELECT k.place, d.rid FROM unnest(%s::smallint[], %s::text[]) WITH ORDINALITY AS k (type, id, place)
JOIN directory d ON d.type = k.type AND d.id = k.id
"""


def rids_of(store: Store, pages: Sequence[Sequence[Key]]) -> list[list[int]]:
    """Internal ids of each page's resources, in its order."""
    keys = sorted({key for page in pages for key in page})
    with store.connect() as connection:
        rows = connection.execute(KEYS, [[type_number(name) for name, _ in keys], [one for _, one in keys]]).fetchall()
    rids = {keys[int(str(place)) - 1]: int(str(rid)) for place, rid in rows}
    return [[rids[key] for key in page] for page in pages]


def key_read_ms(store: Store, pages: Sequence[list[int]]) -> tuple[float, float]:
    """Median time of a prepared read of a page's bodies: for this process that asks, and of it in the database."""
    url, waited, taken = store.galenic.postgres.app_url, [], []
    with psycopg.connect(url, autocommit=True, prepare_threshold=0, application_name=READER) as connection:
        cursor = connection.cursor(binary=True)
        for page in pages:
            began = time.perf_counter()
            cursor.execute(SELECT, [page]).fetchall()
            waited.append((time.perf_counter() - began) * 1000)
        with DatabaseTime(store, READER) as clock:
            for page in pages:
                cursor.execute(SELECT, [page]).fetchall()
                taken.append(clock.taken_ms())
    return median(waited), median(taken)


@dataclass(frozen=True)
class PageServer:
    target: Target

    def request(self, page: Sequence[int]) -> bytes:
        return self.target.request("GET", f"/page?rids={','.join(map(str, page))}")


@contextmanager
def page_server(store: Store) -> Iterator[PageServer]:
    """`page_server.py` as a process of its own."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        fd, port = listener.fileno(), listener.getsockname()[1]
        command = [sys.executable, "-m", "tests.benchmarks.search.page_server", str(fd)]
        environment = os.environ | {URL: store.galenic.postgres.app_url}
        serving = subprocess.Popen(command, env=environment, cwd=ROOT, pass_fds=(fd,))
    try:
        _wait_ready(port)
        yield PageServer(Target("127.0.0.1", port))
    finally:
        serving.terminate()
        serving.wait(30)


def _wait_ready(port: int) -> None:
    """The listener takes connections before there is a server: the first answer is the sign."""
    with urlopen(f"http://127.0.0.1:{port}/fhir/page?rids=", timeout=READY_SECONDS_MAX) as answer:
        if answer.status != 200:
            raise RuntimeError("the page server is not ready")
    time.sleep(0.1)
