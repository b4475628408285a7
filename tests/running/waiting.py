"""Waiting for what happens on its own.

What is promised within a time is held to it by `make prove`, on a machine that does nothing else. Elsewhere a test
waits longer: a busy machine breaks no promise.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from tests.conftest import PROVE

PATIENCE_SECONDS = 60.0
"""How long a test waits for what has no time of its own (seconds)."""

PAUSE_SECONDS = 0.02
"""Between two looks (seconds)."""


def allowed(promised: float) -> float:
    """How long something may take of which a time is promised (seconds)."""
    return promised if PROVE else max(promised, PATIENCE_SECONDS)


def wait_until(condition: Callable[[], Any], promised: float = PATIENCE_SECONDS) -> float:
    """How long it took (seconds); `AssertionError` where it does not happen in its time."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < allowed(promised), "it did not happen in time"
        time.sleep(PAUSE_SECONDS)
    return time.monotonic() - began


async def eventually(condition: Callable[[], Any], promised: float = PATIENCE_SECONDS) -> float:
    """The same beside other tasks: the condition is asked in a thread."""
    began = time.monotonic()
    while not await asyncio.to_thread(condition):
        assert time.monotonic() - began < allowed(promised), "it did not happen in time"
        await asyncio.sleep(PAUSE_SECONDS)
    return time.monotonic() - began
