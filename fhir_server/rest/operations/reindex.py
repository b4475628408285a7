"""$reindex: custom SearchParameters become searchable. docs/operations/reindex.md.

It answers at once, as https://hl7.org/fhir/R4/async.html has it; the work is a job.
"""

import asyncio
from typing import Any, Final

from fhir_server.errors import Issue, NotSupported
from fhir_server.outcome import outcome_body
from fhir_server.rest.bodies import parsed_body
from fhir_server.rest.message import Request, Response
from fhir_server.rest.route import OPERATION
from fhir_server.rest.server import Server
from fhir_server.search.added import Judgement, judge
from fhir_server.storage.jobs import Job
from fhir_server.storage.reindex import build, current_of_type, lock_generations
from fhir_server.storage.write import AuditEntry, record

ACTIVE: Final = "active"
ACCEPTED: Final = 202


async def reindex(server: Server, request: Request) -> Response:
    """202 with the place of the job, and why SearchParameters were left out; the same job where nothing changed."""
    _check_body(server, request)
    async with server.database.transaction() as connection:
        await lock_generations(connection)
        resources = await current_of_type(connection, "SearchParameter")
        active = [resource for resource in resources if resource.get("status") == ACTIVE]
        judgement = await asyncio.to_thread(judge, server.indexer.registry, active)
        job = await build(connection, tuple(judgement.definitions))
        await record(connection, AuditEntry(OPERATION, ACCEPTED), request.context)
    headers = {"Content-Location": f"{server.base_url}/$job-status?job={job.id}"}
    return Response(ACCEPTED, headers, outcome_body(_issues(judgement, job)), recorded=True)


def _check_body(server: Server, request: Request) -> None:
    """None, or Parameters without any."""
    body: dict[str, Any] = parsed_body(server, request) if request.body.strip() else {}
    if body.get("parameter") or body.get("resourceType", "Parameters") != "Parameters":
        raise NotSupported("$reindex has no parameters: it always concerns all resources")


def _issues(judgement: Judgement, job: Job) -> list[Issue]:
    own = f"; {judgement.own} are R4's own and known without it" if judgement.own else ""
    told = f"{len(judgement.definitions)} SearchParameters beyond R4's own{own}; job {job.id} is {job.state}"
    return [Issue("informational", told, severity="information"), *_left_out(judgement)]


def _left_out(judgement: Judgement) -> list[Issue]:
    return [
        Issue("not-supported", f"SearchParameter/{one.id} was left out: {one.reason}", severity="warning")
        for one in judgement.refusals
    ]
