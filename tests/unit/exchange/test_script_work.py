"""A message whose job cannot be done for a moment is nobody's fault, and is not refused."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from fhir_server.errors import Conflict, GalenicError, Invalid, TooCostly, Unavailable
from fhir_server.exchange import script
from fhir_server.exchange.script import ScriptWork


@dataclass
class Working:
    """The work with all that is around it taken away; `error` is what committing raises."""

    error: GalenicError
    work: ScriptWork = field(default_factory=lambda: ScriptWork(*[SimpleNamespace()] * 3, None))  # type: ignore[arg-type]
    failed: int = 0

    async def run(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("read", "to_fhir", "kept_to"):
            monkeypatch.setattr(script, name, lambda *_: None)
        partner = SimpleNamespace(making=lambda *_: None)
        clock = SimpleNamespace(now=lambda: None)
        monkeypatch.setattr(self.work, "_database", SimpleNamespace(clock=clock))
        monkeypatch.setattr(self.work, "_partners", SimpleNamespace(named=_answering(partner)))
        monkeypatch.setattr(self.work, "_entry", _answering(SimpleNamespace(partner="p", raw=b"", id=1)))
        monkeypatch.setattr(self.work, "_wait_for_turn", _answering(None))
        monkeypatch.setattr(self.work, "_done", self._done)
        monkeypatch.setattr(self.work, "_failed", self._failed)
        await self.work.run(SimpleNamespace())  # type: ignore[arg-type]

    async def _done(self, *_: Any) -> None:
        raise self.error

    async def _failed(self, *_: Any) -> None:
        self.failed += 1


def _answering(value: Any) -> Any:
    async def answer(*_: Any) -> Any:
        return value

    return answer


@pytest.mark.parametrize("error", [Unavailable("away"), Conflict("held"), TooCostly("long")])
async def test_what_a_moment_of_the_database_stopped_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, error: GalenicError
) -> None:
    working = Working(error)
    with pytest.raises(type(error)):
        await working.run(monkeypatch)
    assert working.failed == 0


async def test_what_is_wrong_with_the_message_is_said_to_its_sender(monkeypatch: pytest.MonkeyPatch) -> None:
    working = Working(Invalid("not R4"))
    await working.run(monkeypatch)
    assert working.failed == 1
