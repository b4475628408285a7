"""One Valkey for all servers of a test process, each with a database of its own in it."""

import atexit
import shutil
import tempfile
from functools import cache
from itertools import cycle
from pathlib import Path

from fhir_server.embedded.valkey import EmbeddedValkey

DATABASES = 16
"""Of a Valkey as it comes; what one test leaves there tells another of jobs that are not there (databases)."""

_numbers = cycle(range(DATABASES))


@cache
def valkey() -> EmbeddedValkey:
    """Started by the first who asks, stopped with the process."""
    folder = Path(tempfile.mkdtemp(prefix="galenic-test-"))
    folder.chmod(0o711)
    started = EmbeddedValkey(folder / "data")
    started.start()
    atexit.register(shutil.rmtree, folder)
    atexit.register(started.stop)
    return started


def redis_url() -> str:
    """Of the next database."""
    return valkey().url.replace("?db=0", f"?db={next(_numbers)}")
