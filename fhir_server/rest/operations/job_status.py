"""$job-status: how far a job is. docs/operations/job-status.md, https://hl7.org/fhir/R4/async.html."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from fhir_server.clock import instant
from fhir_server.errors import Invalid, Issue, NotFound
from fhir_server.outcome import outcome_body
from fhir_server.rest.message import Request, Response
from fhir_server.rest.server import Server
from fhir_server.storage.jobs import Job, find

RETRY_AFTER_SECONDS: Final = 1
"""When it is worth asking again (seconds)."""


async def job_status(server: Server, request: Request) -> Response:
    """202 with X-Progress while the job waits or runs, 200 with Parameters when it has ended; `NotFound`, `Invalid`."""
    asked = request.parameter("job")
    if asked is None:
        raise Invalid("$job-status needs the parameter job", [Issue("required", "which job? $job-status?job=…")])
    async with server.database.connection() as connection:
        job = await find(connection, _job_id(asked))
    if job is None:
        raise _unknown()
    return _under_way(job) if job.is_open else Response(200, {}, msgspec.json.encode(_parameters(job)))


def _job_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise _unknown() from error


def _unknown() -> NotFound:
    return NotFound("There is no such job")


def _under_way(job: Job) -> Response:
    progress = f"{job.position} of {job.total} resources"
    headers = {"X-Progress": progress, "Retry-After": str(RETRY_AFTER_SECONDS)}
    told = Issue("informational", f"The job is {job.state}: {progress}", severity="information")
    return Response(202, headers, outcome_body([told]))


def _parameters(job: Job) -> dict[str, Any]:
    parameters = [
        {"name": "state", "valueCode": job.state},
        {"name": "resources", "valueDecimal": job.position},  # an integer of FHIR ends at 2,147,483,647
        *_moment("started", job.started),
        *_moment("finished", job.finished),
    ]
    if job.problem:
        parameters.append({"name": "problem", "valueString": job.problem})
    return {"resourceType": "Parameters", "parameter": parameters}


def _moment(name: str, moment: datetime | None) -> list[dict[str, Any]]:
    return [{"name": name, "valueInstant": instant(moment)}] if moment else []
