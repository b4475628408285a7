"""What a worker does with a job that cannot be done: now, or ever."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest

from fhir_server.errors import Unavailable
from fhir_server.storage.jobs import ATTEMPTS_MAX, Job
from fhir_server.worker.jobs import JobLoop


@dataclass
class Work:
    """Fails with an error."""

    error: Exception
    kind: str = "test"
    ran: int = 0
    abandoned: list[str] = field(default_factory=list)

    async def run(self, _connection: Any, _job: Job) -> None:
        self.ran += 1
        raise self.error

    async def abandon(self, _connection: Any, _job: Job, problem: str) -> None:
        self.abandoned.append(problem)

    async def tidy(self, _connection: Any) -> None:
        return


def a_job(attempts: int = 1) -> Job:
    return Job(uuid4(), "test", "running", {}, 0, 0, attempts, 1, datetime(2026, 11, 21, tzinfo=UTC), None, None, None)


async def test_what_the_absence_of_the_database_stopped_is_tried_again() -> None:
    work = Work(Unavailable("away"))
    with pytest.raises(Unavailable):
        await JobLoop("", work, lambda: 0.0)._do(None, a_job())  # type: ignore[arg-type]
    assert work.abandoned == []


@pytest.mark.parametrize(("error", "attempts", "ran"), [(LookupError(), 1, 1), (LookupError(), ATTEMPTS_MAX + 1, 0)])
async def test_what_can_never_be_done_is_given_up(error: Exception, attempts: int, ran: int) -> None:
    work = Work(error)
    await JobLoop("", work, lambda: 0.0)._do(None, a_job(attempts))  # type: ignore[arg-type]
    assert (work.ran, len(work.abandoned)) == (ran, 1)
