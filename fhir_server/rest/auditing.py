"""What of a request goes into the audit trail: docs/audit/events.md.

A write is recorded in its own transaction; of everything else the record is committed before the answer leaves.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from fhir_server.audit.record import Record
from fhir_server.rest.message import Request, Response
from fhir_server.rest.route import OPERATION
from fhir_server.rest.search import FORM
from fhir_server.rest.searchset import CURSOR

UNRECORDED: Final = frozenset({"capabilities"})
"""Interactions that tell everybody the same, and nothing of patients."""

READING: Final = frozenset({"read", "vread"})
"""Of these the record names the version that was seen; a write that made none names none."""

ASKING: Final = ("search", "history", OPERATION)
"""Beginnings of the interactions whose query says what was asked for."""

PATIENT: Final = "Patient/"

FORM_BYTES_KEPT: Final = 4_000
"""Of a longer form the beginning is recorded (bytes)."""


def records_of(request: Request, interaction: str, response: Response) -> Sequence[Record]:
    """None where the transaction of a write has recorded it; of a Bundle those of its entries."""
    own = [] if response.recorded or interaction in UNRECORDED else [_record(request, interaction, response)]
    return [*own, *response.records]


def failure_of(request: Request, interaction: str, status: int) -> Sequence[Record]:
    """Of a request that was refused, whoever's resource it was about."""
    return [] if interaction in UNRECORDED else [_record(request, interaction, Response(status))]


def _record(request: Request, interaction: str, response: Response) -> Record:
    version = response.version
    return Record(
        request.context,
        interaction,
        response.status,
        version.type_name if version else request.type_name,
        version.id if version else request.id,
        version.version if version and interaction in READING else None,
        patients_of(response.released),
        _asked(request) if interaction.startswith(ASKING) else "",
    )


def patients_of(released: frozenset[str]) -> tuple[str, ...]:
    """The ids of the patients in whose compartments something is."""
    return tuple(sorted(owner.removeprefix(PATIENT) for owner in released if owner.startswith(PATIENT)))


def _asked(request: Request) -> str:
    path = "/".join(part for part in (request.type_name, request.id, request.member) if part)
    query = "&".join(part for part in (_query(request), _form(request)) if part)
    return f"{path}?{query}" if query else path


def _query(request: Request) -> str:
    return urlencode([pair for pair in request.parameters if pair[0] != CURSOR])


def _form(request: Request) -> str:
    """The form of a search by POST as it came, which is not taken apart again: it may be long, and refused for that."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        return ""
    return request.body[:FORM_BYTES_KEPT].decode(errors="replace")
