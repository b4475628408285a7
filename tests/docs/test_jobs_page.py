"""docs/jobs.md says what the code says."""

import re
from pathlib import Path

from fhir_server.cli.job_arguments import KINDS
from fhir_server.exchange.delivering import Deliveries
from fhir_server.exchange.script import ScriptWork
from fhir_server.notifications.delivering import Delivery
from fhir_server.notifications.inside import Reactions
from fhir_server.storage.jobs import LEASE_SECONDS, RETENTION_DAYS
from fhir_server.storage.reindexing import Reindexing
from fhir_server.worker.dispatching import LOOK_SECONDS
from fhir_server.worker.runner import OVERDUE_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "jobs.md").read_text()
ROW = re.compile(r"\| `([a-z-]+)` \| .* \| (\d+) \|")


def test_the_table_has_each_kind_with_its_lanes() -> None:
    works = (Delivery, Deliveries, ScriptWork, Reindexing, Reactions)
    assert {kind: int(lanes) for kind, lanes in ROW.findall(PAGE)} == {work.kind: work.lanes for work in works}
    assert {work.kind for work in works} == set(KINDS)


def test_the_times_are_those_of_the_code() -> None:
    for said in (
        f"for {LEASE_SECONDS:.0f} s at a time",
        f"else every {LOOK_SECONDS:g} s",
        f"due for {OVERDUE_SECONDS:.0f} s without",
        f"kept for {RETENTION_DAYS} days",
    ):
        assert said in PAGE
