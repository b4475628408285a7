"""Makes the report of each calendar day, once the day is over, and keeps it; days that were missed are made up for."""

import asyncio
import logging
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import psycopg
from psycopg.types.json import Jsonb

from fhir_server.audit.interactions import INTERFERENCE
from fhir_server.audit.recorder import insert_records
from fhir_server.audit.report import Report, review
from fhir_server.audit.system import system_record
from fhir_server.storage.database import Connection

LOG = logging.getLogger(__name__)

REVIEWER_LOCK: Final = 5
POLL_SECONDS: Final = 60.0
"""Time between two looks for a day that is over (seconds)."""

RECONNECT_SECONDS: Final = 1.0
SETTLED: Final = timedelta(minutes=10)
"""How long after midnight every record of the day before is committed: statements and transactions end sooner."""

TRY_LOCK: Final = "SELECT pg_try_advisory_lock(%s, 0)"
UNLOCK: Final = "SELECT pg_advisory_unlock(%s, 0)"
FIRST: Final = "SELECT max(day) + 1, (SELECT (min(recorded) AT TIME ZONE 'UTC')::date FROM audit) FROM audit_report"
KEEP: Final = "INSERT INTO audit_report (day, report) VALUES (%s, %s) ON CONFLICT DO NOTHING"
KEPT: Final = "SELECT report FROM audit_report WHERE day = %s"


async def kept_report(connection: Connection, day: date) -> Report | None:
    """The report that was made when the day was over."""
    row = await (await connection.execute(KEPT, (day,))).fetchone()
    return row[0] if row else None


async def make_due(connection: Connection, now: datetime) -> list[date]:
    """Reports of all days that are over at `now` and have none; which days these were."""
    over = (now - SETTLED).astimezone(UTC).date() - timedelta(days=1)
    row: Any = await (await connection.execute(FIRST)).fetchone()
    day = min(row[0] or row[1] or over, over + timedelta(days=1))
    made = []
    while day <= over:
        await _make(connection, day)
        made.append(day)
        day += timedelta(days=1)
    return made


async def _make(connection: Connection, day: date) -> None:
    report = await review(connection, day)
    problems = report["chain"]["problems"]
    if problems:
        LOG.error("the review of %s finds %s problems in the audit trail", day, len(problems))
        what = f"review of {day}: {len(problems)} problems, the first: {problems[0]}"
        await insert_records(connection, [system_record(INTERFERENCE, what, status=500)])
    await connection.execute(KEEP, (day, Jsonb(report)))


class Reviewer:
    """Runs until cancelled; of several workers one makes the reports."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def run(self) -> None:
        while True:
            try:
                connection = await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, options="-c timezone=UTC"
                )
                async with connection:
                    await self._serve(connection)
            except psycopg.Error as error:
                LOG.warning("the reviewer lost its connection: %s", type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _serve(self, connection: Connection) -> None:
        while True:
            if await _one(connection, TRY_LOCK, REVIEWER_LOCK):
                await make_due(connection, await _one(connection, "SELECT clock_timestamp()"))
                await _one(connection, UNLOCK, REVIEWER_LOCK)
            await asyncio.sleep(POLL_SECONDS)


async def _one(connection: Connection, statement: str, *values: Any) -> Any:
    row = await (await connection.execute(statement, values)).fetchone()
    return row[0] if row else None
