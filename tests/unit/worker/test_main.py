"""The parts of the worker do not depend on each other."""

import asyncio
import logging

import pytest

from fhir_server.worker import main
from fhir_server.worker.main import kept_running


async def test_a_part_that_fails_begins_again_and_another_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(main, "RESTART_SECONDS", 0)
    failures, turns = iter([ValueError("Chalmers"), LookupError("Chalmers")]), []
    ended = asyncio.Event()

    async def failing() -> None:
        if error := next(failures, None):
            raise error
        ended.set()
        await asyncio.Event().wait()

    async def going_on() -> None:
        while True:
            turns.append(len(turns))
            await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR):
        both = asyncio.gather(kept_running("one", failing), kept_running("two", going_on))
        await asyncio.wait_for(ended.wait(), 5)
        met = len(turns)
        await asyncio.sleep(0.01)
        assert len(turns) > met
        both.cancel()
    assert "ValueError" in caplog.text
    assert "LookupError" in caplog.text
    assert "Chalmers" not in caplog.text
